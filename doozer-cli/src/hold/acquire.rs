//! Contends for a file until it is held.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use doozer_client::{Client, Error, Event, EventKind, Watch};
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::keep::Keeper;
use super::lease::Lease;
use super::standing::{NoClaim, Standing};
use super::{Claim, Held, HoldOptions, Value, is_passing};

/// The rest after something that passes stood in the way.
const REST: Duration = Duration::from_millis(200);
/// How long a SET that is under way is waited for by who gives up.
const SETTLE_WITHIN: Duration = Duration::from_secs(1);

/// Why a file is not held.
#[derive(Debug, Error)]
pub(crate) enum AcquireError {
    /// Somebody else held it for as long as was waited.
    #[error("{path} was not acquired{}{}", within(*.after), holder_of(.holder.as_deref()))]
    WaitOver {
        /// Which file.
        path: String,
        /// How long was waited.
        after: Duration,
        /// Who holds it.
        holder: Option<String>,
    },
    /// The contender was told to give up.
    #[error("{path} was not acquired: given up")]
    GivenUp {
        /// Which file.
        path: String,
    },
    /// The file holds something else, which would be lost.
    #[error("{path} is no lock: it holds something else, at revision {rev}")]
    NoClaim {
        /// Which file.
        path: String,
        /// Its revision.
        rev: i64,
        /// What it holds.
        value: Bytes,
    },
    /// The server refuses, and would again.
    #[error(transparent)]
    Client(#[from] Error),
    /// There are no random numbers to be had.
    #[error("cannot draw a random id")]
    Random(#[source] io::Error),
}

fn within(after: Duration) -> String {
    if after.is_zero() {
        return String::new();
    }
    format!(" within {after:?}")
}

fn holder_of(holder: Option<&str>) -> String {
    holder.map_or_else(String::new, |holder| format!(": held by {holder}"))
}

/// Contends for the file at `path` until this program holds it.
///
/// Lost connections and a cluster without a quorum are waited out like another holder.
pub(crate) async fn acquire(
    client: &Client,
    path: &str,
    options: HoldOptions,
) -> Result<Held, AcquireError> {
    let value = match &options.value {
        Value::Claim => Claim::new(options.time_to_live)
            .map_err(AcquireError::Random)?
            .to_bytes(),
        Value::Plain(bytes) => bytes.clone(),
    };
    let mut contender = Contender {
        client,
        path,
        standing: Standing::new(&options.value, &value, options.time_to_live),
        value,
        // One too far to be told counts as none.
        deadline: options
            .wait
            .and_then(|wait| Instant::now().checked_add(wait)),
        options: &options,
    };
    loop {
        match contender.contend().await {
            Ok(Some(lease)) => return Ok(contender.hold(lease)),
            Ok(None) => {}
            Err(AcquireError::Client(error)) if is_passing(&error) => {
                if contender.is_over() {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error),
        }
        sleep(REST).await;
    }
}

struct Contender<'a> {
    client: &'a Client,
    path: &'a str,
    value: Bytes,
    standing: Standing,
    deadline: Option<Instant>,
    options: &'a HoldOptions,
}

impl Contender<'_> {
    /// Looks, and then follows what happens to the file, until it is held or has to be looked at
    /// anew.
    async fn contend(&mut self) -> Result<Option<Lease>, AcquireError> {
        let from = self.client.rev().await?;
        let file = self.client.get(self.path, None).await?;
        self.see(file.rev, &file.value)?;
        let mut watch = self.client.watch(self.path, from + 1);
        loop {
            let (try_at, rev) = self
                .standing
                .attempt()
                .expect("invariant: it was looked at");
            let is_due = try_at <= Instant::now();
            if is_due && let Some(lease) = self.attempt(rev).await? {
                return Ok(Some(lease));
            }
            if is_due {
                self.standing.refused(Instant::now());
            }
            if self.is_over() {
                return Err(self.why_over());
            }
            if !is_due && !self.follow(&mut watch, try_at).await? {
                return Ok(None);
            }
        }
    }

    /// Takes in the next event, if there is one before `until`; whether to go on with this watch.
    async fn follow(&mut self, watch: &mut Watch, until: Instant) -> Result<bool, AcquireError> {
        tokio::select! {
            event = watch.next() => match event {
                Some(Ok(event)) => self.see_event(&event)?,
                Some(Err(Error::HistoryGone { .. })) | None => return Ok(false),
                Some(Err(error)) => return Err(error.into()),
            },
            () = sleep_until(until) => {}
            () = self.over() => {}
        }
        Ok(true)
    }

    /// Tries to take the file, which has revision `rev`.
    async fn attempt(&self, rev: i64) -> Result<Option<Lease>, Error> {
        let sent = Instant::now();
        let setting = self.client.set(self.path, rev, self.value.clone());
        tokio::pin!(setting);
        let answer = tokio::select! {
            biased;
            answer = &mut setting => Some(answer),
            () = self.over() => timeout(SETTLE_WITHIN, setting).await.ok(),
        };
        match answer {
            Some(Ok(rev)) => Ok(Some(Lease::new(self.options.time_to_live, rev, sent))),
            Some(Err(error)) if error.is_rev_mismatch() => Ok(None),
            Some(Err(error)) => Err(error),
            // Given up. If it works after all, the file is taken over after its time-to-live.
            None => Ok(None),
        }
    }

    fn see_event(&mut self, event: &Event) -> Result<(), AcquireError> {
        if !self.standing.is_news(event.rev) {
            return Ok(());
        }
        match event.kind {
            EventKind::Set => self.see(event.rev, &event.value),
            EventKind::Del | EventKind::Nop => self.see(0, b""),
        }
    }

    fn see(&mut self, rev: i64, value: &[u8]) -> Result<(), AcquireError> {
        let seen = self.standing.see(rev, value, Instant::now());
        seen.map_err(|NoClaim| AcquireError::NoClaim {
            path: self.path.to_owned(),
            rev,
            value: Bytes::copy_from_slice(value),
        })
    }

    /// Ends when it is to be given up.
    async fn over(&self) {
        let deadline = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = deadline => {}
            () = self.options.give_up.cancelled() => {}
        }
    }

    fn is_over(&self) -> bool {
        let is_late = self
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now());
        is_late || self.options.give_up.is_cancelled()
    }

    fn why_over(&self) -> AcquireError {
        let path = self.path.to_owned();
        match self.options.wait {
            Some(after) if !self.options.give_up.is_cancelled() => AcquireError::WaitOver {
                path,
                after,
                holder: self.standing.holder().map(str::to_owned),
            },
            _ => AcquireError::GivenUp { path },
        }
    }

    /// Begins to renew it.
    fn hold(self, lease: Lease) -> Held {
        let stop = CancellationToken::new();
        let rev = lease.rev();
        let (keeper, promise) = Keeper::new(self.client, self.path, self.value.clone(), lease);
        Held {
            client: self.client.clone(),
            path: self.path.to_owned(),
            value: self.value,
            rev,
            promise,
            // Ends with `stop`, which is cancelled when the holding ends, however it ends.
            keeper: TaskTracker::new().spawn(keeper.run(stop.clone())),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }
}
