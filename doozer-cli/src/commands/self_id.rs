//! `self`: prints the id of the node that answers.

use super::{Call, Command};
use crate::output::Record;

pub(super) const COMMAND: Command = Command {
    name: "self",
    arguments: &[],
    summary: "Print the id of the node that answers",
    details: "No line feed is added.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let id = call.session.server().await?.client.self_id().await?;
    if call.output.is_text() {
        call.output.bytes(&id)?;
    } else {
        let id = String::from_utf8_lossy(&id);
        call.output.one(&Record::new().text("id", id))?;
    }
    Ok(())
}
