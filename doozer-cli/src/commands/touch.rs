//! `touch PATH`: gives a file a new revision.

use super::{Call, Command};

pub(super) const COMMAND: Command = Command {
    name: "touch",
    arguments: &["PATH"],
    summary: "Write a file's bytes again, so that it has a new revision",
    details: "A file that is missing is made, empty. Fails with REV_MISMATCH (exit status 1) when somebody
else writes the file in between.",
    options: &[],
    formats: false,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let path = call.session.original_path(call.invocation.word(0));
    let file = server.client.get(&path, None).await?;
    server.client.set(&path, file.rev, file.value).await?;
    Ok(())
}
