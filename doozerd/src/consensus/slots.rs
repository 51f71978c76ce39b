//! The member slots: files directly below /ctl/cal, each a node's id or nothing.

use std::collections::BTreeSet;

use crate::raft_types::NodeId;
use crate::store::{DirCursor, Found, Path, Revision, Tree, ctl};

/// Slots that are looked at; those behind them in byte order do not count.
const SLOTS_MAX: usize = 256;

/// Who has a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Nobody: it can be taken.
    Free,
    /// This node.
    Node(NodeId),
    /// Something that is no node's id: left alone.
    Unreadable,
}

/// A member slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its file.
    pub path: Path,
    /// Its file's revision.
    pub rev: Revision,
    /// Who has it.
    pub holder: Holder,
}

/// All slots, in the byte order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots(pub Vec<Slot>);

impl Slots {
    /// The slots of a tree.
    pub fn of(tree: &Tree) -> Self {
        let mut slots = Vec::new();
        let Ok(mut names) = DirCursor::open(tree, ctl::SLOTS.as_bytes()) else {
            return Self::default();
        };
        while let Some(name) = names.next()
            && slots.len() < SLOTS_MAX
        {
            let path = [ctl::SLOTS.as_bytes(), b"/", name.as_bytes()].concat();
            if let (Ok(path), Found::File { rev, value }) = (Path::parse(&path), tree.lookup(&path))
            {
                let holder = holder(value);
                slots.push(Slot { path, rev, holder });
            }
        }
        Self(slots)
    }

    /// The nodes that have one.
    pub fn holders(&self) -> BTreeSet<NodeId> {
        self.0.iter().filter_map(Slot::node).collect()
    }

    /// The slot at `path`.
    pub fn at(&self, path: &Path) -> Option<&Slot> {
        self.0.iter().find(|slot| slot.path == *path)
    }
}

impl Slot {
    /// The node that has it.
    pub fn node(&self) -> Option<NodeId> {
        match self.holder {
            Holder::Node(node) => Some(node),
            Holder::Free | Holder::Unreadable => None,
        }
    }
}

fn holder(value: &[u8]) -> Holder {
    if value.is_empty() {
        return Holder::Free;
    }
    let id = std::str::from_utf8(value).ok();
    id.and_then(|id| id.parse().ok())
        .map_or(Holder::Unreadable, Holder::Node)
}
