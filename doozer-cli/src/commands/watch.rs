//! `watch GLOB`: prints every event that matches.

use doozer_client::Error;

use super::{Command, Run, wait};
use crate::args::Invocation;
use crate::output::Output;
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "watch",
    arguments: &["GLOB"],
    summary: "Print every change to the files that match a glob, as they happen",
    details:
        "Each as `wait` prints it. Begins at the revision of -r, else at the present one, itself
included. Goes on when the connection is lost and made again; ends with TOO_LATE when the
server no longer keeps a revision that was not yet seen.",
    options: &[],
    run: Run::OnServer(|server, invocation, output| Box::pin(run(server, invocation, output))),
};

async fn run(server: &Server, invocation: &Invocation, output: &mut Output) -> anyhow::Result<()> {
    let rev = wait::begin(server, invocation).await?;
    let mut watch = server.client.watch(invocation.word(0), rev);
    while let Some(event) = watch.next().await {
        wait::print(&event.map_err(named)?, output)?;
        output.flush()?;
    }
    Ok(())
}

/// Gives the one error that has a name on the wire, but not in its text, its name.
fn named(error: Error) -> anyhow::Error {
    let too_late = matches!(error, Error::HistoryGone { .. });
    let error = anyhow::Error::from(error);
    if too_late {
        error.context("TOO_LATE")
    } else {
        error
    }
}
