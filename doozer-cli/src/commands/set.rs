//! `set PATH REV`: writes a file.

use bytes::Bytes;

use super::{Call, Command};
use crate::output::{Format, Output, OutputError, Record};
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "set",
    arguments: &["PATH", "REV"],
    summary: "Write what standard input holds to a file",
    details: "REV is the revision that the file has: 0 if it is missing, -1 for any. Prints the new
revision. Fails with REV_MISMATCH (exit status 1) when the file has changed since REV.",
    options: &[],
    formats: true,
    run: |call| {
        Box::pin(async {
            let rev = call.invocation.rev_word(1)?;
            from_input(call, rev).await
        })
    },
};

/// Sets the file, whose revision is `rev`, to what standard input holds.
pub(super) async fn from_input(call: Call<'_>, rev: i64) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let path = call.session.original_path(call.invocation.word(0));
    let value = call.input.read().await?;
    write(&path, rev, value, &server, call.output).await
}

/// Sets the file at `path`, whose revision is `rev`, and prints the new one.
pub(super) async fn write(
    path: &str,
    rev: i64,
    value: Bytes,
    server: &Server,
    output: &mut Output,
) -> anyhow::Result<()> {
    let rev = server.client.set(path, rev, value).await?;
    Ok(print(path, rev, output)?)
}

/// Prints the new revision of the file at `path`.
pub(super) fn print(path: &str, rev: i64, output: &mut Output) -> Result<(), OutputError> {
    match output.format() {
        Format::Text => output.line(rev),
        _ => output.one(&Record::new().text("path", path).number("rev", rev)),
    }
}
