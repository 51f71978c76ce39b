//! `nop`: makes a revision that changes nothing.

use super::Command;

pub(super) const COMMAND: Command = Command {
    name: "nop",
    arguments: &[],
    summary: "Make a new revision that changes nothing",
    details: "What is read afterwards from the same server holds everything that was written before.",
    options: &[],
    formats: false,
    run: |call| Box::pin(async { Ok(call.session.server().await?.client.nop().await?) }),
};
