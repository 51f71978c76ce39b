//! The launcher: asks to be killed when the guard is, and becomes the user's command.

use std::io::{self, ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// How this program is called to be a launcher: then the guard's id, and the command.
pub(super) const ROLE: &str = "__launch";

/// As a shell's, when there is no such command.
const EXIT_NOT_FOUND: u8 = 127;
/// As a shell's, when a command cannot be run.
const EXIT_NOT_RUN: u8 = 126;

/// Becomes the command; returns only when that cannot be.
pub(super) fn play(words: &[String]) -> ExitCode {
    let [guard, program, arguments @ ..] = words else {
        return complain("this is called by doozer itself alone", EXIT_NOT_RUN);
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return complain(
            &format!("cannot tie the child to its guard: {error}"),
            EXIT_NOT_RUN,
        );
    }
    // It may have ended before that was asked for.
    let is_there = getppid().is_some_and(|now| now.to_string() == *guard);
    if !is_there {
        return ExitCode::from(EXIT_NOT_RUN);
    }
    let error = Command::new(program).args(arguments).exec();
    let code = match error.kind() {
        ErrorKind::NotFound => EXIT_NOT_FOUND,
        _ => EXIT_NOT_RUN,
    };
    complain(&format!("cannot run {program}: {error}"), code)
}

/// Says what is wrong, on standard error.
pub(super) fn complain(what: &str, code: u8) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    drop(writeln!(io::stderr(), "Error: {what}"));
    ExitCode::from(code)
}
