//! `history PATH`: prints the revisions of a file that are kept.

use std::time::Duration;

use doozer_client::{Client, ErrCode, Error, Event, EventKind};
use tokio::time::timeout;

use super::{Call, Command, wait};
use crate::args::Flag;
use crate::failure::NoSuchFile;
use crate::output::Output;
use crate::tree::show;

pub(super) const COMMAND: Command = Command {
    name: "history",
    arguments: &["PATH"],
    summary: "Print the revisions of a file that are kept, the newest last",
    details:
        "`REV set LENGTH` or `REV del` for each. The first is the one that the file had at the oldest
revision that the server keeps, which may be far older. With -p, what each of them changed.
`get PATH -r REV` prints the bytes of one, `revert PATH REV` goes back to it.",
    options: &[Flag {
        name: "p",
        value: None,
        help: "Print what each revision changed, line by line",
    }],
    formats: true,
    run: |call| Box::pin(run(call)),
};

/// How long an event of a file that is missing now may be waited for: there may be none, and only
/// the waiting tells.
const LAST_EVENT_WITHIN: Duration = Duration::from_secs(1);
/// How often history may move on under the search for its begin.
const TRIES_MAX: usize = 5;

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let client = &server.client;
    let path = call.session.path(call.invocation.word(0));
    let mut tries = 0;
    let events = loop {
        tries += 1;
        match kept(client, &path).await {
            Err(error) if error.code() == Some(ErrCode::TooLate) && tries < TRIES_MAX => {}
            events => break events?,
        }
    };
    if events.is_empty() {
        return Err(NoSuchFile(path).into());
    }
    let shows_changes = call.invocation.flags.is_on("p") && call.output.is_text();
    let mut before = None;
    for event in &events {
        print(event, call.output)?;
        let value = (event.kind == EventKind::Set).then_some(&event.value[..]);
        if shows_changes {
            let changes = show::values(before, value, call.output.colour());
            call.output.bytes(changes.as_bytes())?;
        }
        before = value;
    }
    Ok(())
}

fn print(event: &Event, output: &mut Output) -> anyhow::Result<()> {
    if !output.is_text() {
        return Ok(output.record(&wait::record(event))?);
    }
    let (rev, length) = (event.rev, event.value.len());
    match event.kind {
        EventKind::Del => output.line(format_args!("{rev} del"))?,
        _ => output.line(format_args!("{rev} set {length}"))?,
    }
    Ok(())
}

/// The file at the oldest revision that is kept, and every event of it since.
async fn kept(client: &Client, path: &str) -> Result<Vec<Event>, Error> {
    let newest = client.rev().await?;
    let oldest = oldest(client, path, newest).await?;
    let mut events = Vec::new();
    let first = client.get(path, Some(oldest)).await?;
    // An event of that revision itself is told by the search below.
    if first.rev > 0 && first.rev < oldest {
        events.push(Event {
            rev: first.rev,
            path: path.to_owned(),
            value: first.value,
            kind: EventKind::Set,
        });
    }
    let last = client.stat(path, Some(newest)).await?.rev;
    let mut from = oldest;
    // The file as it is now tells where to end; of one that is gone nothing does.
    while from <= newest && (last <= 0 || from <= last) {
        let next = client.wait(path, from);
        let event = if last > 0 {
            next.await?
        } else {
            match timeout(LAST_EVENT_WITHIN, next).await {
                Err(_elapsed) => break,
                Ok(event) => event?,
            }
        };
        if event.rev > newest {
            break;
        }
        from = event.rev + 1;
        events.push(event);
    }
    Ok(events)
}

/// The oldest revision at which the store can be read.
async fn oldest(client: &Client, path: &str, newest: i64) -> Result<i64, Error> {
    let (mut gone, mut kept) = (0, newest);
    while kept - gone > 1 {
        let middle = gone + (kept - gone) / 2;
        match client.stat(path, Some(middle)).await {
            Ok(_) => kept = middle,
            Err(error) if error.code() == Some(ErrCode::TooLate) => gone = middle,
            Err(error) => return Err(error),
        }
    }
    Ok(kept)
}
