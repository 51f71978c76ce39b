//! `ls [PATH...]`: prints what is in a directory.

use doozer_client::{Client, Stat};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Call, Command};
use crate::args::Flag;
use crate::failure::NoSuchFile;
use crate::output::{Format, Output, OutputError, Record};

pub(super) const COMMAND: Command = Command {
    name: "ls",
    arguments: &["[PATH...]"],
    summary: "Print the names in a directory",
    details:
        "In byte order, a slash behind those of directories; a file's own path is printed as it is.
With -l, each file's revision and length before it, and each directory's number of entries.
All as they are at one revision: that of -r, else the present one.",
    options: &[Flag {
        name: "l",
        value: None,
        help: "Print revisions and lengths too",
    }],
    formats: true,
    run: |call| Box::pin(run(call)),
};

/// Names that are asked about at once.
const ASKED_AT_ONCE: usize = 64;

/// One line of a listing.
struct Entry {
    name: String,
    stat: Stat,
}

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let client = &server.client;
    let rev = match call.invocation.rev {
        Some(rev) => rev,
        None => client.rev().await?,
    };
    let long = call.invocation.flags.is_on("l");
    let words = &call.invocation.words;
    let typed = if words.is_empty() {
        vec![String::new()]
    } else {
        words.clone()
    };
    let several = typed.len() > 1 && call.output.is_text();
    for (number, word) in typed.iter().enumerate() {
        let path = call.session.path(word);
        let entries = list(client, &path, rev).await?;
        if several {
            let gap = if number > 0 { "\n" } else { "" };
            call.output.line(format_args!("{gap}{path}:"))?;
        }
        print(&path, &entries, long, call.output)?;
    }
    Ok(())
}

async fn list(client: &Client, path: &str, rev: i64) -> anyhow::Result<Vec<Entry>> {
    let stat = client.stat(path, Some(rev)).await?;
    if stat.is_missing() && path != "/" {
        return Err(NoSuchFile(path.to_owned()).into());
    }
    if !stat.is_dir() && !stat.is_missing() {
        let name = path.to_owned();
        return Ok(vec![Entry { name, stat }]);
    }
    if stat.is_missing() {
        return Ok(Vec::new());
    }
    let names = client.list(path, Some(rev)).await?;
    let below = path.strip_suffix('/').unwrap_or(path);
    let asked = names.into_iter().map(|name| async move {
        let stat = client.stat(&format!("{below}/{name}"), Some(rev)).await?;
        anyhow::Ok(Entry { name, stat })
    });
    stream::iter(asked)
        .buffered(ASKED_AT_ONCE)
        .try_collect()
        .await
}

fn print(
    path: &str,
    entries: &[Entry],
    long: bool,
    output: &mut Output,
) -> Result<(), OutputError> {
    if output.format() != Format::Text {
        return entries
            .iter()
            .try_for_each(|entry| output.record(&record(path, entry)));
    }
    let width = |of: fn(&Stat) -> String| {
        let widths = entries.iter().map(|entry| of(&entry.stat).len());
        widths.max().unwrap_or_default()
    };
    let (revs, lengths) = (width(rev_of), width(length_of));
    for entry in entries {
        let slash = if entry.stat.is_dir() { "/" } else { "" };
        let name = &entry.name;
        if long {
            let (rev, length) = (rev_of(&entry.stat), length_of(&entry.stat));
            output.line(format_args!(
                "{rev:>revs$} {length:>lengths$} {name}{slash}"
            ))?;
        } else {
            output.line(format_args!("{name}{slash}"))?;
        }
    }
    Ok(())
}

fn rev_of(stat: &Stat) -> String {
    if stat.is_dir() {
        "d".to_owned()
    } else {
        stat.rev.to_string()
    }
}

fn length_of(stat: &Stat) -> String {
    stat.len.to_string()
}

fn record(path: &str, entry: &Entry) -> Record {
    let stat = &entry.stat;
    let below = path.strip_suffix('/').unwrap_or(path);
    let whole = if entry.name.starts_with('/') {
        entry.name.clone()
    } else {
        format!("{below}/{}", entry.name)
    };
    let record = Record::new()
        .text("path", whole)
        .bool("directory", stat.is_dir());
    if stat.is_dir() {
        record.number("entries", stat.len)
    } else {
        record.number("rev", stat.rev).number("length", stat.len)
    }
}
