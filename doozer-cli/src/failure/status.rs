//! Exit statuses, and which failure ends with which.

use doozer_client::{ErrCode, Error, Unanswered};

use super::{Ended, Missing, NoSuchFile, Original, Status, TimedOut, carried, is_closed_output};
use crate::args::UsageError;
use crate::tree::Mismatch;

/// The file's revision was not the one given.
pub(crate) const EXIT_REV_MISMATCH: u8 = 1;
/// Everything that has no status of its own.
pub(crate) const EXIT_FAILURE: u8 = 2;
/// There is no such file.
pub(crate) const EXIT_NO_FILE: u8 = 3;
/// No server could be reached.
pub(crate) const EXIT_NO_CONNECTION: u8 = 4;
/// It took too long.
pub(crate) const EXIT_TIMEOUT: u8 = 5;
/// The server wants a secret.
pub(crate) const EXIT_NO_ACCESS: u8 = 6;
/// A script did not come to its end.
pub(crate) const EXIT_SCRIPT: u8 = 7;
/// The cluster is not as it should be.
pub(crate) const EXIT_UNHEALTHY: u8 = 8;
/// What was compared is not equal.
pub(crate) const EXIT_DIFFERS: u8 = 9;
/// Not a way to call this program.
pub(crate) const EXIT_USAGE: u8 = 127;

/// All of them, as the help lists them.
pub(crate) const STATUSES: [(u8, &str); 11] = [
    (0, "success"),
    (
        EXIT_REV_MISMATCH,
        "the file is not at the revision that was given",
    ),
    (EXIT_FAILURE, "any other failure"),
    (EXIT_NO_FILE, "there is no such file"),
    (
        EXIT_NO_CONNECTION,
        "no server could be reached, or the connection was lost",
    ),
    (EXIT_TIMEOUT, "it took longer than --timeout or -t allows"),
    (EXIT_NO_ACCESS, "the server wants a secret"),
    (EXIT_SCRIPT, "a script failed"),
    (EXIT_UNHEALTHY, "the cluster is not healthy"),
    (EXIT_DIFFERS, "what was compared differs"),
    (EXIT_USAGE, "no such command, or not the way to call it"),
];

/// The exit status that `error` stands for.
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    if is_closed_output(error) {
        return 0;
    }
    let status = status_of_cause(error);
    let known_to_original = matches!(status, EXIT_REV_MISMATCH | EXIT_USAGE);
    if carried::<Original>(error).is_some() && !known_to_original && !error.is::<TimedOut>() {
        return EXIT_FAILURE;
    }
    status
}

fn status_of_cause(error: &anyhow::Error) -> u8 {
    if let Some(Ended(status)) = error.downcast_ref() {
        *status
    } else if let Some(Status(status)) = carried(error) {
        *status
    } else if error.is::<UsageError>() {
        EXIT_USAGE
    } else if error.is::<Mismatch>() {
        EXIT_REV_MISMATCH
    } else if error.is::<NoSuchFile>() || error.is::<Missing>() {
        EXIT_NO_FILE
    } else if error.is::<TimedOut>() {
        EXIT_TIMEOUT
    } else {
        error.downcast_ref().map_or(EXIT_FAILURE, of_client)
    }
}

fn of_client(error: &Error) -> u8 {
    match error {
        Error::Dial { .. } | Error::Lost { .. } => EXIT_NO_CONNECTION,
        Error::Timeout { source, .. } => source.as_deref().map_or(EXIT_TIMEOUT, of_client),
        Error::LookUp { source, .. } => of_client(source),
        Error::OutcomeUnknown { source, .. } => match source {
            Unanswered::Lost { .. } => EXIT_NO_CONNECTION,
            Unanswered::Timeout { .. } => EXIT_TIMEOUT,
            _ => EXIT_FAILURE,
        },
        error if error.is_rev_mismatch() => EXIT_REV_MISMATCH,
        error if is_refused_access(error) => EXIT_NO_ACCESS,
        error if error.code() == Some(ErrCode::Noent) => EXIT_NO_FILE,
        _ => EXIT_FAILURE,
    }
}

/// What a server says that wants a secret.
const REFUSED_ACCESS: &str = "permission denied";

/// Whether the server wants a secret that it was not given.
pub(super) fn is_refused_access(error: &Error) -> bool {
    match error {
        Error::Refused { detail, .. } => detail.as_deref() == Some(REFUSED_ACCESS),
        _ => false,
    }
}
