//! `put PATH VALUE`: writes a file, whatever it holds.

use doozer_client::REV_CLOBBER;

use super::{Call, Command, set};
use crate::value;

pub(super) const COMMAND: Command = Command {
    name: "put",
    arguments: &["PATH", "VALUE"],
    summary: "Write a value to a file, whatever the file holds",
    details:
        "VALUE is a text, @FILE for what a file of this machine holds, or - for what standard input
holds; @@x is the text @x. Prints the new revision. `set` writes only what has not changed.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let value = value::read(call.invocation.word(1), call.input).await?;
    let server = call.session.server().await?;
    let path = call.session.path(call.invocation.word(0));
    set::write(&path, REV_CLOBBER, value, &server, call.output).await
}
