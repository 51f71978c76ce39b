//! `set PATH REV`: writes a file.

use std::io::Read;

use anyhow::{Context, ensure};

use super::{Command, Run};
use crate::args::Invocation;
use crate::output::Output;
use crate::server::{FRAME_BYTES_MAX, Server};

pub(super) const COMMAND: Command = Command {
    name: "set",
    arguments: &["PATH", "REV"],
    summary: "Write what standard input holds to a file",
    details: "REV is the revision that the file has: 0 if it is missing, -1 for any. Prints the new
revision. Fails with REV_MISMATCH (exit status 1) when the file has changed since REV.",
    options: &[],
    run: Run::OnServer(|server, invocation, output| Box::pin(run(server, invocation, output))),
};

async fn run(server: &Server, invocation: &Invocation, output: &mut Output) -> anyhow::Result<()> {
    let rev = invocation.rev_word(1)?;
    from_input(server, invocation.word(0), rev, output).await
}

/// Sets `path`, whose revision is `rev`, to what standard input holds.
pub(super) async fn from_input(
    server: &Server,
    path: &str,
    rev: i64,
    output: &mut Output,
) -> anyhow::Result<()> {
    // Elsewhere, so that the connection lives while input is slow to come.
    let value = tokio::task::spawn_blocking(read_input).await??;
    let rev = server.client.set(path, rev, value).await?;
    Ok(output.line(rev)?)
}

fn read_input() -> anyhow::Result<Vec<u8>> {
    let mut value = Vec::new();
    let input = std::io::stdin().lock();
    let mut limited = input.take(FRAME_BYTES_MAX as u64);
    limited
        .read_to_end(&mut value)
        .context("cannot read standard input")?;
    ensure!(
        value.len() < FRAME_BYTES_MAX,
        "standard input holds more than {FRAME_BYTES_MAX} bytes"
    );
    Ok(value)
}
