//! How a failure is told, and which exit status it ends with.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use doozer_client::{ErrCode, Error};
use thiserror::Error;

use crate::args::UsageError;
use crate::commands;
use crate::output::OutputError;

/// The file's revision was not the one given.
const EXIT_REV_MISMATCH: u8 = 1;
/// Everything that has no status of its own.
const EXIT_FAILURE: u8 = 2;
/// There is no such file.
const EXIT_NO_FILE: u8 = 3;
/// No server could be reached.
const EXIT_NO_CONNECTION: u8 = 4;
/// It took too long.
const EXIT_TIMEOUT: u8 = 5;
/// The server wants a secret.
const EXIT_NO_ACCESS: u8 = 6;
/// Not a way to call this program.
const EXIT_USAGE: u8 = 127;

/// There is nothing at a path that is asked about. Told as the original did, word for word.
#[derive(Debug, Error)]
#[error("No such file or directory: {0}")]
pub(crate) struct NoSuchFile(pub(crate) String);

/// The time given by `--timeout` is over.
#[derive(Debug, Error)]
#[error("not done within {0:?}")]
pub(crate) struct TimedOut(pub(crate) Duration);

/// A failure that is no more than an exit status: what there was to tell is told already. For
/// commands that compare, check, or run another program.
#[derive(Debug, Error)]
#[error("exit status {0}")]
pub(crate) struct Ended(pub(crate) u8);

/// Marks the failure of a command that keeps to the exit statuses of the original. Says nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Original;

impl fmt::Display for Original {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Prints `error` to standard error, and returns the exit status it stands for.
pub(crate) fn tell(error: &anyhow::Error) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    drop(io::stderr().write_all(text(error).as_bytes()));
    ExitCode::from(status(error))
}

/// The exit status that `error` stands for.
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    if is_closed_output(error) {
        return 0;
    }
    let status = status_of_cause(error);
    let own = status != EXIT_TIMEOUT || !error.is::<TimedOut>();
    if error.is::<Original>() && own && !matches!(status, EXIT_REV_MISMATCH | EXIT_USAGE) {
        return EXIT_FAILURE;
    }
    status
}

fn status_of_cause(error: &anyhow::Error) -> u8 {
    if let Some(Ended(status)) = error.downcast_ref() {
        return *status;
    }
    if error.is::<UsageError>() {
        return EXIT_USAGE;
    }
    if error.is::<NoSuchFile>() {
        return EXIT_NO_FILE;
    }
    if error.is::<TimedOut>() {
        return EXIT_TIMEOUT;
    }
    error.downcast_ref().map_or(EXIT_FAILURE, status_of_client)
}

fn status_of_client(error: &Error) -> u8 {
    match error {
        Error::Dial { .. } | Error::Lost { .. } => EXIT_NO_CONNECTION,
        Error::Timeout { .. } => EXIT_TIMEOUT,
        error if error.is_rev_mismatch() => EXIT_REV_MISMATCH,
        error if is_refused_access(error) => EXIT_NO_ACCESS,
        error if error.code() == Some(ErrCode::Noent) => EXIT_NO_FILE,
        _ => EXIT_FAILURE,
    }
}

/// Whether the server wants a secret that it was not given.
fn is_refused_access(error: &Error) -> bool {
    match error {
        Error::Refused { detail, .. } => detail.as_deref() == Some("permission denied"),
        _ => false,
    }
}

/// `error` and what it came of, on one line, without a word before it or a line feed behind it.
pub(crate) fn reason(error: &anyhow::Error) -> String {
    let parts = error.chain().map(ToString::to_string);
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(": ")
}

/// What is printed for `error`; nothing, when there is nothing to complain of.
pub(crate) fn text(error: &anyhow::Error) -> String {
    if is_closed_output(error) || error.is::<Ended>() {
        return String::new();
    }
    if error.is::<NoSuchFile>() {
        return format!("{}\n", reason(error));
    }
    let mut text = format!("Error: {}\n", reason(error));
    if matches!(error.downcast_ref(), Some(UsageError::NoCommand)) {
        text.push_str(&commands::usage());
    }
    text
}

/// Whether all that happened is that the reader of standard output has gone.
fn is_closed_output(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OutputError::Closed))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use doozer_client::{Code, ErrCode};

    use super::*;

    fn refused(code: ErrCode, detail: Option<&str>) -> anyhow::Error {
        let error = Error::Refused {
            code: Code::Known(code),
            detail: detail.map(str::to_owned),
            request: "SET /x rev 1".to_owned(),
        };
        anyhow::Error::from(error).context("127.0.0.1:8046")
    }

    fn check(error: &anyhow::Error, expected: &str, expected_status: u8) {
        assert_eq!(
            (text(error).as_str(), status(error)),
            (expected, expected_status)
        );
    }

    #[test]
    fn an_error_of_the_server_is_told_by_name_with_address_and_request() {
        check(
            &refused(ErrCode::RevMismatch, None),
            "Error: 127.0.0.1:8046: SET /x rev 1: REV_MISMATCH\n",
            1,
        );
        check(
            &refused(ErrCode::Other, Some("permission denied")),
            "Error: 127.0.0.1:8046: SET /x rev 1: OTHER: permission denied\n",
            6,
        );
    }

    #[test]
    fn wrong_usage_has_a_status_of_its_own() {
        let error = anyhow!(UsageError::UnknownCommand {
            typed: "gte".to_owned(),
            nearest: Some("get"),
        });
        check(
            &error,
            "Error: there is no command \"gte\": did you mean get?\n",
            127,
        );
    }

    #[test]
    fn a_missing_file_is_told_as_the_original_did() {
        let error = anyhow!(NoSuchFile("/x".to_owned()));
        check(&error, "No such file or directory: /x\n", 3);
        let error = error.context(Original);
        check(&error, "No such file or directory: /x\n", 2);
    }

    #[test]
    fn the_commands_of_the_original_keep_its_statuses() {
        let original = |error: anyhow::Error| status(&error.context(Original));
        assert_eq!(original(refused(ErrCode::RevMismatch, None)), 1);
        assert_eq!(original(refused(ErrCode::Noent, None)), 2);
        assert_eq!(
            original(refused(ErrCode::Other, Some("permission denied"))),
            2
        );
        assert_eq!(original(anyhow!(UsageError::NoCommand)), 127);
        assert_eq!(original(anyhow!(TimedOut(Duration::from_secs(1)))), 5);
    }

    #[test]
    fn a_failure_that_was_told_is_told_once() {
        check(&anyhow!(Ended(9)), "", 9);
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        assert!(is_closed_output(&anyhow!(OutputError::Closed)));
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(!is_closed_output(&anyhow!(OutputError::Failed(full))));
    }
}
