//! How a failure is told, and which exit status it ends with.

mod advice;
mod status;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use thiserror::Error;

use crate::args::UsageError;
use crate::commands;
use crate::output::OutputError;

pub(crate) use status::{
    EXIT_DIFFERS, EXIT_NO_ACCESS, EXIT_SCRIPT, EXIT_TIMEOUT, EXIT_UNHEALTHY, EXIT_USAGE, STATUSES,
    status,
};

/// There is nothing at a path that is asked about. Told as the original did, word for word.
#[derive(Debug, Error)]
#[error("No such file or directory: {0}")]
pub(crate) struct NoSuchFile(pub(crate) String);

/// There is nothing at a path that one of our own commands is asked about.
#[derive(Debug, Error)]
#[error("{0}: there is no such file")]
pub(crate) struct Missing(pub(crate) String);

/// The time given by `--timeout` is over.
#[derive(Debug, Error)]
#[error("not done within {0:?}")]
pub(crate) struct TimedOut(pub(crate) Duration);

/// A failure that is no more than an exit status: what there was to tell is told already. For
/// commands that compare, check, or run another program.
#[derive(Debug, Error)]
#[error("exit status {0}")]
pub(crate) struct Ended(pub(crate) u8);

/// What an error carries besides what it says: it says nothing.
#[derive(Debug, Clone)]
struct Silently<T>(T);

/// Of a command that keeps to the exit statuses of the original.
#[derive(Debug, Clone, Copy)]
struct Original;

/// An exit status for a failure that has none by its cause.
#[derive(Debug, Clone, Copy)]
struct Status(u8);

/// What to try.
#[derive(Debug, Clone)]
struct Advice(String);

impl<T> fmt::Display for Silently<T> {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

fn carried<T: fmt::Debug + Send + Sync + 'static>(error: &anyhow::Error) -> Option<&T> {
    error.downcast_ref().map(|Silently(carried)| carried)
}

/// `error`, of a command that keeps to the exit statuses of the original.
pub(crate) fn of_original(error: anyhow::Error) -> anyhow::Error {
    error.context(Silently(Original))
}

/// `error`, which ends with exit status `status` whatever caused it.
pub(crate) fn ending(error: anyhow::Error, status: u8) -> anyhow::Error {
    error.context(Silently(Status(status)))
}

/// `error`, with a line that says what to try.
pub(crate) fn advise(error: impl Into<anyhow::Error>, advice: impl Into<String>) -> anyhow::Error {
    error.into().context(Silently(Advice(advice.into())))
}

/// What went wrong with a part of something, as the failure of the whole, which says at which
/// `place`: it ends with `status` whatever caused it, and still says what to try.
pub(crate) fn of_part(
    error: &anyhow::Error,
    place: impl fmt::Display,
    status: u8,
) -> anyhow::Error {
    let whole = anyhow::anyhow!("{place}: {}", reason(error));
    let whole = match advice::of(error) {
        Some(advice) => advise(whole, advice),
        None => whole,
    };
    ending(whole, status)
}

/// Prints `error` to standard error, and returns the exit status it stands for.
pub(crate) fn tell(error: &anyhow::Error) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    drop(io::stderr().write_all(text(error).as_bytes()));
    ExitCode::from(status(error))
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
    let advice = advice::of(error).map(|advice| format!("Try: {advice}\n"));
    let usage = matches!(error.downcast_ref(), Some(UsageError::NoCommand)).then(commands::usage);
    let parts = [advice, usage].into_iter().flatten();
    format!("Error: {}\n{}", reason(error), parts.collect::<String>())
}

/// Whether all that happened is that the reader of standard output has gone.
fn is_closed_output(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OutputError::Closed))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use doozer_client::{Code, ErrCode, Error};

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
    fn a_part_fails_for_the_whole_but_with_its_own_reason_and_advice() {
        let refused = refused(ErrCode::RevMismatch, None);
        let text = "Error: up:7: set /x 1: 127.0.0.1:8046: SET /x rev 1: REV_MISMATCH\n\
            Try: doozer stat /x, for the revision that the file has\n";
        check(
            &of_part(&of_original(refused), "up:7: set /x 1", 7),
            text,
            7,
        );
        check(
            &of_part(&anyhow!(Ended(9)), "up:1: diff", 7),
            "Error: up:1: diff: exit status 9\n",
            7,
        );
    }

    #[test]
    fn an_error_of_the_server_is_told_by_name_with_address_and_request() {
        check(
            &refused(ErrCode::RevMismatch, None),
            "Error: 127.0.0.1:8046: SET /x rev 1: REV_MISMATCH\n\
             Try: doozer stat /x, for the revision that the file has\n",
            1,
        );
        check(
            &refused(ErrCode::Other, Some("permission denied")),
            "Error: 127.0.0.1:8046: SET /x rev 1: OTHER: permission denied\n\
             Try: the secret in the URI of -a, or in a profile (doozer help profiles)\n",
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
        let error = of_original(error);
        check(&error, "No such file or directory: /x\n", 2);
    }

    #[test]
    fn the_commands_of_the_original_keep_its_statuses() {
        let original = |error: anyhow::Error| status(&of_original(error));
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
    fn a_failure_may_have_a_status_and_advice_that_its_cause_does_not_tell() {
        let error = ending(anyhow!("line 3: no").context("a.dz"), EXIT_SCRIPT);
        check(&error, "Error: a.dz: line 3: no\n", 7);
        let error = advise(error, "something else");
        check(&error, "Error: a.dz: line 3: no\nTry: something else\n", 7);
        check(
            &anyhow!(Missing("/x".to_owned())),
            "Error: /x: there is no such file\n",
            3,
        );
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
