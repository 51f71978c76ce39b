//! `ns list|resolve|explain|clean`: looks at a `DzNS`.

use anyhow::bail;

use super::{Call, Command, cluster::FORCE};
use crate::failure::Missing;
use crate::ns::{self, Name};
use crate::output::{Cell, Record};
use crate::server::Server;

pub(super) const LIST: Command = Command {
    name: "ns list",
    arguments: &[],
    summary: "Print the clusters that are registered at a DzNS",
    details: "The DzNS is that of -b or of the profile; without one, the server itself.",
    options: &[],
    formats: true,
    run: |call| Box::pin(list(call)),
};

pub(super) const RESOLVE: Command = Command {
    name: "ns resolve",
    arguments: &["NAME"],
    summary: "Print the addresses that a cluster has registered",
    details: "One a line. Exit status 3 when there is none.",
    options: &[],
    formats: true,
    run: |call| Box::pin(resolve(call)),
};

pub(super) const EXPLAIN: Command = Command {
    name: "ns explain",
    arguments: &["NAME"],
    summary: "Tell what a node started now with -b would do, without doing it",
    details:
        "Of a node with an empty data folder: one that holds a cluster goes on as itself. Asks every
address that is registered, and changes nothing.",
    options: &[],
    formats: true,
    run: |call| Box::pin(explain(call)),
};

pub(super) const CLEAN: Command = Command {
    name: "ns clean",
    arguments: &["NAME"],
    summary: "Remove the entries of nodes that do not answer",
    details:
        "Asks first. A node that is only down, or out of reach from here, registers itself again when
it is back. What nodes that run have registered stays.",
    options: &[FORCE],
    formats: true,
    run: |call| Box::pin(clean(call)),
};

async fn open(call: &Call<'_>) -> anyhow::Result<Server> {
    Ok(ns::open(&call.session.reach().await?).await?)
}

async fn named(call: &Call<'_>) -> anyhow::Result<(Server, Name)> {
    let server = open(call).await?;
    let mut names = ns::names(&server.client)
        .await
        .map_err(|error| server.at(error))?;
    let found = names.remove(call.invocation.word(0)).unwrap_or_default();
    Ok((server, found))
}

async fn list(call: Call<'_>) -> anyhow::Result<()> {
    let server = open(&call).await?;
    let names = ns::names(&server.client).await;
    for (name, found) in names.map_err(|error| server.at(error))? {
        let addrs = found
            .entries
            .iter()
            .map(|entry| Cell::Text(entry.addr.clone()));
        let record = Record::new()
            .text("name", name)
            .with("addresses", Cell::List(addrs.collect()))
            .with("founder", found.founder.map_or(Cell::Null, Cell::Text));
        call.output.row(&record)?;
    }
    Ok(())
}

async fn resolve(call: Call<'_>) -> anyhow::Result<()> {
    let (_, found) = named(&call).await?;
    if found.entries.is_empty() {
        return Err(Missing(format!("/ctl/ns/{}", call.invocation.word(0))).into());
    }
    for entry in found.entries {
        if call.output.is_text() {
            call.output.line(entry.addr)?;
        } else {
            let record = Record::new().text("id", entry.id);
            call.output.record(&record.text("address", entry.addr))?;
        }
    }
    Ok(())
}

async fn explain(call: Call<'_>) -> anyhow::Result<()> {
    let reach = call.session.reach().await?;
    let (_, found) = named(&call).await?;
    let seen = ns::probe(&reach, &found).await;
    let uri = reach
        .options
        .boot
        .as_ref()
        .unwrap_or(&reach.uri)
        .to_string();
    let plan = ns::explain(&uri, call.invocation.word(0), &found, &seen);
    if call.output.is_text() {
        for (number, step) in (1..).zip(&plan.steps) {
            call.output.line(format_args!("{number}. {step}"))?;
        }
        return Ok(call.output.line(plan.verdict)?);
    }
    let steps = plan.steps.into_iter().map(Cell::Text).collect();
    let record = Record::new().with("steps", Cell::List(steps));
    Ok(call.output.one(&record.text("verdict", plan.verdict))?)
}

async fn clean(call: Call<'_>) -> anyhow::Result<()> {
    let reach = call.session.reach().await?;
    let (server, found) = named(&call).await?;
    let seen = ns::probe(&reach, &found).await;
    let entries = found.entries.into_iter().zip(seen);
    let dead: Vec<_> = entries
        .filter(|(entry, seen)| !seen.is(&entry.id))
        .collect();
    if dead.is_empty() {
        call.session
            .note("every node that is registered answers: nothing to remove");
        return Ok(());
    }
    for (entry, seen) in &dead {
        call.session.note(format_args!(
            "{} at {}: {}",
            entry.id,
            entry.addr,
            seen.told(&entry.id)
        ));
    }
    let question = format!(
        "Remove {} entries of {}?",
        dead.len(),
        call.invocation.word(0)
    );
    let is_forced = call.invocation.flags.is_on(FORCE.name);
    if !is_forced && !call.session.confirm(&question, "--force").await? {
        bail!("nothing was removed");
    }
    for (entry, _) in dead {
        // By the revision that was looked at: the node may have registered itself again since.
        let removed = server.client.del(&entry.path, entry.rev).await;
        removed.map_err(|error| server.at(error))?;
        let record = Record::new()
            .text("id", entry.id)
            .text("address", entry.addr);
        if call.output.is_text() {
            call.output.line(entry.path)?;
        } else {
            call.output.record(&record)?;
        }
    }
    Ok(())
}
