//! Takes a node into the cluster as a learner, when it asks the leader.
//!
//! | who asks | what is done |
//! | --- | --- |
//! | a node of the cluster, at its address | nothing: it is told where that stands |
//! | a node of the cluster, at another address | its address is changed, see below |
//! | a new node | it becomes a learner, while there are fewer than [`LEARNERS_MAX`] |
//! | a new node, at the address of one of the cluster | see below |
//!
//! # A newcomer on a member's address
//! A node that lost its folder comes back as another one. Its old self is removed, and only if
//! nothing was heard of it for twice the longest election, this leader itself reached the newcomer
//! at that address, majorities of the voters of before and after answer, and it is not the leader.
//! Otherwise two nodes would be told of one address, or a quorum be made smaller that may still be
//! needed. Where it is alive elsewhere the newcomer is refused, and told whose address it is.
//!
//! # A node at another address
//! Its address is changed when it is met at the new one, no other node of the cluster is to be
//! there, and no other process, which would have a copy of its folder, answers at the old one.
//! Whoever it asks, be it the leader or not, looks for it at the new address from then on: without
//! it there may be no quorum for the change, nor for a leader. A leader that is at another address
//! asks itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use doozer_proto::peer::{self, AttachRequest, AttachResponse, attach_response::Result as Outcome};
use tracing::{info, warn};

use super::memberships::{ChangeError, Known, Memberships};
use super::moves::Move;
use crate::raft_types::{
    LogId, NodeAddr, NodeId, log_id_to_message, node_from_message, node_to_message,
};
use crate::store::Mutation;
use crate::transport::{LinkKind, Target};

/// Nodes that receive and do not vote.
const LEARNERS_MAX: usize = 32;
/// Longest elections that a replaced node must have been silent for.
const ELECTIONS_SILENT: u32 = 2;

/// Answers a node that asks to be taken in.
pub(super) async fn answer(
    memberships: Arc<Memberships>,
    asker: NodeId,
    request: AttachRequest,
) -> AttachResponse {
    let result = match node_of(asker, &request) {
        Ok(node) => attach(&memberships, asker, node).await,
        Err(why) => Outcome::Refused(why),
    };
    AttachResponse {
        result: Some(result),
    }
}

fn node_of(asker: NodeId, request: &AttachRequest) -> Result<NodeAddr, String> {
    let message = request.node.as_ref().ok_or("no node was named")?;
    let (id, node) = node_from_message(message).map_err(|error| error.to_string())?;
    if id != asker {
        return Err(format!("node {asker} asks in the name of {id}"));
    }
    Ok(node)
}

async fn attach(memberships: &Memberships, asker: NodeId, node: NodeAddr) -> Outcome {
    let moved = memberships.move_of(asker, &node);
    let checked = match &moved {
        Some(moved) => memberships.check_move(moved).await,
        None => Ok(()),
    };
    if memberships.leads().is_none() {
        let leader = memberships
            .leader()
            .filter(|(leader, _)| *leader != memberships.me());
        return Outcome::NotLeader(peer::Leader {
            node: leader.map(|(id, node)| node_to_message(id, &node)),
        });
    }
    if let Err(why) = checked {
        return Outcome::Refused(why);
    }
    let _one_at_a_time = memberships.changing.lock().await;
    let Some(known) = memberships.settled() else {
        return Outcome::NotLeader(peer::Leader::default());
    };
    match take_in(memberships, &known, (asker, node), moved).await {
        Ok(at) => Outcome::Attached(log_id_to_message(&at)),
        Err(Refused::Later) => Outcome::NotLeader(peer::Leader::default()),
        Err(Refused::Because(why)) => Outcome::Refused(why),
    }
}

/// Why a node is not taken in.
enum Refused {
    /// It may ask again.
    Later,
    /// Until somebody changes something.
    Because(String),
}

impl From<ChangeError> for Refused {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotLeader | ChangeError::Timeout | ChangeError::Refused(_) => Self::Later,
        }
    }
}

async fn take_in(
    memberships: &Memberships,
    known: &Known,
    (asker, node): (NodeId, NodeAddr),
    moved: Option<Move>,
) -> Result<LogId, Refused> {
    let mut others = known.nodes.iter().filter(|(id, _)| **id != asker);
    let same_address = others.find(|(_, there)| there.addr == node.addr);
    if let Some(there) = known.nodes.get(&asker) {
        if *there == node {
            return known.at.ok_or(Refused::Later);
        }
        if let Some((other, _)) = same_address {
            let taken = format!(
                "{} is the address of node {other} of this cluster",
                node.addr
            );
            return Err(Refused::Because(taken));
        }
        // It may have been moved, or removed and taken in again, since it was looked for.
        let moved = moved
            .filter(|moved| moved.from == *there)
            .ok_or(Refused::Later)?;
        let changed = memberships.carry_out(known, moved).await;
        return changed.ok_or(Refused::Later);
    }
    let (mut voters, mut nodes) = (known.voters.clone(), known.nodes.clone());
    if let Some((old, _)) = same_address {
        check_replacement(memberships, known, *old, (asker, &node)).await?;
        warn!(%old, new = %asker, addr = node.addr, "node replaced: another one is at its address");
        memberships.write(clear(memberships, *old), &[*old]).await?;
        // A slot that changed in between was left alone: nobody would hold it who is there.
        if memberships.applied().slots.holders().contains(old) {
            return Err(Refused::Later);
        }
        voters.remove(old);
        nodes.remove(old);
    } else if known.nodes.len() - known.voters.len() >= LEARNERS_MAX {
        return Err(Refused::Because(format!(
            "this cluster has {LEARNERS_MAX} nodes that wait for a slot already"
        )));
    }
    info!(node = %asker, addr = node.addr, "node attached");
    nodes.insert(asker, node);
    Ok(memberships.change(known, voters, nodes).await?)
}

/// Whether `old` may be removed for the newcomer at its address.
async fn check_replacement(
    memberships: &Memberships,
    known: &Known,
    old: NodeId,
    (asker, node): (NodeId, &NodeAddr),
) -> Result<(), Refused> {
    let addr = &node.addr;
    let taken = |why: String| {
        Refused::Because(format!(
            "{addr} is the address of node {old} of this cluster: {why}"
        ))
    };
    if old == memberships.me() {
        return Err(taken("it leads".to_owned()));
    }
    let (silent, acked) = (memberships.silence(&known.nodes), memberships.heard());
    let quiet = memberships.timing.lease() * ELECTIONS_SILENT;
    let heard = silent.get(&old).copied().unwrap_or_default();
    if heard < quiet {
        return Err(taken("it was heard of a moment ago".to_owned()));
    }
    let answers = |voters: &BTreeSet<NodeId>| {
        let answered = |id: &&NodeId| {
            **id == memberships.me()
                || acked
                    .get(id)
                    .is_some_and(|acked| *acked <= memberships.timing.lease())
        };
        voters.iter().filter(answered).count() * 2 > voters.len()
    };
    let mut left = known.voters.clone();
    left.remove(&old);
    if !answers(&known.voters) || !answers(&left) {
        return Err(taken(
            "it cannot be removed while no majority of the others answers".to_owned(),
        ));
    }
    let target = Target::At(asker, addr.clone());
    match memberships.dialer.dial(LinkKind::Attach, &target).await {
        Ok(_met) => Ok(()),
        Err(error) => Err(taken(format!("the newcomer was not met there: {error}"))),
    }
}

/// What empties the slots of a node that is gone and removes its files.
fn clear(memberships: &Memberships, node: NodeId) -> Vec<Mutation> {
    let members = memberships.applied();
    let held = members
        .slots
        .0
        .iter()
        .filter(|slot| slot.node() == Some(node));
    let mut mutations: Vec<Mutation> = held
        .map(|slot| Mutation::Set {
            path: slot.path.clone(),
            rev: slot.rev,
            value: Bytes::new(),
        })
        .collect();
    mutations.extend(memberships.farewell(node));
    mutations
}
