//! `wait GLOB`: prints the next event that matches.

use anyhow::anyhow;
use doozer_client::{Event, EventKind};

use super::{Command, Run};
use crate::args::Invocation;
use crate::output::{Output, OutputError};
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "wait",
    arguments: &["GLOB"],
    summary: "Wait for a file that matches a glob to be written or deleted",
    details:
        "Prints `PATH REV set LENGTH` or `PATH REV del 0` on a line, the file's new bytes and a line
feed, and ends. Begins at the revision of -r, else at the present one, itself included.
With -t, gives up after that long (exit status 2).",
    options: &[],
    run: Run::OnServer(|server, invocation, output| Box::pin(run(server, invocation, output))),
};

async fn run(server: &Server, invocation: &Invocation, output: &mut Output) -> anyhow::Result<()> {
    let glob = invocation.word(0);
    let rev = begin(server, invocation).await?;
    let wait = server.client.wait(glob, rev);
    let event = match invocation.limit {
        None => wait.await?,
        Some(limit) => tokio::time::timeout(limit, wait)
            .await
            .map_err(|_elapsed| {
                let told = anyhow!("WAIT {glob} rev {rev}: timeout: no event within {limit:?}");
                told.context(server.address.clone())
            })??,
    };
    Ok(print(&event, output)?)
}

/// The revision to begin at.
pub(super) async fn begin(server: &Server, invocation: &Invocation) -> anyhow::Result<i64> {
    match invocation.rev {
        Some(rev) => Ok(rev),
        None => Ok(server.client.rev().await?),
    }
}

/// Prints an event. A nop has neither word, but both spaces.
pub(super) fn print(event: &Event, output: &mut Output) -> Result<(), OutputError> {
    let did = match event.kind {
        EventKind::Set => "set",
        EventKind::Del => "del",
        EventKind::Nop => "",
    };
    output.entry(
        format_args!("{} {} {did}", event.path, event.rev),
        &event.value,
    )
}
