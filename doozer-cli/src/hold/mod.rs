//! Holding a file: one of many programs has it, until it gives it back or falls silent.
//!
//! # How
//! | | by |
//! | --- | --- |
//! | take a file that is not there | SET with revision 0 |
//! | stay the holder | SET with the revision of one's own last SET, every third of the time-to-live |
//! | take over from one that fell silent | SET with the revision seen, once that has not changed for the time-to-live |
//! | give it back | DEL, or SET to a last value, with the revision of one's own last SET |
//!
//! Every one of these names the revision that it builds on, so that of several that meet one wins:
//! the store decides, and no clocks are compared. A contender measures the holder's silence on its
//! own clock, from when it saw the revision. The holder measures on its own, from when it *sent*
//! the last SET that worked, which is earlier. So where both clocks run at one pace, and neither is
//! stopped, the holder knows that it may have been taken over before anybody can take over.
//!
//! ```text
//! 0          1/3         2/3    3/4   7/8   1        of the time-to-live, since the last SET that worked
//! |-----------|-----------|------|-----|----|
//! sent        renewed     again  lost  over  others may take over
//! ```
//!
//! *Lost*: what runs under the lock is told to end. *Over*: it is killed. What is left is for
//! clocks that run at different paces, and for the killing.
//!
//! # What can go wrong
//! | | then |
//! | --- | --- |
//! | a SET's outcome is unknown | it is sent again with the same revision; where that is refused, reading tells whether the first one worked: the file holds one's own value at a new revision |
//! | it works later, when the file was deleted | the file is there and nobody renews it: it is taken over |
//! | the holder stands still for longer than the time-to-live, and goes on | for a moment two programs believe to hold. The revision at which each took it, the *token*, tells them apart: a SET with the token as its revision is refused once somebody wrote who took it later |
//! | somebody deletes or overwrites the file by hand | the holder sees it at once, and has lost it |
//!
//! # What stands in the file
//! A [`Claim`]: who holds it, and the time-to-live that contenders heed. What is no claim is not
//! taken over. Or [`Value::Plain`]: bytes that others read, where the contenders' own time-to-live
//! counts; all must use the same. Equal bytes do not tell contenders apart: a SET of a contender
//! whose outcome is unknown is then taken for somebody else's, which costs it a time-to-live and
//! never makes two holders. The holder does not need them: nobody else could have written yet.

mod acquire;
pub(crate) mod child;
mod claim;
mod keep;
mod lease;
mod release;
mod standing;

use std::time::Duration;

use bytes::Bytes;
use doozer_client::{Client, Code, ErrCode, Error};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) use acquire::{AcquireError, acquire};
pub(crate) use claim::{Claim, hostname};
use lease::Lease;
pub(crate) use lease::Loss;
pub(crate) use release::GiveBackError;

/// The shortest: below, an election of the cluster's leader would cost every lock.
const TIME_TO_LIVE_MIN: Duration = Duration::from_secs(1);
/// The longest: a holder that died is waited for that long.
const TIME_TO_LIVE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// What is good for most: a node that dies silently is noticed, and another one asked, in time.
const TIME_TO_LIVE_DEFAULT: Duration = Duration::from_secs(15);

/// After how long a holder that is not heard of is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeToLive(Duration);

/// A time-to-live that is too short or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("from {TIME_TO_LIVE_MIN:?} to 24h is wanted")]
pub(crate) struct TimeToLiveError;

impl TimeToLive {
    /// That one, where it is within the limits.
    pub(crate) fn new(time: Duration) -> Result<Self, TimeToLiveError> {
        if (TIME_TO_LIVE_MIN..=TIME_TO_LIVE_MAX).contains(&time) {
            Ok(Self(time))
        } else {
            Err(TimeToLiveError)
        }
    }
}

impl Default for TimeToLive {
    fn default() -> Self {
        Self(TIME_TO_LIVE_DEFAULT)
    }
}

/// What stands in a file while it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A [`Claim`] of this program.
    Claim,
    /// These bytes, for others to read.
    Plain(Bytes),
}

/// How a file is to be held.
#[derive(Debug, Clone)]
pub(crate) struct HoldOptions {
    /// What stands in it.
    pub(crate) value: Value,
    /// After how long this holder may be taken over; with a plain value, any.
    pub(crate) time_to_live: TimeToLive,
    /// How long to contend for it, if not for ever. Zero: take it if it is there to be taken.
    pub(crate) wait: Option<Duration>,
    /// Ends contending, as when `wait` is over. A SET that is under way then may still win.
    pub(crate) give_up: CancellationToken,
}

/// A file that this program holds.
///
/// Dropped, it is not given back, but no longer renewed: it can be taken over after the
/// time-to-live. That leaves time for what still runs under it to end.
#[derive(Debug)]
pub(crate) struct Held {
    client: Client,
    path: String,
    value: Bytes,
    rev: i64,
    promise: watch::Receiver<Promise>,
    keeper: JoinHandle<Lease>,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// For how long the file is held for certain.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    /// From then on what runs under it has to end, unless there is a new promise.
    pub(crate) lost_at: Instant,
    /// Then it has to have ended.
    pub(crate) over_at: Instant,
    /// There will be no new promise.
    pub(crate) loss: Option<Loss>,
}

impl Held {
    /// Which file.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The revision at which it was acquired: the fencing token. It stays the same.
    pub(crate) fn rev(&self) -> i64 {
        self.rev
    }

    /// For how long it is held for certain, as it is renewed.
    pub(crate) fn promise(&self) -> watch::Receiver<Promise> {
        self.promise.clone()
    }

    /// Ends when it can no longer be promised that the file is held, with the reason. What runs
    /// under it has until [`Promise::over_at`] to end.
    pub(crate) async fn lost(&self) -> Loss {
        let mut promise = self.promise();
        let last = promise.wait_for(|promise| promise.loss.is_some()).await;
        let loss = last.ok().and_then(|promise| promise.loss.clone());
        loss.unwrap_or(Loss::NotKept)
    }
}

/// Whether the error may pass by itself: asking again may help.
pub(crate) fn is_passing(error: &Error) -> bool {
    match error {
        Error::OutcomeUnknown { .. }
        | Error::Timeout { .. }
        | Error::Dial { .. }
        | Error::Lost { .. }
        | Error::Behind { .. }
        | Error::Refused {
            code: Code::Known(ErrCode::Readonly),
            ..
        } => true,
        Error::Refused {
            code: Code::Known(ErrCode::Other),
            detail: Some(detail),
            ..
        } => PASSING.iter().any(|begin| detail.starts_with(begin)),
        _ => false,
    }
}

/// How the server's words begin about a mutation that found no quorum.
const PASSING: [&str; 2] = ["not executed", "outcome unknown"];

/// Whether the mutation may have worked although an error came back.
fn is_unsettled(error: &Error) -> bool {
    match error {
        Error::OutcomeUnknown { .. } => true,
        Error::Refused {
            code: Code::Known(ErrCode::Other),
            detail: Some(detail),
            ..
        } => detail.starts_with(PASSING[1]),
        _ => false,
    }
}
