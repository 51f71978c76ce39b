//! `tree [PATH]`: draws what is below a path.

use super::{Call, Command};
use crate::args::{Flag, read_number};
use crate::failure::Missing;
use crate::output::{Format, Output, Record};
use crate::tree::asked;
use crate::tree::path::StorePath;
use crate::tree::picture::{self, Entry};

pub(super) const COMMAND: Command = Command {
    name: "tree",
    arguments: &["[PATH]"],
    summary: "Draw the directories and files below a path",
    details:
        "All as they are at one revision: that of -r, else the present one. Without a path, from the
root on and without /ctl.",
    options: &[
        Flag {
            name: "depth",
            value: Some("N"),
            help: "Draw so many levels (all)",
        },
        asked::CTL,
    ],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let flags = &call.invocation.flags;
    let depth = flags.value("depth", |typed| match read_number(typed) {
        Ok(number) => usize::try_from(number).map_err(|_negative| "not below 0".to_owned()),
        Err(reason) => Err(reason.to_string()),
    })?;
    let typed = call.invocation.words.first().map_or("", String::as_str);
    let root = asked::path(call.session, typed)?;
    let takes_ctl = flags.is_on("ctl") || root.is_ctl();
    let server = call.session.server().await?;
    let rev = match call.invocation.rev {
        Some(rev) => rev,
        None => server.client.rev().await?,
    };
    let stat = server.client.stat(root.as_str(), Some(rev)).await?;
    if stat.is_missing() {
        return Err(Missing(root.to_string()).into());
    }
    let mut files = Vec::new();
    if stat.is_dir() {
        let mut walk = server
            .client
            .walk_stream(&root.glob_below(), Some(rev))
            .await?;
        while let Some(file) = walk.next().await {
            files.push(StorePath::parse(&file?.path)?);
        }
    }
    files.retain(|path| takes_ctl || !path.is_ctl());
    let entries = picture::draw(&root, &files, depth.unwrap_or(usize::MAX));
    print(&root, &entries, call.output)
}

fn print(root: &StorePath, entries: &[Entry], output: &mut Output) -> anyhow::Result<()> {
    if output.format() != Format::Text {
        for entry in entries {
            let record = Record::new().text("path", entry.path.as_str());
            output.record(&record.bool("directory", entry.is_directory))?;
        }
        return Ok(());
    }
    output.line(root)?;
    for entry in entries {
        let slash = if entry.is_directory { "/" } else { "" };
        let name = entry.path.last_name();
        output.line(format_args!("{}{name}{slash}", entry.lines))?;
    }
    Ok(())
}
