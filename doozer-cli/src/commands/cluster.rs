//! `cluster status|health|bootstrap|wait|slots`: looks at a cluster, and forms it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::timeout;

use super::{Call, Command};
use crate::args::{Flag, UsageError};
use crate::cluster::{self, Cluster, Complaint, SLOTS, Seen, Slot, complaints, probe_all};
use crate::failure::{EXIT_UNHEALTHY, Ended};
use crate::output::{Cell, Output, Record};

/// How long the cluster may take to agree on something.
const AGREES_WITHIN: Duration = Duration::from_secs(5);
/// The most members that are asked for: as many nodes as a cluster may have.
const MEMBERS_MAX: usize = 32;

const SIZE: Flag = Flag {
    name: "size",
    value: Some("N"),
    help: "How many members, from 1 to 32; must be given",
};
const MEMBERS: Flag = Flag {
    name: "members",
    value: Some("N"),
    help: "How many members to wait for (as many as there are slots)",
};
const WRITABLE: Flag = Flag {
    name: "writable",
    value: None,
    help: "Wait until they take writes, too",
};
pub(super) const FORCE: Flag = Flag {
    name: "force",
    value: None,
    help: "Do not ask",
};

pub(super) const STATUS: Command = Command {
    name: "cluster status",
    arguments: &[],
    summary: "Print the cluster's nodes, and how each of them is",
    details:
        "A voter holds a member slot and takes writes; a learner only receives. Every node is asked, at
its own address, which revision it has applied; LAG is how many it is behind the newest. Which
node leads is told to no client.",
    options: &[],
    formats: true,
    run: |call| Box::pin(status(call)),
};

pub(super) const HEALTH: Command = Command {
    name: "cluster health",
    arguments: &[],
    summary: "Tell whether the cluster is well, for monitoring",
    details:
        "Exit status 8 when it is not. It is well when it agrees on a change (this makes one, to no file),
every slot is held, and every node answers and is not behind. `doctor` looks for more.",
    options: &[],
    formats: true,
    run: |call| Box::pin(health(call)),
};

pub(super) const BOOTSTRAP: Command = Command {
    name: "cluster bootstrap",
    arguments: &[],
    summary: "Make member slots until there are N, and wait until all are filled",
    details:
        "Makes those of the slots 1 to N-1 that are missing, and waits until N nodes take writes. Waits
for the server, too. May be run again, and on several machines at once. --timeout limits it.",
    options: &[SIZE],
    formats: false,
    run: |call| Box::pin(bootstrap(call)),
};

pub(super) const WAIT: Command = Command {
    name: "cluster wait",
    arguments: &[],
    summary: "Wait until the cluster has its members",
    details: "Waits for the server, too. --timeout limits it.",
    options: &[MEMBERS, WRITABLE],
    formats: false,
    run: |call| Box::pin(wait(call)),
};

pub(super) const SLOTS_COMMAND: Command = Command {
    name: "cluster slots",
    arguments: &["[ACTION]", "[SLOT]"],
    summary: "Print the member slots, make one, empty one or remove one",
    details:
        "ACTION is add, free or remove. `add` makes a free slot, which a waiting learner takes, and
prints its name; `free` takes the slot from its member, for another node to take; `remove`
removes the slot, and its member becomes a learner. Both ask first when a node holds it.",
    options: &[FORCE],
    formats: true,
    run: |call| Box::pin(slots(call)),
};

/// The cluster, and what each of its nodes showed.
pub(super) async fn look(call: &Call<'_>) -> anyhow::Result<(Cluster, Vec<Seen>)> {
    let server = call.session.server().await?;
    let cluster = cluster::read(&server.client).await?;
    let reach = call.session.reach().await?;
    let addrs = cluster.nodes.iter().map(|node| node.addr.as_str());
    let seen = probe_all(&reach, addrs).await;
    Ok((cluster, seen))
}

async fn status(call: Call<'_>) -> anyhow::Result<()> {
    let (cluster, seen) = look(&call).await?;
    let newest = seen.iter().filter_map(Seen::rev).max();
    let newest = newest.unwrap_or_default().max(cluster.rev);
    for (node, seen) in cluster.nodes.iter().zip(&seen) {
        let slot = cluster.slot_of(&node.id);
        let number = |number: Option<i64>| number.map_or(Cell::Null, Cell::Number);
        let rev = seen.rev().filter(|_| seen.is(&node.id));
        let record = Record::new()
            .text("id", &node.id)
            .text("address", &node.addr)
            .text("role", if slot.is_some() { "voter" } else { "learner" })
            .with(
                "slot",
                slot.map_or(Cell::Null, |slot| Cell::Text(slot.name.clone())),
            )
            .bool("writable", node.writable)
            .with("rev", number(rev))
            .with("lag", number(rev.map(|rev| newest - rev)))
            .text("version", &node.version)
            .text("hostname", &node.hostname)
            .text("reachable", seen.told(&node.id));
        call.output.row(&record)?;
    }
    for slot in cluster.free().filter(|_| call.output.is_text()) {
        call.session
            .note(format_args!("slot {} is free", slot.name));
    }
    Ok(())
}

async fn health(call: Call<'_>) -> anyhow::Result<()> {
    let (cluster, seen) = look(&call).await?;
    let mut found = unanimous(&call).await?;
    found.extend(complaints(&cluster, &seen).into_iter().filter(is_about_now));
    let unfilled = cluster.free().map(|slot| {
        Complaint::new(
            format!("slot {}", slot.name),
            "no node holds it",
            "start a node for it",
        )
    });
    let told: BTreeSet<String> = found.iter().map(|found| found.about.clone()).collect();
    found.extend(unfilled.filter(|unfilled| !told.contains(&unfilled.about)));
    if found.is_empty() && call.output.is_text() {
        let (members, writers) = cluster.members();
        let line = format!("healthy: {writers} of {members} members take writes");
        return Ok(call.output.line(line)?);
    }
    tell(call.output, &found)
}

/// What a monitor should wake somebody for.
fn is_about_now(complaint: &Complaint) -> bool {
    complaint.about != "cluster"
}

/// Complains if the cluster does not agree on a change in time.
pub(super) async fn unanimous(call: &Call<'_>) -> anyhow::Result<Vec<Complaint>> {
    let server = call.session.server().await?;
    let reason = match timeout(AGREES_WITHIN, server.client.nop()).await {
        Ok(Ok(())) => return Ok(Vec::new()),
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => format!("no agreement within {AGREES_WITHIN:?}"),
    };
    Ok(vec![Complaint::new(
        "writes",
        format!("the cluster takes no writes: {reason}"),
        "start members that are down until more than half of them run",
    )])
}

/// Prints what is wrong; a failure if anything is.
pub(super) fn tell(output: &mut Output, found: &[Complaint]) -> anyhow::Result<()> {
    for complaint in found {
        let Complaint {
            about,
            problem,
            advice,
        } = complaint;
        if output.is_text() {
            output.line(format_args!("{about}: {problem}\n    {advice}"))?;
        } else {
            let record = Record::new().text("about", about).text("problem", problem);
            output.record(&record.text("advice", advice))?;
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Ended(EXIT_UNHEALTHY).into())
}

async fn bootstrap(call: Call<'_>) -> anyhow::Result<()> {
    let size = call.invocation.flags.value(SIZE.name, members_in)?;
    let size = size.context("option --size is missing: how many members shall there be?")?;
    let server = cluster::connect(call.session).await?;
    let made = cluster::make_slots(&server.client, size).await?;
    if !made.is_empty() {
        call.session
            .note(format_args!("made slots {}", made.join(", ")));
    }
    let progress = call.session.progress(size as u64, "members");
    let cluster = cluster::await_members(&server.client, (size, true), &progress).await?;
    drop(progress);
    if cluster.slots.len() > size {
        let count = cluster.slots.len();
        call.session.note(format_args!(
            "there are {count} slots: those above {size} are left as they are"
        ));
    }
    let (_, writers) = cluster.members();
    Ok(call
        .output
        .line(format_args!("{writers} members take writes"))?)
}

async fn wait(call: Call<'_>) -> anyhow::Result<()> {
    let count = call.invocation.flags.value(MEMBERS.name, members_in)?;
    let writable = call.invocation.flags.is_on(WRITABLE.name);
    let server = cluster::connect(call.session).await?;
    let count = match count {
        Some(count) => count,
        None => cluster::read(&server.client).await?.slots.len(),
    };
    let progress = call.session.progress(count as u64, "members");
    cluster::await_members(&server.client, (count, writable), &progress).await?;
    Ok(())
}

fn members_in(typed: &str) -> Result<usize, String> {
    let wanted = || format!("a number from 1 to {MEMBERS_MAX} is wanted");
    let number = typed.parse().ok();
    let number = number.filter(|number| (1..=MEMBERS_MAX).contains(number));
    number.ok_or_else(wanted)
}

async fn slots(call: Call<'_>) -> anyhow::Result<()> {
    let words: Vec<&str> = call.invocation.words.iter().map(String::as_str).collect();
    match words[..] {
        [] => list(call).await,
        ["add"] => add(call, None).await,
        ["add", slot] => add(call, Some(slot)).await,
        ["free", slot] => change(call, slot, Change::Free).await,
        ["remove", slot] => change(call, slot, Change::Remove).await,
        [typed, ..] => Err(UsageError::Argument {
            typed: typed.to_owned(),
            wanted: "add [SLOT], free SLOT or remove SLOT",
        }
        .into()),
    }
}

async fn list(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let cluster = cluster::read(&server.client).await?;
    for slot in &cluster.slots {
        let addr = cluster.node(&slot.holder).map(|node| node.addr.clone());
        let record = Record::new()
            .text("slot", &slot.name)
            .text("node", &slot.holder)
            .with("address", addr.map_or(Cell::Null, Cell::Text));
        call.output.row(&record)?;
    }
    Ok(())
}

async fn add(call: Call<'_>, slot: Option<&str>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let name = if let Some(slot) = slot {
        name_of(slot).to_owned()
    } else {
        let cluster = cluster::read(&server.client).await?;
        let is_new = |name: &String| cluster.slots.iter().all(|slot| slot.name != *name);
        let mut names = (0..).map(|number: u32| number.to_string());
        names.find(is_new).context("no slot has a free number")?
    };
    let made = server.client.set(&format!("{SLOTS}/{name}"), 0, "").await;
    made.with_context(|| format!("cannot make slot {name}"))?;
    let record = Record::new().text("slot", &name);
    if call.output.is_text() {
        return Ok(call.output.line(name)?);
    }
    Ok(call.output.one(&record)?)
}

/// What is done to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Free,
    Remove,
}

async fn change(call: Call<'_>, slot: &str, change: Change) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let cluster = cluster::read(&server.client).await?;
    let name = name_of(slot);
    let found = cluster.slots.iter().find(|slot| slot.name == name);
    let Some(Slot { rev, holder, .. }) = found else {
        let names: Vec<&str> = cluster
            .slots
            .iter()
            .map(|slot| slot.name.as_str())
            .collect();
        bail!("there is no slot {name}; there is {}", names.join(", "));
    };
    let is_forced = call.invocation.flags.is_on(FORCE.name);
    if !holder.is_empty() && !is_forced {
        let addr = cluster.node(holder).map_or("", |node| &node.addr);
        let question = format!("Node {holder} ({addr}) holds slot {name} and loses it. Go on?");
        if !call.session.confirm(&question, "--force").await? {
            bail!("nothing was done");
        }
    }
    let path = format!("{SLOTS}/{name}");
    // By the revision that was looked at: the slot may have got another member since.
    match change {
        Change::Free if holder.is_empty() => {}
        Change::Free => drop(server.client.set(&path, *rev, "").await?),
        Change::Remove => server.client.del(&path, *rev).await?,
    }
    Ok(())
}

/// A slot's name, which may be typed as its path.
fn name_of(typed: &str) -> &str {
    typed.strip_prefix("/ctl/cal/").unwrap_or(typed)
}
