//! The requests of one connection that have no answer yet, by ticket.

use doozer_proto::{Request, Verb};
use slab::Slab;

use crate::consensus::{Ticket, WaitKey};

/// A request without an answer.
#[derive(Debug)]
pub(super) enum Open {
    /// A mutation that is being agreed on.
    Write { tag: Option<i32>, verb: Verb },
    /// A WAIT.
    Wait {
        tag: Option<i32>,
        key: Option<WaitKey>,
    },
    /// A read at a revision to come: run when it has come.
    Read {
        request: Box<Request>,
        key: Option<WaitKey>,
    },
}

/// The table of open requests.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    slots: Slab<Open>,
    writes: usize,
}

impl OpenRequests {
    pub(super) fn insert(&mut self, open: Open) -> Ticket {
        self.writes += usize::from(matches!(open, Open::Write { .. }));
        Ticket(self.slots.insert(open))
    }

    /// Takes the request of `ticket`, which then names no request.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Open> {
        let open = self.slots.try_remove(ticket.0)?;
        self.writes -= usize::from(matches!(open, Open::Write { .. }));
        if self.slots.is_empty() {
            self.slots.shrink_to_fit();
        }
        Some(open)
    }

    /// Remembers how a waiting request can be forgotten.
    pub(super) fn set_key(&mut self, ticket: Ticket, wait: WaitKey) {
        match self.slots.get_mut(ticket.0) {
            Some(Open::Wait { key, .. } | Open::Read { key, .. }) => *key = Some(wait),
            Some(Open::Write { .. }) | None => {}
        }
    }

    pub(super) fn writes(&self) -> usize {
        self.writes
    }

    pub(super) fn waiters(&self) -> usize {
        self.slots.len() - self.writes
    }

    /// What has to be forgotten when the connection ends.
    pub(super) fn keys(&self) -> Vec<WaitKey> {
        self.slots
            .iter()
            .filter_map(|(_, open)| match open {
                Open::Wait { key, .. } | Open::Read { key, .. } => *key,
                Open::Write { .. } => None,
            })
            .collect()
    }
}
