//! `get PATH`: prints a file's bytes.

use super::{Call, Command};
use crate::output::Record;

pub(super) const COMMAND: Command = Command {
    name: "get",
    arguments: &["PATH"],
    summary: "Print a file's bytes, nothing added",
    details:
        "A file that is missing is as good as an empty one. With -r, the file as it was at that
revision.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let path = call.session.original_path(call.invocation.word(0));
    let file = server.client.get(&path, call.invocation.rev).await?;
    if call.output.is_text() {
        call.output.bytes(&file.value)?;
    } else {
        let record = Record::new().text("path", path).number("rev", file.rev);
        call.output.one(&record.bytes("value", file.value))?;
    }
    Ok(())
}
