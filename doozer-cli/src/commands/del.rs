//! `del PATH REV`: deletes a file.

use super::{Call, Command};

pub(super) const COMMAND: Command = Command {
    name: "del",
    arguments: &["PATH", "REV"],
    summary: "Delete a file",
    details:
        "REV is the revision that the file has, -1 for any. A file that is missing can be deleted.
Fails with REV_MISMATCH (exit status 1) when the file has changed since REV.",
    options: &[],
    formats: false,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let rev = call.invocation.rev_word(1)?;
    let server = call.session.server().await?;
    let path = call.session.original_path(call.invocation.word(0));
    Ok(server.client.del(&path, rev).await?)
}
