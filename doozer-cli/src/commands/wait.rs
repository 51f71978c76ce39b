//! `wait GLOB`: prints the next event that matches.

use anyhow::anyhow;
use doozer_client::{Event, EventKind};

use super::{Call, Command};
use crate::args::Invocation;
use crate::output::{Format, Output, OutputError, Record};
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
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let glob = call.session.original_path(call.invocation.word(0));
    let rev = begin(&server, call.invocation).await?;
    let wait = server.client.wait(&glob, rev);
    let event = match call.invocation.limit {
        None => wait.await?,
        Some(limit) => tokio::time::timeout(limit, wait)
            .await
            .map_err(|_elapsed| {
                let told = "timeout: no event within";
                server.at(anyhow!("WAIT {glob} rev {rev}: {told} {limit:?}"))
            })??,
    };
    match call.output.format() {
        Format::Text => print(&event, call.output)?,
        _ => call.output.one(&record(&event))?,
    }
    Ok(())
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

/// An event's fields.
pub(super) fn record(event: &Event) -> Record {
    let did = match event.kind {
        EventKind::Set => "set",
        EventKind::Del => "del",
        EventKind::Nop => "nop",
    };
    let record = Record::new().text("path", &*event.path);
    let record = record.number("rev", event.rev).text("event", did);
    record.bytes("value", event.value.clone())
}
