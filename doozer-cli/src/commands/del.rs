//! `del PATH REV`: deletes a file.

use super::{Command, Run};
use crate::args::Invocation;
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "del",
    arguments: &["PATH", "REV"],
    summary: "Delete a file",
    details:
        "REV is the revision that the file has, -1 for any. A file that is missing can be deleted.
Fails with REV_MISMATCH (exit status 1) when the file has changed since REV.",
    options: &[],
    run: Run::OnServer(|server, invocation, _output| Box::pin(run(server, invocation))),
};

async fn run(server: &Server, invocation: &Invocation) -> anyhow::Result<()> {
    let rev = invocation.rev_word(1)?;
    Ok(server.client.del(invocation.word(0), rev).await?)
}
