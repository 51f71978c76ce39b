//! `shell`: the same commands, one a line, on one connection.

use super::Command;
use crate::shell;

pub(super) const COMMAND: Command = Command {
    name: "shell",
    arguments: &[],
    summary: "Type these commands without `doozer`, on one connection",
    details:
        "With a prompt, completion by Tab and a history where there is a terminal. From a pipe or a
file it runs a command a line, prints data alone, and ends with the exit status of the last one
that failed. `help` in it tells what it has besides: cd, jobs, pipes, variables.",
    options: &[],
    formats: false,
    run: |call| Box::pin(shell::run(call.session, call.output)),
};
