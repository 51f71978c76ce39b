//! Where answers go: each request that is not answered at once leaves a sink and a ticket.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use tokio::sync::oneshot;

use crate::store::{Event, Refusal, Revision};

/// The asker's own name for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(pub usize);

/// Takes answers. Called on the applying thread: it must not wait, and must not call back.
pub trait Sink: Send + Sync + fmt::Debug {
    /// The answer for `ticket`. Comes once for a ticket, or never when the waiter was forgotten.
    fn answer(&self, ticket: Ticket, outcome: Outcome);
}

/// What became of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The mutation was applied, and made this revision.
    Written(Revision),
    /// The mutation was refused by the state it met.
    Refused(Refusal),
    /// The mutation was not agreed on.
    NotWritten(WriteError),
    /// The event waited for.
    Event(Arc<Event>),
    /// The revision waited for has come.
    Reached,
    /// What was waited for may have gone by unseen.
    HistoryGone,
}

/// Why a mutation has no answer of the store's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The time limit passed before it was sent to the others: it was surely not executed.
    #[error("not executed: no agreement within {0} s")]
    NotExecuted(u64),
    /// The time limit passed after it was sent: it may still be executed.
    #[error("outcome unknown: no agreement within {0} s")]
    OutcomeUnknown(u64),
    /// This node's part in consensus has ended: it was surely not executed.
    #[error("not executed: this node has stopped writing: {0}")]
    Stopped(Arc<str>),
    /// This node's part in consensus ended after it was sent.
    #[error("outcome unknown: this node has stopped writing: {0}")]
    StoppedAfterSending(Arc<str>),
    /// The store no longer knows.
    #[error("outcome unknown: the answer was lost with the session")]
    Forgotten,
}

/// A sink for one answer that a task waits for.
#[derive(Debug)]
pub(super) struct OneAnswer(Mutex<Option<oneshot::Sender<Outcome>>>);

impl OneAnswer {
    pub(super) fn new() -> (Arc<Self>, oneshot::Receiver<Outcome>) {
        let (tx, rx) = oneshot::channel();
        (Arc::new(Self(Mutex::new(Some(tx)))), rx)
    }
}

impl Sink for OneAnswer {
    fn answer(&self, _ticket: Ticket, outcome: Outcome) {
        let tx = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_unheard)) = tx.map(|tx| tx.send(outcome)) {
            tracing::trace!("nobody waits for this answer any more");
        }
    }
}

/// A sink and a ticket: who is to be told, and about what.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) ticket: Ticket,
}

impl Waiter {
    pub(super) fn answer(&self, outcome: Outcome) {
        self.sink.answer(self.ticket, outcome);
    }
}
