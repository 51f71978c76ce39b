//! Finds what is commonly wrong with a cluster, and what to do about it. Asks nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Cluster, Node, Seen};

/// Revisions that a node may be behind while writes go on.
const LAG_MAX: i64 = 1000;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// What it is about: a node's id, a slot, or the cluster.
    pub(crate) about: String,
    /// What is wrong.
    pub(crate) problem: String,
    /// What to do.
    pub(crate) advice: String,
}

impl Complaint {
    pub(crate) fn new(
        about: impl Into<String>,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            about: about.into(),
            problem: problem.into(),
            advice: advice.into(),
        }
    }
}

/// All that is wrong with `cluster`, whose nodes showed `seen`, in their order.
pub(crate) fn complaints(cluster: &Cluster, seen: &[Seen]) -> Vec<Complaint> {
    let mut found = Vec::new();
    slots(cluster, &mut found);
    let newest = seen.iter().filter_map(Seen::rev).max().unwrap_or_default();
    for (node, seen) in cluster.nodes.iter().zip(seen) {
        answer(cluster, node, seen, &mut found);
        if let Some(rev) = seen.rev().filter(|rev| newest - rev > LAG_MAX) {
            found.push(Complaint::new(
                &node.id,
                format!(
                    "the node at {} is {} revisions behind",
                    node.addr,
                    newest - rev
                ),
                "see whether its disk or its network is slow",
            ));
        }
    }
    addresses(cluster, &mut found);
    versions(cluster, &mut found);
    entries(cluster, &mut found);
    found
}

fn slots(cluster: &Cluster, found: &mut Vec<Complaint>) {
    let learners = cluster
        .nodes
        .iter()
        .filter(|node| cluster.slot_of(&node.id).is_none())
        .count();
    for slot in &cluster.slots {
        let about = format!("slot {}", slot.name);
        if slot.holder.is_empty() && learners == 0 {
            found.push(Complaint::new(
                about,
                "it is free, and no node waits for it",
                format!(
                    "start another node, or: doozer cluster slots remove {}",
                    slot.name
                ),
            ));
        } else if !slot.holder.is_empty() && cluster.node(&slot.holder).is_none() {
            found.push(Complaint::new(
                about,
                format!(
                    "it is held by {}, of which nothing else is known",
                    slot.holder
                ),
                format!(
                    "if that node is gone for good: doozer cluster slots free {}",
                    slot.name
                ),
            ));
        }
    }
    let count = cluster.slots.len();
    if count > 0 && count.is_multiple_of(2) {
        found.push(Complaint::new(
            "cluster",
            format!(
                "{count} slots bear the loss of no more members than {} do",
                count - 1
            ),
            "add a slot and a node for it, or remove one: doozer cluster slots add",
        ));
    }
}

fn answer(cluster: &Cluster, node: &Node, seen: &Seen, found: &mut Vec<Complaint>) {
    let slot = cluster.slot_of(&node.id);
    let mut complain =
        |problem: String, advice: String| found.push(Complaint::new(&node.id, problem, advice));
    match (seen, slot) {
        (Seen::Node { id, .. }, _) if *id != node.id => complain(
            format!("at its address {} is another node, {id}", node.addr),
            "give each node an address of its own; a node that lost its folder is replaced by itself".to_owned(),
        ),
        (Seen::Node { .. }, Some(_)) if !node.writable => complain(
            format!("the node at {} holds a slot and does not take writes", node.addr),
            "wait a moment; if it stays so, read its log".to_owned(),
        ),
        (Seen::Node { .. }, _) => {}
        (_, Some(slot)) => complain(
            format!("the member at {} does not answer here ({})", node.addr, seen.told(&node.id)),
            format!(
                "start it, or mend the network; it is kicked after -timeout. To give its slot away now: \
                 doozer cluster slots free {}",
                slot.name
            ),
        ),
        (_, None) => complain(
            format!("the learner at {} does not answer here ({})", node.addr, seen.told(&node.id)),
            "start it, or mend the network; it is forgotten after -timeout".to_owned(),
        ),
    }
}

fn addresses(cluster: &Cluster, found: &mut Vec<Complaint>) {
    let hosts: BTreeSet<&str> = cluster
        .nodes
        .iter()
        .map(|node| node.hostname.as_str())
        .collect();
    let mut at: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in &cluster.nodes {
        at.entry(&node.addr).or_default().push(&node.id);
        if hosts.len() > 1 && is_local(&node.addr) {
            found.push(Complaint::new(
                &node.id,
                format!(
                    "its address {} means this machine on every machine: others cannot reach it",
                    node.addr
                ),
                format!(
                    "start it on {} with -l HOST:PORT, or --advertise, as others reach it",
                    node.hostname
                ),
            ));
        }
    }
    for (addr, nodes) in at.into_iter().filter(|(_, nodes)| nodes.len() > 1) {
        found.push(Complaint::new(
            nodes.join(", "),
            format!("all of them are registered at {addr}"),
            "the one that does not answer there is forgotten after -timeout; if both run, give each its own -l",
        ));
    }
}

/// Whether an address is good on its own machine alone.
fn is_local(addr: &str) -> bool {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip = host.parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

fn versions(cluster: &Cluster, found: &mut Vec<Complaint>) {
    let versions: BTreeSet<&str> = cluster
        .nodes
        .iter()
        .map(|node| node.version.as_str())
        .collect();
    if versions.len() > 1 {
        let versions: Vec<&str> = versions.into_iter().collect();
        found.push(Complaint::new(
            "cluster",
            format!("its nodes are of several versions: {}", versions.join(", ")),
            "bring all to one version, one node after another",
        ));
    }
}

/// Entries in the cluster's own store of those that are no members.
fn entries(cluster: &Cluster, found: &mut Vec<Complaint>) {
    for (id, addr) in &cluster.entries {
        if cluster.slot_of(id).is_none() {
            found.push(Complaint::new(
                id,
                format!(
                    "/ctl/ns/{}/{id} says {addr}, and it is no member",
                    cluster.name
                ),
                format!("if it stays so: doozer ns clean {}", cluster.name),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Slot;
    use super::*;

    /// Nodes as `ID ADDR HOST VERSION`, the first in slots 0, 1, …, as many as there are `slots`.
    fn cluster(nodes: &[&str], slots: &[&str]) -> Cluster {
        let nodes = nodes.iter().map(|node| {
            let words: Vec<&str> = node.split(' ').collect();
            Node {
                id: words[0].to_owned(),
                addr: words[1].to_owned(),
                hostname: words[2].to_owned(),
                version: words[3].to_owned(),
                writable: slots.contains(&words[0]),
            }
        });
        let slots = slots.iter().enumerate().map(|(number, holder)| Slot {
            name: number.to_string(),
            rev: 1,
            holder: (*holder).to_owned(),
        });
        Cluster {
            name: "local".to_owned(),
            rev: 9,
            slots: slots.collect(),
            nodes: nodes.collect(),
            entries: Vec::new(),
        }
    }

    fn serves(id: &str, rev: i64) -> Seen {
        Seen::Node {
            id: id.to_owned(),
            cluster: "local".to_owned(),
            rev,
        }
    }

    #[track_caller]
    fn check(cluster: &Cluster, seen: &[Seen], expected: &[(&str, &str)]) {
        let found = complaints(cluster, seen);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (complaint, (about, problem)) in found.iter().zip(expected) {
            assert_eq!(complaint.about, *about);
            assert!(complaint.problem.contains(problem), "{complaint:?}");
            assert!(!complaint.advice.is_empty());
        }
    }

    const THREE: [&str; 3] = ["A 10.0.0.1:1 a 1", "B 10.0.0.2:1 b 1", "C 10.0.0.3:1 c 1"];

    fn all(rev: i64) -> [Seen; 3] {
        ["A", "B", "C"].map(|id| serves(id, rev))
    }

    #[test]
    fn a_cluster_that_is_well_has_no_complaints() {
        check(&cluster(&THREE, &["A", "B", "C"]), &all(9), &[]);
        let one = cluster(&["A 127.0.0.1:1 a 1"], &["A"]);
        check(&one, &[serves("A", 9)], &[]);
    }

    #[test]
    fn slots_that_nobody_fills_are_told() {
        let seen = [all(9).to_vec(), vec![]].concat();
        check(
            &cluster(&THREE, &["A", "B", "C", "", "X"]),
            &seen,
            &[("slot 3", "no node waits"), ("slot 4", "held by X")],
        );
        check(
            &cluster(&THREE, &["A", "B", "C", ""]),
            &seen,
            &[("slot 3", "it is free"), ("cluster", "4 slots bear")],
        );
    }

    #[test]
    fn nodes_that_do_not_answer_or_are_behind_are_told() {
        let nobody = Seen::Nobody("Connection refused".to_owned());
        check(
            &cluster(&THREE, &["A", "B", "C"]),
            &[serves("A", 2000), nobody, serves("C", 900)],
            &[
                ("B", "(no: Connection refused)"),
                ("C", "1100 revisions behind"),
            ],
        );
        check(
            &cluster(&THREE, &["A"]),
            &[serves("A", 9), Seen::Mute, serves("X", 9)],
            &[("B", "the learner at 10.0.0.2:1"), ("C", "another node, X")],
        );
    }

    #[test]
    fn addresses_that_others_cannot_reach_are_told() {
        for addr in [
            "127.0.0.1:1",
            "0.0.0.0:1",
            "[::]:1",
            "[::1]:1",
            "localhost:1",
        ] {
            let node = format!("A {addr} a 1");
            let cluster = cluster(&[&node, THREE[1], THREE[2]], &["A", "B", "C"]);
            check(&cluster, &all(9), &[("A", addr)]);
        }
    }

    #[test]
    fn several_nodes_at_one_address_and_several_versions_are_told() {
        let nodes = ["A h:1 a 1", "B h:1 a 2", THREE[2]];
        check(
            &cluster(&nodes, &["A", "B", "C"]),
            &all(9),
            &[("A, B", "registered at h:1"), ("cluster", "1, 2")],
        );
    }

    #[test]
    fn entries_of_no_members_are_told() {
        let mut cluster = cluster(&THREE, &["A", "B", "C"]);
        let entry = |id: &str| (id.to_owned(), "h:1".to_owned());
        cluster.entries = vec![entry("A"), entry("X")];
        check(&cluster, &all(9), &[("X", "/ctl/ns/local/X says h:1")]);
    }
}
