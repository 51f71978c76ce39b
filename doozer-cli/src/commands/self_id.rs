//! `self`: prints the id of the node that answers.

use super::{Command, Run};

pub(super) const COMMAND: Command = Command {
    name: "self",
    arguments: &[],
    summary: "Print the id of the node that answers",
    details: "No line feed is added.",
    options: &[],
    run: Run::OnServer(|server, _invocation, output| {
        Box::pin(async { Ok(output.bytes(&server.client.self_id().await?)?) })
    }),
};
