//! `rev`: prints the store's revision.

use super::{Command, Run};

pub(super) const COMMAND: Command = Command {
    name: "rev",
    arguments: &[],
    summary: "Print the store's revision",
    details: "",
    options: &[],
    run: Run::OnServer(|server, _invocation, output| {
        Box::pin(async { Ok(output.line(server.client.rev().await?)?) })
    }),
};
