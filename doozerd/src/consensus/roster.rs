//! Who is of the cluster, as this node has applied it.

use std::collections::{BTreeMap, BTreeSet};

use super::slots::Slots;
use crate::raft_types::{LogId, NodeAddr, NodeId, StoredMembership};
use crate::store::Tree;

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
