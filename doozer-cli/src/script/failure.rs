//! Why a script ended before its end.

use std::time::Duration;

use doozer_client::{ErrCode, Error};
use thiserror::Error;

use super::place::Place;
use crate::args::{FlagError, UsageError, ValueError};
use crate::failure::{EXIT_SCRIPT, EXIT_TIMEOUT, of_part};
use crate::hold::{Loss, is_passing};
use crate::output::OutputError;

/// Something from outside has ended a script.
#[derive(Debug, Error)]
pub(super) enum Stopped {
    /// Its own time (`--timeout`) is over.
    #[error("the script was given {0:?}, and has not come to its end")]
    Late(Duration),
    /// A signal.
    #[error("stopped by {0}")]
    Signal(&'static str),
    /// What it held is another's, or may be.
    #[error("{path} is not held any more: {loss}")]
    Lost {
        /// Which file.
        path: String,
        /// Why.
        loss: Loss,
    },
}

/// A dry run came to what depends on what was not done.
#[derive(Debug, Error)]
#[error("the rest depends on what `{0}` prints")]
pub(super) struct Unknown(pub(super) String);

/// A statement that failed, and the reason.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) place: Place,
    pub(super) told: String,
    pub(super) error: anyhow::Error,
}

impl Failure {
    /// As the program tells it, of the script in `file`.
    pub(super) fn of(self, file: &str) -> anyhow::Error {
        if is_closed(&self.error) {
            return self.error;
        }
        let status = match self.error.downcast_ref() {
            Some(Stopped::Late(_)) => EXIT_TIMEOUT,
            _ => EXIT_SCRIPT,
        };
        let place = format_args!("{file}:{}: {}", self.place.line, self.told);
        of_part(&self.error, place, status)
    }

    /// Whether another try could not end otherwise, or is not wanted.
    pub(super) fn is_final(&self) -> bool {
        is_end(&self.error) || is_usage(&self.error)
    }

    /// Whether there is nobody left to do anything for.
    pub(super) fn is_quiet(&self) -> bool {
        is_end(&self.error)
    }
}

/// Whether `error` leaves open what the answer to a condition is, so that the script ends.
pub(super) fn is_no_answer(error: &anyhow::Error) -> bool {
    error.is::<Stopped>()
        || is_end(error)
        || is_usage(error)
        || error.downcast_ref().is_some_and(is_unanswered)
}

/// Whether there is nothing more that could be printed, or that a dry run could tell.
fn is_end(error: &anyhow::Error) -> bool {
    error.is::<Unknown>() || is_closed(error)
}

fn is_closed(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OutputError::Closed))
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<UsageError>() || error.is::<FlagError>() || error.is::<ValueError>()
}

fn is_unanswered(error: &Error) -> bool {
    match error {
        Error::Refused { detail, .. } => {
            is_passing(error) || detail.as_deref() == Some("permission denied")
        }
        _ => true,
    }
}

/// Whether a change that ended so may have been made, or another one came in between: who reads
/// and compares anew finds out.
pub(super) fn is_worth_a_look(error: &Error) -> bool {
    let unknown = |detail: &Option<String>| {
        let detail = detail.as_deref().unwrap_or_default();
        detail.starts_with("outcome unknown")
    };
    match error {
        Error::OutcomeUnknown { .. } => true,
        Error::Refused { detail, .. } if error.code() == Some(ErrCode::Other) => unknown(detail),
        _ => error.is_rev_mismatch(),
    }
}
