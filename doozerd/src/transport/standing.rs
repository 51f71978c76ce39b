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
        self.at.map(|at| Refusal::NotAMember { node, at })
    }
}

/// What others have said of this node's place in the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said {
    /// It is not of this membership, which it has not come to itself.
    removed: Option<LogId>,
    /// It is of this one.
    attached: Option<LogId>,
}

impl Said {
    /// Whether it was removed in a membership that it has not come to itself.
    pub fn is_removed(&self) -> bool {
        self.removed.is_some()
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
    said: watch::Sender<Said>,
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
            said: watch::Sender::default(),
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
        self.members.send_replace(Members { at, ids });
        self.said.send_if_modified(|said| {
            let is_known = said.removed.is_some() && said.removed <= at;
            if is_known {
                said.removed = None;
            }
            is_known
        });
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

    /// What others say of this node's place in the cluster.
    pub fn said(&self) -> watch::Receiver<Said> {
        self.said.subscribe()
    }

    /// Whether this node was removed in a membership that it has not come to itself.
    pub fn is_removed(&self) -> bool {
        self.said.borrow().is_removed()
    }

    /// The leader has said that this node is of this membership.
    pub fn attached(&self, at: LogId) {
        self.said.send_if_modified(|said| {
            let is_newer = said.attached < Some(at);
            said.attached = said.attached.max(Some(at));
            is_newer
        });
    }

    /// Whether nobody has said that this node is of a membership newer than both this one and the
    /// last that it was removed in.
    pub fn is_out(&self, own: Option<LogId>) -> bool {
        let said = *self.said.borrow();
        said.removed.max(own) >= said.attached
    }

    fn removed_in(&self, at: LogId) {
        self.said.send_if_modified(|said| {
            let own = self.members.borrow().at;
            let is_news = Some(at) > own && Some(at) > said.attached && Some(at) > said.removed;
            if is_news {
                said.removed = Some(at);
            }
            is_news
        });
    }

    /// Takes note of a refusal by the node at `addr`, or of its being refused.
    pub fn refused(&self, addr: &str, kind: LinkKind, refusal: &Refusal) {
        if let Refusal::NotAMember { at, .. } = refusal {
            return self.removed_in(*at);
        }
        match refusal.kind() {
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
        let own = self.members.borrow().at;
        own.max(self.said.borrow().attached)
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
