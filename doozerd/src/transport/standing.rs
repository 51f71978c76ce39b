//! Who this node is for others, and where they are: kept up to date by whoever learns it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tracing::warn;

use crate::log::Throttle;
use crate::raft_types::{LogId, NodeId};
use crate::random;

use super::LinkKind;
use super::handshake::{ClusterId, Local, NONCE_BYTES, RUN_BYTES, Refusal};
use doozer_proto::peer::LinkRefusalKind;

/// A membership that is agreed on.
#[derive(Debug, Default)]
struct Members {
    at: Option<LogId>,
    ids: BTreeSet<NodeId>,
}

impl Members {
    fn refuse(&self, node: NodeId, membership_at: Option<LogId>) -> Option<Refusal> {
        if self.ids.contains(&node) || membership_at >= self.at {
            return None;
        }
        Some(Refusal::NotAMember(format!(
            "node {node} is no member of the cluster any more: it was removed"
        )))
    }
}

/// Where members are.
#[derive(Debug, Default)]
struct Places {
    /// As the newest membership says, agreed on or not.
    known: BTreeMap<NodeId, String>,
    /// Where some were met that are to be somewhere else by the membership.
    met: BTreeMap<NodeId, String>,
}

/// Who this node is.
#[derive(Debug)]
pub struct Standing {
    node: NodeId,
    run: [u8; RUN_BYTES],
    cluster_name: String,
    cluster: ArcSwapOption<ClusterId>,
    members: watch::Sender<Members>,
    places: Mutex<Places>,
    /// Another node said that this one was removed from the cluster.
    removed: watch::Sender<bool>,
    told: Throttle,
}

impl Standing {
    /// A node that holds no cluster yet.
    pub fn new(node: NodeId, cluster_name: String) -> Self {
        Self {
            node,
            run: drawn(),
            cluster_name,
            cluster: ArcSwapOption::empty(),
            members: watch::Sender::default(),
            places: Mutex::default(),
            removed: watch::Sender::new(false),
            told: Throttle::new(),
        }
    }

    /// Its id.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// From now on it holds this cluster.
    pub fn hold(&self, cluster: ClusterId) {
        self.cluster.store(Some(Arc::new(cluster)));
    }

    /// Where the newest membership says that nodes are, agreed on or not.
    pub fn set_addrs(&self, addrs: BTreeMap<NodeId, String>) {
        let Places { known, met } = &mut *self.places();
        met.retain(|node, _| {
            addrs
                .get(node)
                .is_some_and(|addr| known.get(node) == Some(addr))
        });
        *known = addrs;
    }

    /// The newest membership has this node there.
    pub fn set_addr(&self, node: NodeId, addr: String) {
        let Places { known, met } = &mut *self.places();
        if known.get(&node) != Some(&addr) {
            met.remove(&node);
            known.insert(node, addr);
        }
    }

    /// This member was met there: it is looked for there until the membership says where it is.
    pub fn met_at(&self, node: NodeId, addr: String) {
        self.places().met.insert(node, addr);
    }

    /// This member was not reached where it was looked for.
    pub fn missed(&self, node: NodeId) {
        self.places().met.remove(&node);
    }

    /// Where a node is to be looked for now.
    pub fn addr_of(&self, node: NodeId) -> Option<String> {
        let places = self.places();
        let addr = places.met.get(&node).or_else(|| places.known.get(&node));
        addr.cloned()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This membership is agreed on.
    pub fn set_members(&self, at: Option<LogId>, ids: BTreeSet<NodeId>) {
        if ids.contains(&self.node) {
            self.removed.send_if_modified(std::mem::take);
        }
        self.members.send_replace(Members { at, ids });
    }

    /// Waits until a node that knew this membership would be refused.
    pub(super) async fn removes(&self, node: NodeId, membership_at: Option<LogId>) -> Refusal {
        let mut members = self.members.subscribe();
        loop {
            let refusal = members.borrow_and_update().refuse(node, membership_at);
            if let Some(refusal) = refusal {
                return refusal;
            }
            let changed = members.changed().await;
            changed.expect("invariant: the sender is borrowed from");
        }
    }

    /// Whether another node has said that this one was removed.
    pub fn removed(&self) -> watch::Receiver<bool> {
        self.removed.subscribe()
    }

    /// Whether one has.
    pub fn is_removed(&self) -> bool {
        *self.removed.borrow()
    }

    /// Takes note of a refusal by the node at `addr`, or of its being refused.
    pub fn refused(&self, addr: &str, kind: LinkKind, refusal: &Refusal) {
        match refusal.kind() {
            LinkRefusalKind::NotAMember => {
                self.removed
                    .send_if_modified(|removed| !std::mem::replace(removed, true));
            }
            // Looked into where they are met: a newcomer's address, a node on its way.
            LinkRefusalKind::AnotherNode | LinkRefusalKind::NotReady => {}
            _ => {
                if let Some(left_out) = self.told.note(Instant::now()) {
                    warn!(addr, ?kind, %refusal, left_out, "no link with another node");
                }
            }
        }
    }
}

impl Local for Standing {
    fn node(&self) -> NodeId {
        self.node
    }

    fn cluster(&self) -> Option<ClusterId> {
        self.cluster.load_full().map(|cluster| *cluster)
    }

    fn cluster_name(&self) -> String {
        self.cluster_name.clone()
    }

    fn membership_at(&self) -> Option<LogId> {
        self.members.borrow().at
    }

    /// A node is refused when this one knows a later membership than it does, and it is not of it.
    /// A later one that it knows of may be why it calls.
    fn refuses(&self, node: NodeId, membership_at: Option<LogId>) -> Option<Refusal> {
        self.members.borrow().refuse(node, membership_at)
    }

    fn run(&self) -> [u8; RUN_BYTES] {
        self.run
    }

    fn nonce(&self) -> [u8; NONCE_BYTES] {
        drawn()
    }
}

fn drawn<const N: usize>() -> [u8; N] {
    random::bytes().expect("invariant: the system has random bytes, and gives so few at once")
}
