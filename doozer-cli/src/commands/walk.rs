//! `walk GLOB`: prints every file that matches.

use super::{Call, Command};
use crate::output::Record;

pub(super) const COMMAND: Command = Command {
    name: "walk",
    arguments: &["GLOB"],
    summary: "Print every file that matches a glob, with its bytes",
    details:
        "For each file `PATH REV LENGTH` on a line, its bytes and a line feed, depth first, all as
they are at one revision: that of -r, else the present one. In a glob `?` stands for a
character, `*` for any number of them, both without a slash, `**` for anything.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let glob = call.session.original_path(call.invocation.word(0));
    let mut walk = server
        .client
        .walk_stream(&glob, call.invocation.rev)
        .await?;
    while let Some(file) = walk.next().await {
        let file = file?;
        if call.output.is_text() {
            let head = format_args!("{} {}", file.path, file.rev);
            call.output.entry(head, &file.value)?;
        } else {
            let record = Record::new()
                .text("path", file.path)
                .number("rev", file.rev);
            call.output.record(&record.bytes("value", file.value))?;
        }
    }
    Ok(())
}
