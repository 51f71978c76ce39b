//! `get PATH`: prints a file's bytes.

use super::{Command, Run};
use crate::args::Invocation;
use crate::output::Output;
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "get",
    arguments: &["PATH"],
    summary: "Print a file's bytes, nothing added",
    details:
        "A file that is missing is as good as an empty one. With -r, the file as it was at that
revision.",
    options: &[],
    run: Run::OnServer(|server, invocation, output| Box::pin(run(server, invocation, output))),
};

async fn run(server: &Server, invocation: &Invocation, output: &mut Output) -> anyhow::Result<()> {
    let file = server
        .client
        .get(invocation.word(0), invocation.rev)
        .await?;
    Ok(output.bytes(&file.value)?)
}
