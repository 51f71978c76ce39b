//! `version`: prints what this program and the server are.

use anyhow::Context;

use super::{Call, Command};
use crate::output::{Cell, Record};
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "version",
    arguments: &[],
    summary: "Print the versions of this program and of the server",
    details:
        "The server's is what its node has written to /ctl/node/ID/version. `doozer -v` prints this
program's alone, and asks nobody.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let own = env!("CARGO_PKG_VERSION");
    if call.output.is_text() {
        call.output.line(format_args!("doozer   {own}"))?;
        // Told even when the server, asked next, does not answer.
        call.output.flush()?;
    }
    let server = call.session.server().await?;
    let (id, version, address) = of_node(&server).await?;
    if call.output.is_text() {
        let told = version.as_deref().unwrap_or("unknown");
        let place = format_args!("node {id} at {address}");
        call.output
            .line(format_args!("doozerd  {told}  ({place})"))?;
    } else {
        let version = version.map_or(Cell::Null, Cell::Text);
        let record = Record::new().text("client", own).with("server", version);
        call.output
            .one(&record.text("node", id).text("address", address))?;
    }
    Ok(())
}

/// The id of the node that answers, the version that it has written, and its address.
async fn of_node(server: &Server) -> anyhow::Result<(String, Option<String>, String)> {
    let id = server.client.self_id().await?;
    let id = String::from_utf8(id.to_vec()).context("the node's id is no text")?;
    let version = written(server, &id, "version").await?;
    let address = written(server, &id, "addr").await?;
    Ok((
        id,
        version,
        address.unwrap_or_else(|| server.address.clone()),
    ))
}

/// What node `id` has written to one of its files.
async fn written(server: &Server, id: &str, name: &str) -> anyhow::Result<Option<String>> {
    let file = server
        .client
        .get(&format!("/ctl/node/{id}/{name}"), None)
        .await?;
    let text = String::from_utf8_lossy(&file.value).into_owned();
    Ok((file.rev > 0).then_some(text))
}
