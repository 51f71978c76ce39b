//! `stat PATH`: prints a file's revision and length.

use doozer_client::Stat;

use super::{Call, Command};
use crate::failure::NoSuchFile;
use crate::output::{Format, Output, OutputError, Record};

pub(super) const COMMAND: Command = Command {
    name: "stat",
    arguments: &["PATH"],
    summary: "Print a file's revision and length, or how much a directory holds",
    details:
        "Prints `REV LENGTH` for a file, `d ENTRIES` for a directory. What is missing ends with exit
status 2. With -r, as it was at that revision.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let path = call.session.original_path(call.invocation.word(0));
    let stat = server.client.stat(&path, call.invocation.rev).await?;
    if stat.is_missing() {
        return Err(NoSuchFile(path).into());
    }
    Ok(print(&path, stat, call.output)?)
}

fn print(path: &str, stat: Stat, output: &mut Output) -> Result<(), OutputError> {
    let record = Record::new()
        .text("path", path)
        .bool("directory", stat.is_dir());
    match (output.format(), stat.is_dir()) {
        (Format::Text, true) => output.line(format_args!("d {}", stat.len)),
        (Format::Text, false) => output.line(format_args!("{} {}", stat.rev, stat.len)),
        (_, true) => output.one(&record.number("entries", stat.len)),
        (_, false) => output.one(&record.number("rev", stat.rev).number("length", stat.len)),
    }
}
