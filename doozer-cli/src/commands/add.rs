//! `add PATH`: makes a file that is missing.

use doozer_client::REV_MISSING;

use super::{Command, set};

pub(super) const COMMAND: Command = Command {
    name: "add",
    arguments: &["PATH"],
    summary: "Make a file that is missing, of what standard input holds",
    details: "Prints the new revision. Fails with REV_MISMATCH (exit status 1) when there is such a file.",
    options: &[],
    formats: true,
    run: |call| Box::pin(set::from_input(call, REV_MISSING)),
};
