//! `stat PATH`: prints a file's revision and length.

use super::{Command, Run};
use crate::args::Invocation;
use crate::failure::NoSuchFile;
use crate::output::Output;
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "stat",
    arguments: &["PATH"],
    summary: "Print a file's revision and length, or a directory's number of entries",
    details:
        "Prints `REV LENGTH` for a file, `d ENTRIES` for a directory. What is missing ends with exit
status 2. With -r, as it was at that revision.",
    options: &[],
    run: Run::OnServer(|server, invocation, output| Box::pin(run(server, invocation, output))),
};

async fn run(server: &Server, invocation: &Invocation, output: &mut Output) -> anyhow::Result<()> {
    let path = invocation.word(0);
    let stat = server.client.stat(path, invocation.rev).await?;
    if stat.is_missing() {
        return Err(NoSuchFile(path.to_owned()).into());
    }
    if stat.is_dir() {
        output.line(format_args!("d {}", stat.len))?;
    } else {
        output.line(format_args!("{} {}", stat.rev, stat.len))?;
    }
    Ok(())
}
