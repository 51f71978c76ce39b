//! What is known of a cluster: what its control files say, and what its nodes answer.

mod complaint;
mod form;
mod probe;
mod read;

pub(crate) use complaint::{Complaint, complaints};
pub(crate) use form::{await_members, connect, make_slots};
pub(crate) use probe::{Seen, probe_all};
pub(crate) use read::{SLOTS, read};

/// A cluster as its control files are at one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: String,
    /// That revision.
    pub(crate) rev: i64,
    /// Its member slots.
    pub(crate) slots: Vec<Slot>,
    /// Its nodes.
    pub(crate) nodes: Vec<Node>,
    /// The entries under /ctl/ns of its own name: id and address.
    pub(crate) entries: Vec<(String, String)>,
}

/// A member slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Its file's name.
    pub(crate) name: String,
    /// Its file's revision.
    pub(crate) rev: i64,
    /// The id in it; empty while it is free.
    pub(crate) holder: String,
}

/// A node, by what it says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its id.
    pub(crate) id: String,
    /// Where it is reached.
    pub(crate) addr: String,
    /// Its machine's name.
    pub(crate) hostname: String,
    /// Its program's version.
    pub(crate) version: String,
    /// Whether it takes writes.
    pub(crate) writable: bool,
}

impl Cluster {
    /// The slot that a node holds, if it holds one: then it is a voter, else a learner.
    pub(crate) fn slot_of(&self, id: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.holder == id)
    }

    /// The node of that id.
    pub(crate) fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// How many nodes hold a slot, and of those, how many take writes.
    pub(crate) fn members(&self) -> (usize, usize) {
        let members = || {
            let voters = self.nodes.iter();
            voters.filter(|node| self.slot_of(&node.id).is_some())
        };
        (
            members().count(),
            members().filter(|node| node.writable).count(),
        )
    }

    /// The free slots.
    pub(crate) fn free(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.holder.is_empty())
    }
}
