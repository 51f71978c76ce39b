//! Sees and changes who is of the cluster: the leader's hand.
//!
//! # Why nothing is lost
//! A change is one entry that adds or removes one voter, and is proposed only on the membership it
//! was decided on, which must be agreed on itself (`Precondition::LastMembershipLogId`): the
//! quorums of before and after always meet. Mutations of slots are proposed once, for this leader's
//! term alone, after an entry of that term is applied, and compare the slot's revision: whatever
//! else happened to a slot since it was looked at stands.
//!
//! # Silence
//! It is counted on the monotonic clock, from when this node began to lead, and anew whenever its
//! own loop was late by more than a lease: a process that was stopped heard nobody, and blames
//! nobody for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openraft::EntryPayload;
use openraft::async_runtime::Instant as _;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::impls::ProgressResponder;
use openraft::raft::Precondition;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use super::roster::Members;
use super::route::leader_of;
use super::shared::Shared;
use super::slots::{Holder, Slot};
use super::thread::Engine;
use super::timing::Timing;
use crate::raft_types::{Command, LogId, Membership, NodeAddr, NodeId};
use crate::store::{Found, Glob, Mutation, Path, Revision, Tree, WalkCursor, ctl, encode_direct};
use crate::transport::{Dialer, Hearings};

/// How long a change may take to be agreed on before it is looked at again.
const CHANGE_MAX: Duration = Duration::from_secs(5);
/// Files of a node that is gone that go with it at once.
const FILES_MAX: usize = 1_000;

/// Why a change was not made, or is not known to have been.
#[derive(Debug, Error)]
pub(super) enum ChangeError {
    #[error("this node does not lead")]
    NotLeader,
    #[error("no agreement within {} s", CHANGE_MAX.as_secs())]
    Timeout,
    #[error("{0}")]
    Refused(String),
}

/// Who is of the cluster, as the engine has it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) at: Option<LogId>,
    pub(super) voters: BTreeSet<NodeId>,
    pub(super) nodes: BTreeMap<NodeId, NodeAddr>,
}

/// From when on silence counts.
#[derive(Debug)]
struct Listening {
    term: u64,
    since: Instant,
    looked: Instant,
    /// When each node was first asked about.
    known: BTreeMap<NodeId, Instant>,
}

/// Sees and changes who is of the cluster.
pub(super) struct Memberships {
    pub(super) engine: Engine,
    pub(super) shared: Arc<Shared>,
    pub(super) dialer: Dialer,
    pub(super) timing: Timing,
    pub(super) cluster_name: String,
    pub(super) hearings: Arc<Hearings>,
    listening: Mutex<Listening>,
    /// One change at a time.
    pub(super) changing: tokio::sync::Mutex<()>,
}

impl Memberships {
    pub(super) fn new(
        engine: Engine,
        shared: Arc<Shared>,
        (dialer, hearings): (Dialer, Arc<Hearings>),
        (timing, cluster_name): (Timing, String),
    ) -> Self {
        let now = Instant::now();
        Self {
            engine,
            shared,
            dialer,
            timing,
            cluster_name,
            hearings,
            listening: Mutex::new(Listening {
                term: 0,
                since: now,
                looked: now,
                known: BTreeMap::new(),
            }),
            changing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn me(&self) -> NodeId {
        self.shared.node
    }

    /// The leader, where it is known, and where it is reached.
    pub(super) fn leader(&self) -> Option<(NodeId, NodeAddr)> {
        let metrics = self.engine.server_metrics();
        let metrics = metrics.borrow_watched();
        let leader = leader_of(&metrics)?;
        let node = metrics.membership_config.membership().get_node(&leader)?;
        Some((leader, node.clone()))
    }

    /// Where the newest membership has a node, agreed on or not.
    pub(super) fn addr(&self, node: NodeId) -> Option<NodeAddr> {
        let metrics = self.engine.server_metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        membership.get_node(&node).cloned()
    }

    /// The term in which this node leads, if it does and has applied an entry of that term.
    pub(super) fn leads(&self) -> Option<u64> {
        if !self.engine.is_leader() {
            return None;
        }
        let leader = self.engine.as_leader().ok()?;
        let term = leader.leader_id().term;
        let applied = self.engine.data_metrics().borrow_watched().last_applied?;
        (applied.committed_leader_id().term == term).then_some(term)
    }

    /// Who is of the cluster; nothing while a change of that is not agreed on.
    pub(super) fn settled(&self) -> Option<Known> {
        let metrics = self.engine.server_metrics();
        let metrics = metrics.borrow_watched();
        let (effective, agreed) = (
            &metrics.membership_config,
            &metrics.committed_membership_config,
        );
        if effective.log_id() != agreed.log_id() {
            return None;
        }
        let membership = effective.membership();
        Some(Known {
            at: *effective.log_id(),
            voters: membership.voter_ids().collect(),
            nodes: membership
                .nodes()
                .map(|(id, node)| (*id, node.clone()))
                .collect(),
        })
    }

    /// Takes note that the leader's loop runs, in this term.
    pub(super) fn looked(&self, term: u64, every: Duration) {
        let now = Instant::now();
        let mut listening = self.listening();
        let late = now.saturating_duration_since(listening.looked) > every + self.timing.lease();
        if listening.term != term || late {
            listening.term = term;
            listening.since = now;
        }
        listening.looked = now;
    }

    /// For how long nothing was heard of each of these nodes while this one listened to them: not
    /// before it led, and not before it knew of them.
    pub(super) fn silence(&self, nodes: &BTreeMap<NodeId, NodeAddr>) -> BTreeMap<NodeId, Duration> {
        let now = Instant::now();
        let mut listening = self.listening();
        listening.known.retain(|node, _| nodes.contains_key(node));
        let heard = self.heard_since(listening.since);
        let mut silent = |node: &NodeId| {
            let since = listening.since;
            let first = *listening.known.entry(*node).or_insert(now);
            let listened = now.saturating_duration_since(since.max(first));
            heard
                .get(node)
                .map_or(listened, |heard| listened.min(*heard))
        };
        nodes.keys().map(|node| (*node, silent(node))).collect()
    }

    /// How long ago each node has answered last, of those that have since this one leads.
    pub(super) fn heard(&self) -> BTreeMap<NodeId, Duration> {
        let since = self.listening().since;
        self.heard_since(since)
    }

    /// By the newest of what the engine knows, which takes no answer that comes behind the next
    /// heartbeat, and of what was heard over the links.
    fn heard_since(&self, since: Instant) -> BTreeMap<NodeId, Duration> {
        let metrics = self.engine.data_metrics();
        let metrics = metrics.borrow_watched();
        let beats = metrics.heartbeat.iter().flatten();
        let beats = beats.filter_map(|(node, at)| Some((*node, at.as_ref()?.elapsed())));
        let mut heard: BTreeMap<NodeId, Duration> = beats.collect();
        for (node, age) in self.hearings.ages(since) {
            let newest = heard.entry(node).or_insert(age);
            *newest = age.min(*newest);
        }
        heard
    }

    /// How many entries each node is behind, of those of whom that is known.
    pub(super) fn lag(&self) -> BTreeMap<NodeId, u64> {
        let metrics = self.engine.data_metrics();
        let metrics = metrics.borrow_watched();
        let last = metrics.last_log.map_or(0, |id| id.index());
        let matched = metrics.replication.iter().flatten();
        matched
            .filter_map(|(node, id)| Some((*node, last.saturating_sub(id.as_ref()?.index()))))
            .collect()
    }

    /// For how long no quorum has answered this leader.
    pub(super) fn without_quorum(&self) -> Duration {
        let since = self.listening().since;
        let listened = since.elapsed();
        let metrics = self.engine.data_metrics();
        let acked = metrics.borrow_watched().last_quorum_acked;
        let acked = acked.map_or(listened, |at| listened.min(at.elapsed()));
        acked.min(self.quorum_heard(since).unwrap_or(listened))
    }

    /// How long ago the voters were heard that make a quorum with this node.
    fn quorum_heard(&self, since: Instant) -> Option<Duration> {
        let voters = self.settled()?.voters;
        let heard = self.heard_since(since);
        let age = |id: &NodeId| {
            let own = (*id == self.me()).then_some(Duration::ZERO);
            own.or_else(|| heard.get(id).copied())
        };
        let mut ages: Vec<Duration> = voters.iter().filter_map(age).collect();
        ages.sort_unstable();
        ages.get(voters.len() / 2).copied()
    }

    /// Who is of the cluster, as this node has applied it.
    pub(super) fn applied(&self) -> Arc<Members> {
        Arc::clone(&self.shared.members().borrow())
    }

    /// Makes these the voters and nodes, if the membership is still the one at `known`.
    pub(super) async fn change(
        &self,
        known: &Known,
        voters: BTreeSet<NodeId>,
        nodes: BTreeMap<NodeId, NodeAddr>,
    ) -> Result<LogId, ChangeError> {
        let refused = |error: &dyn std::fmt::Display| ChangeError::Refused(error.to_string());
        let membership = Membership::new(vec![voters], nodes).map_err(|error| refused(&error))?;
        let only_on = Precondition::LastMembershipLogId {
            last_membership_log_id: known.at,
        };
        let changing = self
            .engine
            .append_membership(membership, EntryPayload::Blank, [only_on]);
        let changed = timeout(CHANGE_MAX, changing).await;
        let changed = changed.map_err(|_elapsed| ChangeError::Timeout)?;
        Ok(changed.map_err(|error| refused(&error))?.log_id)
    }

    /// Proposes mutations for this term alone, and waits until they are applied.
    pub(super) async fn write(
        &self,
        mutations: Vec<Mutation>,
        gone: &[NodeId],
    ) -> Result<(), ChangeError> {
        let leader = self.engine.as_leader();
        let leader = leader.map_err(|_not_leader| ChangeError::NotLeader)?;
        let gone: Vec<&[u8]> = gone.iter().map(|id| &id.0[..]).collect();
        let (responder, applied) = ProgressResponder::complete_only();
        let refused = |error: &dyn std::fmt::Display| ChangeError::Refused(error.to_string());
        self.engine
            .write(Command(encode_direct(mutations, &gone)))
            .with_leader(leader.to_committed_leader_id())
            .responder(responder)
            .await
            .map_err(|error| refused(&error))?;
        let applied = timeout(CHANGE_MAX, applied).await;
        let applied = applied.map_err(|_elapsed| ChangeError::Timeout)?;
        let applied = applied.map_err(|_closed| ChangeError::NotLeader)?;
        applied.map(drop).map_err(|error| refused(&error))
    }

    /// What removes the files of a node that is gone.
    pub(super) fn farewell(&self, node: NodeId) -> Vec<Mutation> {
        let tree = &self.shared.published().view.tree;
        let id = node.to_string();
        let mut paths = files_below(tree, &format!("{}/{id}/**", ctl::NODES), FILES_MAX);
        if let Ok(ns) = ctl::ns(&self.cluster_name, &id)
            && matches!(tree.lookup(ns.as_bytes()), Found::File { .. })
        {
            paths.push(ns);
        }
        let rev = Revision::CLOBBER;
        paths
            .into_iter()
            .map(|path| Mutation::Del { path, rev })
            .collect()
    }

    /// Whether a node has written the last of what every node says of itself.
    pub(super) fn is_written(&self, node: NodeId) -> bool {
        let published = self.shared.published();
        let version = ctl::node_version(&node.to_string()).ok();
        version.is_some_and(|path| {
            let found = published.view.tree.lookup(path.as_bytes());
            matches!(found, Found::File { .. })
        })
    }

    /// Whom each free slot was taken from by an operator: its last holder, unless that has attached
    /// since.
    pub(super) fn emptied(&self, slots: &[Slot]) -> BTreeMap<Path, NodeId> {
        let free = slots.iter().filter(|slot| slot.holder == Holder::Free);
        free.filter_map(|slot| Some((slot.path.clone(), self.put_out_of(slot)?)))
            .collect()
    }

    fn put_out_of(&self, slot: &Slot) -> Option<NodeId> {
        let node = self.shared.state().emptied.of(slot)?;
        let addr = ctl::node_addr(&node.to_string()).ok()?;
        let now = self.shared.published();
        match now.view.tree.lookup(addr.as_bytes()) {
            Found::File { rev, .. } if rev > slot.rev => None,
            _ => Some(node),
        }
    }

    fn listening(&self) -> std::sync::MutexGuard<'_, Listening> {
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files that match a glob; no more than can belong to one node.
pub(super) fn files_below(tree: &Tree, glob: &str, files_max: usize) -> Vec<Path> {
    let Ok(glob) = Glob::parse(glob.as_bytes()) else {
        return Vec::new();
    };
    let mut walk = WalkCursor::new(glob, tree);
    let mut paths = Vec::new();
    while paths.len() < files_max
        && let Some(item) = walk.next()
    {
        paths.extend(Path::parse(item.path.as_bytes()));
    }
    paths
}
