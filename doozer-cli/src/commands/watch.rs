//! `watch GLOB`: prints every event that matches.

use doozer_client::Error;

use super::{Call, Command, wait};
use crate::output::Format;

pub(super) const COMMAND: Command = Command {
    name: "watch",
    arguments: &["GLOB"],
    summary: "Print every change to the files that match a glob, as they happen",
    details:
        "Each as `wait` prints it. Begins at the revision of -r, else at the present one, itself
included. Goes on when the connection is lost and made again; ends with TOO_LATE when the
server no longer keeps a revision that was not yet seen.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let glob = call.session.original_path(call.invocation.word(0));
    let rev = wait::begin(&server, call.invocation).await?;
    let mut watch = server.client.watch(&glob, rev);
    while let Some(event) = watch.next().await {
        let event = event.map_err(named)?;
        match call.output.format() {
            Format::Text => wait::print(&event, call.output)?,
            _ => call.output.record(&wait::record(&event))?,
        }
        call.output.flush()?;
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
