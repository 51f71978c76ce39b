//! What the rest of the server may ask of the replicated state.

use std::sync::Arc;
use std::time::Duration;

use openraft::RaftState;
use openraft::async_runtime::Instant as _;
use openraft::async_runtime::watch::WatchReceiver;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::answer::{OneAnswer, Outcome, Sink, Ticket, Waiter, WriteError};
use super::pending::Submitted;
use super::roster::Members;
use super::route::leader_of;
use super::shared::{Found, Published, Shared, WaitKey};
use super::thread::{Engine, PROPOSALS_BYTES_MAX, StartError};
use crate::raft_types::{LogId, NodeAddr, NodeId};
use crate::store::{Event, Glob, Mutation, Revision, View, proposal_bytes};
use crate::transport::{Said, Service};

/// How long a node that is alone may take to apply its log.
const RECOVERY_MAX: Duration = Duration::from_mins(10);
/// How long a node waits for the others to tell it what was agreed on before it serves what it has.
const QUORUM_WAIT_MAX: Duration = Duration::from_secs(5);
/// Events that are looked at one by one.
const EVENTS_LOOKED_AT_MAX: i64 = 512;
/// How often a node that stops looks whether another one leads.
const HAND_OVER_CHECK_EVERY: Duration = Duration::from_millis(10);

/// A read at a revision.
#[derive(Debug)]
pub enum ReadAt {
    /// The store as it was then.
    View(View),
    /// That revision is no longer kept.
    TooLate,
    /// That revision is still to come.
    ToCome,
}

/// What a WAIT met.
#[derive(Debug)]
pub enum WaitAnswer {
    /// An event in history.
    Event(Arc<Event>),
    /// History does not reach back that far.
    TooLate,
    /// Nothing yet: the sink is told when it happens.
    Waiting(WaitKey),
}

/// The replicated state of this node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Consensus {
    pub(super) shared: Arc<Shared>,
    pub(super) submissions: mpsc::Sender<Submitted>,
    /// One permit for each byte of open proposals.
    pub(super) budget: Arc<Semaphore>,
    pub(super) time_limit: Duration,
    pub(super) engine: Engine,
    /// What was agreed on when this node ran last.
    pub(super) committed: Option<LogId>,
    pub(super) service: Arc<dyn Service>,
}

impl Consensus {
    /// Who this node is.
    pub fn node(&self) -> NodeId {
        self.shared.node
    }

    /// What answers other nodes.
    pub fn service(&self) -> Arc<dyn Service> {
        Arc::clone(&self.service)
    }

    /// Who is of the cluster, as this node has applied it.
    pub fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.shared.members()
    }

    /// Whether this node takes mutations of clients: it is a voter and has a slot.
    pub fn writable(&self) -> watch::Receiver<bool> {
        self.shared.writable()
    }

    /// Whether it does now.
    pub fn is_writable(&self) -> bool {
        self.shared.is_writable()
    }

    /// The leader, where it is known, and where it is reached.
    pub fn leader(&self) -> Option<(NodeId, NodeAddr)> {
        let metrics = self.engine.server_metrics();
        let metrics = metrics.borrow_watched();
        let leader = leader_of(&metrics)?;
        let node = metrics.membership_config.membership().get_node(&leader)?;
        Some((leader, node.clone()))
    }

    /// Whether this node leads, or has heard the leader within `limit`. One that does not vote goes
    /// on knowing a leader that it does not hear any more, even over a restart.
    pub async fn is_led(&self, limit: Duration) -> bool {
        if self.engine.is_leader() {
            return true;
        }
        let heard = self.engine.with_raft_state(RaftState::vote_last_modified);
        let heard = heard.await.ok().flatten();
        self.leader().is_some() && heard.is_some_and(|at| at.elapsed() < limit)
    }

    /// Waits until this node has applied what it knew to be agreed on and, as far as others answer,
    /// what was agreed on since. A node that is alone leads after this.
    pub async fn recovered(&self) -> Result<(), StartError> {
        let failed = |error: &dyn std::fmt::Display| StartError::Recovery(error.to_string());
        let wait = self.engine.wait(Some(RECOVERY_MAX));
        let index = self.committed.as_ref().map(LogId::index);
        if index.is_some() {
            wait.applied_index_at_least(index, "what was agreed on")
                .await
                .map_err(|error| failed(&error))?;
        }
        // Asked of the engine itself: its metrics may not show yet what it was just started with.
        let voters = self.engine.with_raft_state(|state| {
            let membership = state.membership_state.effective();
            membership.voter_ids().collect::<Vec<_>>()
        });
        let voters = voters.await.map_err(|error| failed(&error))?;
        if voters == [self.node()] {
            let elected = self.engine.trigger().elect(false).await;
            elected.map_err(|error| failed(&error))?;
            let recovered = self.engine.wait_for_recovery(Some(RECOVERY_MAX)).await;
            return recovered.map(drop).map_err(|error| failed(&error));
        }
        if !voters.is_empty() {
            self.catch_up().await;
        }
        Ok(())
    }

    /// Waits a while for a quorum; not for the one of a cluster that has removed this node.
    async fn catch_up(&self) {
        let mut said = self.shared.said();
        let limit_secs = QUORUM_WAIT_MAX.as_secs();
        tokio::select! {
            caught_up = self.caught_up() => if let Err(error) = caught_up {
                debug!(%error, "not caught up");
                warn!(limit_secs, "no quorum answers: reads are served as of the last stop or crash");
            },
            Ok(_removed) = said.wait_for(Said::is_removed) => {}
        }
    }

    /// Waits a while until what this node's log ends with now is agreed on and applied. (What goes on
    /// being appended meanwhile is not waited for.)
    async fn caught_up(&self) -> Result<(), openraft::metrics::WaitError> {
        let last = self.engine.data_metrics().borrow_watched().last_log;
        let last = last.map(|id| id.index());
        let wait = self.engine.wait(Some(QUORUM_WAIT_MAX));
        let agreed = |agreed: Option<LogId>| agreed.map(|id| id.index()) >= last;
        wait.metrics(
            move |metrics| agreed(metrics.cluster_committed) && metrics.cluster_committed.is_some(),
            "a quorum answers",
        )
        .await?;
        let wait = self.engine.wait(Some(QUORUM_WAIT_MAX));
        wait.applied_index_at_least(last, "what was agreed on")
            .await
            .map(drop)
    }

    /// Lets another voter lead, if this node does and one is there; waits a while for it.
    pub async fn hand_over(&self, limit: Duration) {
        if !self.engine.is_leader() {
            return;
        }
        let heir = {
            let metrics = self.engine.data_metrics();
            let metrics = metrics.borrow_watched();
            let voters: Vec<NodeId> = self.engine.voter_ids().collect();
            let matched = metrics.replication.iter().flatten();
            let is_heard = |node: &NodeId| {
                let beats = metrics.heartbeat.iter().flatten();
                let mut own = beats.filter(|(beat, _)| *beat == node);
                own.any(|(_, at)| at.as_ref().is_some_and(|at| at.elapsed() < limit))
            };
            matched
                .filter(|(node, _)| **node != self.node() && voters.contains(node))
                .filter(|(node, _)| is_heard(node))
                .max_by_key(|(_, matched)| **matched)
                .map(|(node, _)| *node)
        };
        let Some(heir) = heir else { return };
        if let Err(error) = self.engine.trigger().transfer_leader(heir).await {
            warn!(%error, "leadership not handed over");
        }
        let over = async {
            while self.engine.is_leader() {
                tokio::time::sleep(HAND_OVER_CHECK_EVERY).await;
            }
        };
        drop(tokio::time::timeout(limit, over).await);
    }

    /// The newest state, without a lock.
    pub fn published(&self) -> arc_swap::Guard<Arc<Published>> {
        self.shared.published()
    }

    /// Why this node takes no writes any more, if so.
    pub fn stopped(&self) -> Option<Arc<str>> {
        self.shared.stopped()
    }

    /// Proposals that have no answer yet, of those that have left the queue.
    pub fn proposals_open(&self) -> usize {
        self.shared.pending().len()
    }

    /// Whether every mutation that was submitted is answered, those in the queue too: each holds its
    /// share of the budget until then.
    pub fn is_idle(&self) -> bool {
        self.budget.available_permits() == PROPOSALS_BYTES_MAX
    }

    /// Proposes a mutation; `sink` gets the answer. Waits while too much is on its way already.
    pub async fn submit(&self, mutation: Mutation, sink: Arc<dyn Sink>, ticket: Ticket) {
        let waiter = Waiter { sink, ticket };
        if let Some(reason) = self.shared.stopped() {
            waiter.answer(Outcome::NotWritten(WriteError::Stopped(reason)));
            return;
        }
        let deadline = Instant::now() + self.time_limit;
        let bytes = u32::try_from(proposal_bytes(&mutation)).unwrap_or(u32::MAX);
        let not_executed =
            |limit: Duration| Outcome::NotWritten(WriteError::NotExecuted(limit.as_secs()));
        let room = Arc::clone(&self.budget).acquire_many_owned(bytes);
        let Ok(Ok(room)) = tokio::time::timeout_at(deadline, room).await else {
            waiter.answer(not_executed(self.time_limit));
            return;
        };
        let submitted = Submitted {
            mutation,
            waiter,
            deadline,
            room,
        };
        let slot = tokio::time::timeout_at(deadline, self.submissions.reserve()).await;
        let Ok(Ok(slot)) = slot else {
            submitted.waiter.answer(not_executed(self.time_limit));
            return;
        };
        slot.send(submitted);
    }

    /// Proposes a mutation of the server's own, and waits for what becomes of it.
    pub async fn propose(&self, mutation: Mutation) -> Outcome {
        let (sink, answer) = OneAnswer::new();
        self.submit(mutation, sink, Ticket(0)).await;
        answer
            .await
            .unwrap_or(Outcome::NotWritten(WriteError::Forgotten))
    }

    /// The store as it was at `rev`; below 1 counts as 1.
    pub fn read_at(&self, rev: Revision) -> ReadAt {
        let published = self.shared.published();
        if rev > published.view.rev {
            return ReadAt::ToCome;
        }
        let rev = rev.max(Revision(1));
        if rev == published.view.rev {
            return ReadAt::View(published.view.clone());
        }
        match self.shared.state().store.history().view_at(rev) {
            Ok(view) => ReadAt::View(view),
            Err(_too_late) => ReadAt::TooLate,
        }
    }

    /// Whether an event after `after` matches; nothing where history does not reach back.
    pub fn any_match(&self, glob: &Glob, after: Revision) -> Option<bool> {
        self.shared.state().store.history().any_match(glob, after)
    }

    /// Whether one of the events after `after` is such; so it is taken to be where history does not
    /// reach back, or there are too many to look at.
    pub fn any_event(&self, after: Revision, is_such: impl Fn(&Event) -> bool) -> bool {
        let state = self.shared.state();
        let history = state.store.history();
        if history.newest().0 - after.0 > EVENTS_LOOKED_AT_MAX {
            return true;
        }
        let mut rev = after;
        while rev < history.newest() {
            rev = rev.next();
            if history.event(rev).is_none_or(|event| is_such(event)) {
                return true;
            }
        }
        false
    }

    /// The first matching event at or after `from`, now or later.
    pub fn wait(
        &self,
        glob: &Glob,
        from: Revision,
        sink: Arc<dyn Sink>,
        ticket: Ticket,
    ) -> WaitAnswer {
        match self.shared.wait(glob, from, Waiter { sink, ticket }) {
            Found::Event(event) => WaitAnswer::Event(event),
            Found::TooLate => WaitAnswer::TooLate,
            Found::Waiting(key) => WaitAnswer::Waiting(key),
        }
    }

    /// Tells `sink` when `rev` has come; nothing if it has.
    pub fn wait_for(&self, rev: Revision, sink: Arc<dyn Sink>, ticket: Ticket) -> Option<WaitKey> {
        self.shared.wait_for(rev, Waiter { sink, ticket })
    }

    /// Forgets waiters: they are not told any more, but for an answer that is under way.
    pub fn forget(&self, keys: &[WaitKey]) {
        self.shared.forget(keys);
    }

    /// Takes history down to its limits.
    pub fn trim(&self) {
        self.shared.trim();
    }
}
