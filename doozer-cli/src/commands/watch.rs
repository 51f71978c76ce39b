//! `watch GLOB`: prints every event that matches.

use std::process::Stdio;

use anyhow::Context;
use doozer_client::{Client, Error, Event, EventKind, Watch};
use tokio::io::AsyncWriteExt;
use tokio::process::Command as Program;

use super::{Call, Command, wait};
use crate::args::Flag;
use crate::output::{Format, Output};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "watch",
    arguments: &["GLOB"],
    summary: "Print every change to the files that match a glob, as they happen",
    details:
        "Each as `wait` prints it. Begins at the revision of -r, else at the present one, itself
included. Goes on when the connection is lost and made again. When the server no longer
keeps revisions that were not yet seen, says on standard error which are left out, and goes
on with the present one; but a revision of -r that is not kept ends with TOO_LATE.
With --exec, runs a command by sh for each event, one after another, with DOOZER_PATH,
DOOZER_REV and DOOZER_EVENT (set or del) in its environment and the file's bytes as its
standard input, and prints nothing itself. A command that fails is told and ends nothing.",
    options: &[
        Flag {
            name: "exec",
            value: Some("CMD"),
            help: "Run this for each event instead of printing it",
        },
        Flag {
            name: "initial",
            value: None,
            help: "Begin with the files that are there, then watch from that revision on",
        },
    ],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let client = &server.client;
    let glob = call.session.original_path(call.invocation.word(0));
    let begin = wait::begin(&server, call.invocation).await?;
    let mut teller = Teller {
        session: call.session,
        exec: call.invocation.flags.text("exec"),
        output: call.output,
    };
    let is_initial = call.invocation.flags.is_on("initial");
    if is_initial {
        let mut files = client.walk_stream(&glob, Some(begin)).await?;
        while let Some(file) = files.next().await {
            teller.tell(&file?).await?;
        }
    }
    // What is there at that revision was told already.
    let from = if is_initial {
        begin.saturating_add(1)
    } else {
        begin
    };
    let mut watch = client.watch(&glob, from);
    let mut has_begun = call.invocation.rev.is_none();
    while let Some(event) = watch.next().await {
        match event {
            Ok(event) => teller.tell(&event).await?,
            Err(Error::HistoryGone { wanted }) if has_begun => {
                teller.skip(client, &mut watch, wanted).await?;
            }
            Err(error) => return Err(named(error)),
        }
        has_begun = true;
    }
    Ok(())
}

/// Tells events: prints them, or runs a command for each.
struct Teller<'a> {
    session: &'a Session,
    exec: Option<&'a str>,
    output: &'a mut Output,
}

impl Teller<'_> {
    async fn tell(&mut self, event: &Event) -> anyhow::Result<()> {
        if let Some(command) = self.exec {
            return self.run(command, event).await;
        }
        match self.output.format() {
            Format::Text => wait::print(event, self.output)?,
            _ => self.output.record(&wait::record(event))?,
        }
        Ok(self.output.flush()?)
    }

    /// Goes on where there is history again, and says what is left out.
    async fn skip(&self, client: &Client, watch: &mut Watch, wanted: i64) -> anyhow::Result<()> {
        let newest = client.rev().await?;
        self.session.note(format_args!(
            "watch: revisions {wanted} to {} are no longer kept, and were not seen; going on at \
             {newest}",
            newest - 1
        ));
        watch.resume_at(newest);
        Ok(())
    }

    async fn run(&self, command: &str, event: &Event) -> anyhow::Result<()> {
        let did = match event.kind {
            EventKind::Set => "set",
            EventKind::Del => "del",
            EventKind::Nop => "nop",
        };
        let mut child = Program::new("sh")
            .args(["-c", command])
            .env("DOOZER_PATH", &event.path)
            .env("DOOZER_REV", event.rev.to_string())
            .env("DOOZER_EVENT", did)
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run sh -c {command:?}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read it may have closed it.
            drop(stdin.write_all(&event.value).await);
        }
        let status = child.wait().await;
        let status = status.with_context(|| format!("cannot wait for sh -c {command:?}"))?;
        if !status.success() {
            let (path, rev) = (&event.path, event.rev);
            self.session.note(format_args!(
                "watch: the command for {path} at {rev} failed: {status}"
            ));
        }
        Ok(())
    }
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
