//! How a failure is told, and which exit status it ends with.

use std::io::{self, Write};
use std::process::ExitCode;

use doozer_client::Error;
use thiserror::Error;

use crate::args::UsageError;
use crate::commands;
use crate::output::OutputError;

/// The file's revision was not the one given.
const EXIT_REV_MISMATCH: u8 = 1;
/// Everything that has no status of its own.
const EXIT_FAILURE: u8 = 2;
/// Not a way to call this program.
const EXIT_USAGE: u8 = 127;

/// There is nothing at a path that is asked about. Told as the original did, word for word.
#[derive(Debug, Error)]
#[error("No such file or directory: {0}")]
pub(crate) struct NoSuchFile(pub(crate) String);

/// Prints `error` to standard error, and returns the exit status it stands for.
pub(crate) fn tell(error: &anyhow::Error) -> ExitCode {
    if is_closed_output(error) {
        return ExitCode::SUCCESS;
    }
    // Nobody is left to tell when standard error is closed.
    drop(io::stderr().write_all(text(error).as_bytes()));
    ExitCode::from(status(error))
}

fn status(error: &anyhow::Error) -> u8 {
    if error.is::<UsageError>() {
        return EXIT_USAGE;
    }
    match error.downcast_ref::<Error>() {
        Some(error) if error.is_rev_mismatch() => EXIT_REV_MISMATCH,
        _ => EXIT_FAILURE,
    }
}

fn text(error: &anyhow::Error) -> String {
    if error.is::<NoSuchFile>() {
        return format!("{error}\n");
    }
    let mut text = format!("Error: {error:#}\n");
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
            2,
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
        check(&error, "No such file or directory: /x\n", 2);
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        assert!(is_closed_output(&anyhow!(OutputError::Closed)));
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(!is_closed_output(&anyhow!(OutputError::Failed(full))));
    }
}
