//! `touch PATH`: gives a file a new revision.

use super::{Command, Run};
use crate::args::Invocation;
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "touch",
    arguments: &["PATH"],
    summary: "Write a file's bytes again, so that it has a new revision",
    details: "A file that is missing is made, empty. Fails with REV_MISMATCH (exit status 1) when somebody
else writes the file in between.",
    options: &[],
    run: Run::OnServer(|server, invocation, _output| Box::pin(run(server, invocation))),
};

async fn run(server: &Server, invocation: &Invocation) -> anyhow::Result<()> {
    let path = invocation.word(0);
    let file = server.client.get(path, None).await?;
    server.client.set(path, file.rev, file.value).await?;
    Ok(())
}
