//! Answers on their way from the applying thread to a connection's task.
//!
//! What can come here is bounded by what the connection has open, but not its bytes: each of
//! many waiters may be answered with a large value. So bytes are counted; a connection that has
//! not taken its answers when they pass [`BYTES_MAX`] is given up, as is one over [`BYTES_FAIR`]
//! when all connections together hold [`ALL_BYTES_MAX`]. It is closed, not skipped: a client that
//! comes back asks for the events it missed by their revisions.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::Server;
use crate::consensus::{Outcome, Sink, Ticket};

const BYTES_MAX: usize = 16 << 20;
const BYTES_FAIR: usize = 1 << 20;
const ALL_BYTES_MAX: usize = 512 << 20;
/// Counted for each answer on top of its value.
const ANSWER_BYTES: usize = 64;

/// The outbox of one connection.
#[derive(Debug)]
pub(super) struct Outbox {
    server: Arc<Server>,
    answers: Mutex<Answers>,
    task: AtomicWaker,
    overflowed: AtomicBool,
}

#[derive(Debug, Default)]
struct Answers {
    queue: VecDeque<(Ticket, Outcome)>,
    bytes: usize,
    closed: bool,
}

impl Outbox {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            answers: Mutex::default(),
            task: AtomicWaker::new(),
            overflowed: AtomicBool::new(false),
        }
    }

    /// Wakes the task that asks now when the next answer comes.
    pub(super) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.answers().queue.is_empty()
    }

    /// Whether the connection has to be given up.
    pub(super) fn has_overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// Takes the next answer.
    pub(super) fn take(&self) -> Option<(Ticket, Outcome)> {
        let mut answers = self.answers();
        let (ticket, outcome) = answers.queue.pop_front()?;
        let bytes = bytes_of(&outcome);
        answers.bytes -= bytes;
        self.server.unwritten.fetch_sub(bytes, Ordering::Relaxed);
        if answers.queue.is_empty() {
            answers.queue.shrink_to(ANSWER_BYTES);
        }
        Some((ticket, outcome))
    }

    /// Takes no more answers, and drops those that wait.
    pub(super) fn close(&self) {
        let mut answers = self.answers();
        answers.closed = true;
        answers.queue = VecDeque::new();
        let bytes = std::mem::take(&mut answers.bytes);
        self.server.unwritten.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Outbox {
    fn answer(&self, ticket: Ticket, outcome: Outcome) {
        let bytes = bytes_of(&outcome);
        {
            let mut answers = self.answers();
            if answers.closed || self.has_overflowed() {
                return;
            }
            answers.queue.push_back((ticket, outcome));
            answers.bytes += bytes;
            let all = self.server.unwritten.fetch_add(bytes, Ordering::Relaxed) + bytes;
            if answers.bytes > BYTES_MAX || (answers.bytes > BYTES_FAIR && all > ALL_BYTES_MAX) {
                self.overflowed.store(true, Ordering::Relaxed);
            }
        }
        self.task.wake();
    }
}

fn bytes_of(outcome: &Outcome) -> usize {
    ANSWER_BYTES
        + match outcome {
            Outcome::Event(event) => event.value.len() + event.path.as_str().len(),
            _ => 0,
        }
}
