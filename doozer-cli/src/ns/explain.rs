//! What a node that is started with `-b` would do. Asks nobody: what it found is given.

use super::Name;
use crate::cluster::Seen;

/// What a node would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// What it would see, one step after another.
    pub(crate) steps: Vec<String>,
    /// What it would do then.
    pub(crate) verdict: String,
}

/// What a node with an empty folder would do, to become one of the cluster `name` that is
/// registered as `found` at the `DzNS` `uri`, where the entries showed `seen`.
pub(crate) fn explain(uri: &str, name: &str, found: &Name, seen: &[Seen]) -> Plan {
    let boot = format!("/ctl/boot/{name}");
    let mut steps = vec![match &found.founder {
        Some(founder) => format!("read {boot}: node {founder} founded the cluster"),
        None => format!("read {boot}: nobody founded the cluster"),
    }];
    if found.entries.is_empty() {
        steps.push(format!("list /ctl/ns/{name}: nobody is registered"));
    }
    for (entry, seen) in found.entries.iter().zip(seen) {
        let shown = match seen {
            Seen::Node { id, cluster, .. } if cluster == name && *id == entry.id => {
                "it is there, and has the cluster".to_owned()
            }
            Seen::Node { id, cluster, .. } if cluster == name => {
                format!("node {id} is there, and has the cluster")
            }
            Seen::Node { id, cluster, .. } => {
                format!("node {id} of the cluster {cluster:?} is there")
            }
            Seen::Mute => "something takes connections and has no cluster yet".to_owned(),
            Seen::Nobody(reason) => format!("nobody: {reason}"),
        };
        steps.push(format!("ask {} for node {}: {shown}", entry.addr, entry.id));
    }
    Plan {
        steps,
        verdict: verdict(uri, name, found, seen),
    }
}

fn verdict(uri: &str, name: &str, found: &Name, seen: &[Seen]) -> String {
    let entries = || found.entries.iter().zip(seen);
    let has_cluster = |seen: &Seen| matches!(seen, Seen::Node { cluster, .. } if cluster == name);
    if let Some((entry, _)) = entries().find(|(_, seen)| has_cluster(seen)) {
        return format!("it would attach to the cluster through {}", entry.addr);
    }
    let Some(founder) = &found.founder else {
        return format!(
            "it would write its address to /ctl/ns/{name}/ID and its id to /ctl/boot/{name} with revision 0, \
             and found the cluster if it is the first to do so"
        );
    };
    let coming = entries().find(|(entry, seen)| entry.id == *founder && **seen == Seen::Mute);
    if let Some((entry, _)) = coming {
        return format!("it would wait for the founder, which is at {}", entry.addr);
    }
    format!(
        "it would wait, ask again and again, and never found by itself, as the cluster may only be down. Start \
         one of its nodes with its data folder; if all are gone for good, run: doozer -a '{uri}' del \
         /ctl/boot/{name} -1. The founder itself, {founder}, would found if it still has its folder"
    )
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    fn name(founder: Option<&str>, ids: &[&str]) -> Name {
        let entry = |id: &&str| Entry {
            path: format!("/ctl/ns/app/{id}"),
            rev: 1,
            id: (*id).to_owned(),
            addr: format!("{id}:1"),
        };
        Name {
            entries: ids.iter().map(entry).collect(),
            founder: founder.map(str::to_owned),
        }
    }

    fn node(id: &str, cluster: &str) -> Seen {
        Seen::Node {
            id: id.to_owned(),
            cluster: cluster.to_owned(),
            rev: 1,
        }
    }

    #[track_caller]
    fn check(found: &Name, seen: &[Seen], steps: &[&str], verdict: &str) {
        let plan = explain("doozer:?ca=ns:1", "app", found, seen);
        assert_eq!(plan.steps, steps);
        assert!(plan.verdict.starts_with(verdict), "{}", plan.verdict);
    }

    #[test]
    fn where_nobody_founded_it_would_found() {
        check(
            &name(None, &[]),
            &[],
            &[
                "read /ctl/boot/app: nobody founded the cluster",
                "list /ctl/ns/app: nobody is registered",
            ],
            "it would write its address to /ctl/ns/app/ID",
        );
    }

    #[test]
    fn a_node_that_has_the_cluster_is_attached_to() {
        check(
            &name(Some("A"), &["A", "B"]),
            &[Seen::Nobody("refused".to_owned()), node("B", "app")],
            &[
                "read /ctl/boot/app: node A founded the cluster",
                "ask A:1 for node A: nobody: refused",
                "ask B:1 for node B: it is there, and has the cluster",
            ],
            "it would attach to the cluster through B:1",
        );
    }

    #[test]
    fn a_founder_on_its_way_is_waited_for_and_one_that_is_gone_too() {
        let founder = "read /ctl/boot/app: node A founded the cluster";
        check(
            &name(Some("A"), &["A"]),
            &[Seen::Mute],
            &[
                founder,
                "ask A:1 for node A: something takes connections and has no cluster yet",
            ],
            "it would wait for the founder, which is at A:1",
        );
        check(
            &name(Some("A"), &["B"]),
            &[node("X", "other")],
            &[
                founder,
                "ask B:1 for node B: node X of the cluster \"other\" is there",
            ],
            "it would wait, ask again and again",
        );
    }
}
