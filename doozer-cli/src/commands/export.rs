//! `export [GLOB]`: writes a tree to a document.

use anyhow::Context;
use doozer_client::Client;

use super::{Call, Command};
use crate::args::Flag;
use crate::failure::Missing;
use crate::tree::asked;
use crate::tree::document::Found;
use crate::tree::export::Target;
use crate::tree::path::StorePath;

pub(super) const COMMAND: Command = Command {
    name: "export",
    arguments: &["[GLOB]"],
    summary: "Write the files that match a glob to a document",
    details:
        "Without a glob, all files but those of /ctl; a directory stands for all that is below it.
All files are as they are at one revision: that of -r, else the present one. JSON lines,
YAML and folders are written as files come, TOML at the end. A file or a folder has its name
once it is complete.",
    options: &[
        Flag {
            name: "f",
            value: Some("FILE"),
            help: "Write there: a file, a new folder, or - for standard output (-)",
        },
        asked::AS,
        asked::AT,
        asked::CTL,
    ],
    formats: false,
    run: |call| Box::pin(run(call)),
};

/// Every so many files the terminal shows how many there are.
const FILES_TOLD: u64 = 100;

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let flags = &call.invocation.flags;
    let base = asked::base(call.session, flags)?;
    let glob = match call.invocation.words.first() {
        None => base.glob_below(),
        Some(typed) => call.session.path(typed),
    };
    let takes_ctl = flags.is_on("ctl") || glob == "/ctl" || glob.starts_with("/ctl/");
    let server = call.session.server().await?;
    let glob = whole(&server.client, glob, call.invocation.rev).await?;
    let place = flags.text("f").unwrap_or("-");
    let mut target = Target::open(place, asked::format(flags)?, call.output)?;
    let mut walk = server
        .client
        .walk_stream(&glob, call.invocation.rev)
        .await?;
    let progress = call.session.progress(0, "export");
    let mut files: u64 = 0;
    while let Some(file) = walk.next().await {
        let file = file.with_context(|| format!("{files} files were read"))?;
        let path = StorePath::parse(&file.path).context("the server's answer to WALK")?;
        if path.is_ctl() && !takes_ctl {
            continue;
        }
        let placed = StorePath::root().place(&path, &base);
        let placed =
            placed.with_context(|| format!("{path} does not lie below {base} (--at)"))??;
        let (rev, value) = (file.rev, file.value);
        target.file(&placed, &Found { rev, value })?;
        files += 1;
        if files.is_multiple_of(FILES_TOLD) {
            progress.say(format!("{files} files"));
        }
    }
    target.end()?;
    if place != "-" {
        let rev = walk.rev();
        call.session.note(format_args!(
            "{files} files as of revision {rev} written to {place}"
        ));
    }
    Ok(())
}

/// The glob that `typed` stands for: a directory stands for all that is below it.
async fn whole(client: &Client, typed: String, rev: Option<i64>) -> anyhow::Result<String> {
    if typed.contains(['*', '?']) {
        return Ok(typed);
    }
    let stat = client.stat(&typed, rev).await?;
    if stat.is_dir() {
        Ok(StorePath::parse(&typed)?.glob_below())
    } else if stat.is_missing() {
        Err(Missing(typed).into())
    } else {
        Ok(typed)
    }
}
