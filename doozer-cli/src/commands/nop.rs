//! `nop`: makes a revision that changes nothing.

use super::{Command, Run};

pub(super) const COMMAND: Command = Command {
    name: "nop",
    arguments: &[],
    summary: "Make a new revision that changes nothing",
    details: "What is read afterwards from the same server holds everything that was written before.",
    options: &[],
    run: Run::OnServer(|server, _invocation, _output| {
        Box::pin(async { Ok(server.client.nop().await?) })
    }),
};
