//! What the rest of the server may ask of the replicated state.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::answer::{OneAnswer, Outcome, Sink, Ticket, Waiter, WriteError};
use super::pending::Submitted;
use super::shared::{Found, Published, Shared, WaitKey};
use crate::raft_types::NodeId;
use crate::store::{Event, Glob, Mutation, Revision, View, proposal_bytes};

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
}

impl Consensus {
    /// Who this node is.
    pub fn node(&self) -> NodeId {
        self.shared.node
    }

    /// The newest state, without a lock.
    pub fn published(&self) -> arc_swap::Guard<Arc<Published>> {
        self.shared.published()
    }

    /// Why this node takes no writes any more, if so.
    pub fn stopped(&self) -> Option<Arc<str>> {
        self.shared.stopped()
    }

    /// Proposals that have no answer yet.
    pub fn proposals_open(&self) -> usize {
        self.shared.pending().len()
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
        let Ok(slot) = self.submissions.reserve().await else {
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
