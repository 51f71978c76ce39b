//! `get PATH...`: prints files' bytes.

use super::{Call, Command};
use crate::args::{Flag, read_number};
use crate::output::Record;

pub(super) const COMMAND: Command = Command {
    name: "get",
    arguments: &["PATH..."],
    summary: "Print a file's bytes, or those of several, nothing added",
    details:
        "A file that is missing is as good as an empty one. With -r, the files as they were at that
revision; several files are all read at one. With --sync, first makes a revision of its own,
so that what is printed is not older than anything that was answered to anybody before.",
    options: &[
        Flag {
            name: "rev",
            value: Some("REV"),
            help: "The same as -r",
        },
        Flag {
            name: "sync",
            value: None,
            help: "Read nothing older than what was written anywhere before (a NOP goes first)",
        },
    ],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let invocation = call.invocation;
    let given = invocation.flags.value("rev", read_number)?;
    let server = call.session.server().await?;
    let client = &server.client;
    if invocation.flags.is_on("sync") {
        client.nop().await?;
    }
    let single = invocation.words.len() == 1;
    let rev = match given.or(invocation.rev) {
        None if !single => Some(client.rev().await?),
        rev => rev,
    };
    for word in &invocation.words {
        let path = call.session.original_path(word);
        let file = client.get(&path, rev).await?;
        if call.output.is_text() {
            call.output.bytes(&file.value)?;
            continue;
        }
        let record = Record::new().text("path", path).number("rev", file.rev);
        let record = record.bytes("value", file.value);
        if single {
            call.output.one(&record)?;
        } else {
            call.output.record(&record)?;
        }
    }
    Ok(())
}
