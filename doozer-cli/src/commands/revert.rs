//! `revert PATH REV`: makes a file what it was.

use anyhow::bail;

use super::{Call, Command, set};

pub(super) const COMMAND: Command = Command {
    name: "revert",
    arguments: &["PATH", "REV"],
    summary: "Make a file what it was at a revision",
    details:
        "Writes the bytes that it had then, or deletes it if it was missing then, and prints the new
revision. A file that is so already is left alone. Fails with REV_MISMATCH (exit status 1)
when somebody else changes it meanwhile. `history PATH` prints the revisions that it had.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let client = &server.client;
    let path = call.session.path(call.invocation.word(0));
    let rev = call.invocation.rev_word(1)?;
    if rev < 1 {
        bail!("revision {rev} never was: the first one is 1");
    }
    let now = client.get(&path, None).await?;
    let then = client.get(&path, Some(rev)).await?;
    if (now.rev, &now.value) == (then.rev, &then.value)
        || (now.rev != 0 && then.rev != 0 && now.value == then.value)
    {
        call.session
            .note(format_args!("{path} is what it was at revision {rev}"));
        return Ok(());
    }
    if then.rev == 0 {
        client.del(&path, now.rev).await?;
        call.session.note(format_args!(
            "{path} was missing at revision {rev}: deleted"
        ));
        return Ok(());
    }
    set::write(&path, now.rev, then.value, &server, call.output).await
}
