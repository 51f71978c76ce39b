//! `walk GLOB`: prints every file that matches.

use super::{Command, Run};
use crate::args::Invocation;
use crate::output::Output;
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "walk",
    arguments: &["GLOB"],
    summary: "Print every file that matches a glob, with its bytes",
    details:
        "For each file `PATH REV LENGTH` on a line, its bytes and a line feed, depth first, all as
they are at one revision: that of -r, else the present one. In a glob `?` stands for a
character, `*` for any number of them, both without a slash, `**` for anything.",
    options: &[],
    run: Run::OnServer(|server, invocation, output| Box::pin(run(server, invocation, output))),
};

async fn run(server: &Server, invocation: &Invocation, output: &mut Output) -> anyhow::Result<()> {
    let mut walk = server
        .client
        .walk_stream(invocation.word(0), invocation.rev)
        .await?;
    while let Some(file) = walk.next().await {
        let file = file?;
        output.entry(format_args!("{} {}", file.path, file.rev), &file.value)?;
    }
    Ok(())
}
