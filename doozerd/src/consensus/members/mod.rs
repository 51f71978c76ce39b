//! Who shall be a voter: what the leader does next, decided from what it sees. Acts on nothing.
//!
//! # What is wanted
//! The files /ctl/cal/* say who shall vote. The engine's membership says who does, and which other
//! nodes receive the log (learners). The leader brings the second to the first, one step at a time,
//! each agreed on before the next is looked for, and fills free slots with learners that wait.
//!
//! # What is never done
//! - No step is taken while the leader is not heard by a majority of the voters, nor one after
//!   which it would not be: what cannot be undone later is not begun.
//! - The last voter is never removed: when nobody holds a slot, the leader takes one itself.
//! - Nobody becomes a voter who is not attached, heard and caught up.
//! - Nobody is kicked for a silence that began before this node led, or while its own loop stood
//!   still: `silent` counts from there.
//! - A node that keeps everything in memory votes only where a voter does so already.
//!
//! # A slot that an operator empties
//! Its node is out: it waits for another slot, or for this one to be emptied anew. Other learners
//! take it. Every node notes who is out as it applies the emptying, or finds it in the history that
//! it starts with; one that starts when history no longer tells does not know. A node that was kicked and came back has attached since its slot was emptied, and may
//! take it again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::slots::{Holder, Slot};
use crate::raft_types::{NodeAddr, NodeId};
use crate::store::{Path, Revision, ctl};

/// Entries that a node may be behind and be called caught up.
const BEHIND_MAX: u64 = 1_000;
/// A member is never kicked for a silence shorter than so many leases.
const LEASES_MIN: u32 = 3;

/// What the leader sees.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    /// The leader.
    pub(super) me: NodeId,
    pub(super) voters: BTreeSet<NodeId>,
    /// Voters and learners.
    pub(super) nodes: BTreeMap<NodeId, NodeAddr>,
    pub(super) slots: Vec<Slot>,
    /// Who had a free slot before it was emptied, and has not attached since.
    pub(super) emptied: BTreeMap<Path, NodeId>,
    /// For how long nothing was heard of the others while this node listened: what they can be
    /// blamed for.
    pub(super) silent: BTreeMap<NodeId, Duration>,
    /// How long ago the others were heard last; none for those who have not been since this node
    /// leads.
    pub(super) heard: BTreeMap<NodeId, Duration>,
    /// How many entries the others are behind; none for one of whom nothing is known.
    pub(super) behind: BTreeMap<NodeId, u64>,
    /// Whether this node has written what it is: before that its founding is under way.
    pub(super) is_founded: bool,
    /// Who was heard within it has answered.
    pub(super) lease: Duration,
    /// After what silence a node is removed.
    pub(super) timeout: Duration,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A learner becomes a voter.
    Admit(NodeId),
    /// A voter becomes a learner.
    Dismiss(NodeId),
    /// Another node leads, so that this one can be dismissed.
    HandOver(NodeId),
    /// A slot is given to a node.
    Fill(Path, Revision, NodeId),
    /// A silent member's slot is emptied.
    Kick(Path, Revision, NodeId),
    /// A silent learner is forgotten, with its files.
    Remove(NodeId),
}

/// The next step, if there is one.
pub(super) fn next_step(sight: &Sight) -> Option<Step> {
    if !sight.has_majority(&sight.voters) {
        return None;
    }
    sight
        .kick()
        .or_else(|| sight.admit())
        .or_else(|| sight.dismiss())
        .or_else(|| sight.reclaim())
        .or_else(|| sight.remove())
        .or_else(|| sight.fill())
}

impl Sight {
    fn has_answered(&self, node: NodeId) -> bool {
        let heard = self.heard.get(&node);
        node == self.me || heard.is_some_and(|heard| *heard <= self.lease)
    }

    fn is_lost(&self, node: NodeId) -> bool {
        let timeout = self.timeout.max(self.lease * LEASES_MIN);
        let silent = self.silent.get(&node);
        node != self.me && silent.is_some_and(|silent| *silent > timeout)
    }

    fn has_majority(&self, voters: &BTreeSet<NodeId>) -> bool {
        let answered = voters.iter().filter(|id| self.has_answered(**id)).count();
        answered * 2 > voters.len()
    }

    fn may_vote(&self, node: NodeId) -> bool {
        let memory = |id: &NodeId| self.nodes.get(id).is_some_and(|node| node.memory);
        self.nodes.contains_key(&node) && (!memory(&node) || self.voters.iter().any(memory))
    }

    fn is_caught_up(&self, node: NodeId) -> bool {
        let behind = self.behind.get(&node);
        node == self.me || behind.is_some_and(|behind| *behind <= BEHIND_MAX)
    }

    /// Who shall vote.
    fn wanted(&self) -> BTreeSet<NodeId> {
        let holders = self.slots.iter().filter_map(Slot::node);
        holders.filter(|id| self.may_vote(*id)).collect()
    }

    fn without(&self, node: NodeId) -> BTreeSet<NodeId> {
        let mut voters = self.voters.clone();
        voters.remove(&node);
        voters
    }

    fn kick(&self) -> Option<Step> {
        let lost = |slot: &&Slot| {
            slot.node().is_some_and(|node| {
                self.nodes.contains_key(&node)
                    && self.is_lost(node)
                    && self.has_majority(&self.without(node))
            })
        };
        let slot = self.slots.iter().find(lost)?;
        Some(Step::Kick(slot.path.clone(), slot.rev, slot.node()?))
    }

    fn admit(&self) -> Option<Step> {
        let ready = |id: &NodeId| {
            let mut voters = self.voters.clone();
            voters.insert(*id);
            self.has_answered(*id) && self.is_caught_up(*id) && self.has_majority(&voters)
        };
        let wanted = self.wanted();
        let mut newcomers = wanted.difference(&self.voters).copied();
        newcomers.find(ready).map(Step::Admit)
    }

    fn dismiss(&self) -> Option<Step> {
        let wanted = self.wanted();
        let possible = |id: &NodeId| {
            let left = self.without(*id);
            !left.is_empty() && self.has_majority(&left)
        };
        // Itself last, so that it leads while others go.
        let mut unwanted: Vec<NodeId> = self.voters.difference(&wanted).copied().collect();
        unwanted.sort_by_key(|id| *id == self.me);
        let node = unwanted.into_iter().find(possible)?;
        if node != self.me {
            return Some(Step::Dismiss(node));
        }
        let heirs = self.without(node).into_iter();
        heirs
            .filter(|id| self.has_answered(*id) && self.is_caught_up(*id))
            .min_by_key(|id| self.behind.get(id).copied())
            .map(Step::HandOver)
    }

    /// Nobody holds a slot: the leader takes one, since somebody has to.
    fn reclaim(&self) -> Option<Step> {
        if !self.is_founded || !self.wanted().is_empty() {
            return None;
        }
        let free = self.slots.iter().find(|slot| slot.holder == Holder::Free);
        Some(match free {
            Some(slot) => Step::Fill(slot.path.clone(), slot.rev, self.me),
            None => Step::Fill(ctl::cal(0), Revision::MISSING, self.me),
        })
    }

    fn remove(&self) -> Option<Step> {
        let wanted = self.wanted();
        let is_learner = |id: &&NodeId| !self.voters.contains(id) && !wanted.contains(id);
        let mut learners = self.nodes.keys().filter(is_learner).copied();
        learners.find(|id| self.is_lost(*id)).map(Step::Remove)
    }

    fn fill(&self) -> Option<Step> {
        let holders: BTreeSet<NodeId> = self.slots.iter().filter_map(Slot::node).collect();
        let waits = |id: &NodeId| {
            !holders.contains(id)
                && self.may_vote(*id)
                && self.has_answered(*id)
                && self.is_caught_up(*id)
        };
        let mut waiting: Vec<NodeId> = self.nodes.keys().copied().filter(waits).collect();
        waiting.sort_by_key(|id| (self.behind.get(id).copied(), *id));
        let free = self.slots.iter().filter(|slot| slot.holder == Holder::Free);
        free.into_iter().find_map(|slot| {
            let out = self.emptied.get(&slot.path);
            let node = waiting.iter().find(|id| out != Some(*id))?;
            Some(Step::Fill(slot.path.clone(), slot.rev, *node))
        })
    }
}

#[cfg(test)]
mod tests;
