//! `rev`: prints the store's revision.

use super::{Call, Command};
use crate::output::{Format, Record};

pub(super) const COMMAND: Command = Command {
    name: "rev",
    arguments: &[],
    summary: "Print the store's revision",
    details: "",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let rev = call.session.server().await?.client.rev().await?;
    match call.output.format() {
        Format::Text => call.output.line(rev)?,
        _ => call.output.one(&Record::new().number("rev", rev))?,
    }
    Ok(())
}
