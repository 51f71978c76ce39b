//! Who is of the cluster, as this node has applied it.

use std::collections::{BTreeMap, BTreeSet};

use super::slots::{Holder, Slot, Slots};
use crate::raft_types::{LogId, NodeAddr, NodeId, StoredMembership};
use crate::store::{History, Path, Revision, Tree};

/// Who is of the cluster, as this node has applied it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Where in the log that stands.
    pub at: Option<LogId>,
    /// Who counts towards a quorum.
    pub voters: BTreeSet<NodeId>,
    /// Everybody, and where each is reached.
    pub nodes: BTreeMap<NodeId, NodeAddr>,
    /// The member slots.
    pub slots: Slots,
}

impl Members {
    pub(super) fn of(membership: &StoredMembership, tree: &Tree) -> Self {
        let nodes = membership.membership().nodes();
        Self {
            at: *membership.log_id(),
            voters: membership.membership().voter_ids().collect(),
            nodes: nodes.map(|(id, node)| (*id, node.clone())).collect(),
            slots: Slots::of(tree),
        }
    }

    /// Whether a voter keeps everything in memory: the cluster was founded so.
    pub fn has_memory_voters(&self) -> bool {
        let nodes = self.voters.iter().filter_map(|id| self.nodes.get(id));
        nodes.into_iter().any(|node| node.memory)
    }
}

/// Who had each free slot before it was emptied, at that revision: noted while history can tell, and
/// kept when it no longer can.
#[derive(Debug, Default)]
pub(super) struct Emptied(BTreeMap<Path, (Revision, NodeId)>);

impl Emptied {
    /// Who had a free slot, if that is known.
    pub(super) fn of(&self, slot: &Slot) -> Option<NodeId> {
        let noted = self.0.get(&slot.path);
        let noted = noted.filter(|(rev, _)| *rev == slot.rev);
        noted.map(|(_, node)| *node)
    }

    /// Notes it of those that are free now.
    pub(super) fn note(&mut self, slots: &Slots, history: &History) {
        let free = slots.0.iter().filter(|slot| slot.holder == Holder::Free);
        let holder = |slot: &Slot| self.of(slot).or_else(|| holder_before(slot, history));
        let noted = free.filter_map(|slot| Some((slot.path.clone(), (slot.rev, holder(slot)?))));
        self.0 = noted.collect();
    }
}

fn holder_before(slot: &Slot, history: &History) -> Option<NodeId> {
    let view = history.view_at(Revision(slot.rev.0 - 1)).ok()?;
    Slots::of(&view.tree).at(&slot.path)?.node()
}
