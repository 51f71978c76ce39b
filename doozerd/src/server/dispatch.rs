//! What a request means: the checks in the original's order, then the verb.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use bytes::{Bytes, BytesMut};
use doozer_proto::{FLAG_DEL, FLAG_SET, Reply, Request, Verb};

use super::Server;
use super::access::Access;
use super::cursors::Cursors;
use super::open::{Open, OpenRequests};
use super::outbox::Outbox;
use super::refused::Refused;
use crate::consensus::{Outcome, Sink, Ticket, WaitAnswer};
use crate::raft_types::NodeId;
use crate::store::{Event, EventKind, Found, Glob, Mutation, Path, Revision, ctl};

/// What is left to do for a request.
pub(super) enum Next {
    /// It is answered, or its answer will come through the outbox.
    Done,
    /// It has to be proposed, which may have to wait for room.
    Submit(Mutation, Ticket),
    /// It walks or lists, which may take long enough to let others go first in between.
    Browse(Request),
}

/// One client's side of the protocol, without its stream.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) server: Arc<Server>,
    access: Access,
    pub(super) open: OpenRequests,
    pub(super) outbox: Arc<Outbox>,
    /// Walks and listings whose revision has come.
    pub(super) ready: VecDeque<Request>,
    /// Walks and listings under way; there when the first has begun.
    pub(super) cursors: Option<Arc<Mutex<Cursors>>>,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.outbox.close();
        self.server
            .waiters
            .fetch_sub(self.open.waiters(), Ordering::Relaxed);
        self.server.consensus.forget(&self.open.keys());
    }
}

impl Conversation {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self {
            access: Access::at_start(&server.secrets),
            open: OpenRequests::default(),
            outbox: Arc::new(Outbox::new(Arc::clone(&server))),
            ready: VecDeque::new(),
            cursors: None,
            server,
        }
    }

    /// Wakes the task that asks now when an answer comes.
    pub(super) fn register(&self, waker: &Waker) {
        self.outbox.register(waker);
    }

    pub(super) fn has_answers(&self) -> bool {
        !self.outbox.is_empty() || !self.ready.is_empty()
    }

    pub(super) fn has_overflowed(&self) -> bool {
        self.outbox.has_overflowed()
    }

    /// Whether so many mutations are on their way that no further request is taken.
    pub(super) fn is_busy(&self) -> bool {
        self.open.writes() >= self.server.limits.in_flight_max
    }

    pub(super) fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.outbox) as Arc<dyn Sink>
    }

    /// Answers a request, or begins to.
    pub(super) fn request(&mut self, request: Request, out: &mut BytesMut) -> Next {
        let tag = request.tag;
        match self.checked(request, out) {
            Ok(next) => next,
            Err(refused) => {
                refused.encode(tag, out);
                Next::Done
            }
        }
    }

    fn checked(&mut self, request: Request, out: &mut BytesMut) -> Result<Next, Refused> {
        let verb = request.verb.and_then(|verb| Verb::try_from(verb).ok());
        let verb = verb.ok_or(Refused::UnknownVerb)?;
        if !self.access.allows(verb) {
            return Err(Refused::PermissionDenied);
        }
        match verb {
            Verb::Set | Verb::Del | Verb::Nop => {
                if !self.server.is_writable() {
                    return Err(Refused::ReadOnly);
                }
                let mutation = self.mutation(verb, &request)?;
                let ticket = self.open.insert(Open::Write {
                    tag: request.tag,
                    verb,
                });
                return Ok(Next::Submit(mutation, ticket));
            }
            Verb::Walk | Verb::Getdir => return Ok(Next::Browse(request)),
            Verb::Wait => self.wait(&request, out)?,
            Verb::Get => self.get(request, out)?,
            Verb::Stat => self.stat(request, out)?,
            Verb::Rev => {
                let rev = self.server.consensus.published().view.rev.0;
                Reply {
                    tag: request.tag,
                    rev: Some(rev),
                    ..Reply::default()
                }
                .encode_frame(out);
            }
            Verb::Self_ => {
                let node = self.server.consensus.node().to_string();
                let value = Some(node.as_bytes());
                Reply {
                    tag: request.tag,
                    value,
                    ..Reply::default()
                }
                .encode_frame(out);
            }
            Verb::Access => {
                let value = request.value.as_deref().unwrap_or_default();
                if !self.access.grant(&self.server.secrets, value) {
                    return Err(Refused::PermissionDenied);
                }
                Reply {
                    tag: request.tag,
                    ..Reply::default()
                }
                .encode_frame(out);
            }
        }
        Ok(Next::Done)
    }

    fn mutation(&self, verb: Verb, request: &Request) -> Result<Mutation, Refused> {
        if verb == Verb::Nop {
            return Ok(Mutation::Nop);
        }
        let path = request.path.as_ref().ok_or(Refused::MissingArg)?;
        let rev = Revision(request.rev.ok_or(Refused::MissingArg)?);
        let path = Path::parse(path).map_err(|_invalid| Refused::BadPath)?;
        if verb == Verb::Del {
            self.check_slot(&path, &[])?;
            return Ok(Mutation::Del { path, rev });
        }
        let value = request.value.clone().unwrap_or_default();
        self.check_sizes(&path, &value)?;
        self.check_slot(&path, &value)?;
        Ok(Mutation::Set { path, rev, value })
    }

    /// A member slot holds nothing, or the id of a node of this cluster: the original's whole
    /// cluster hung on any other. And somebody has to hold one.
    fn check_slot(&self, path: &Path, value: &[u8]) -> Result<(), Refused> {
        let below = path.as_str().strip_prefix(ctl::SLOTS);
        if !below.is_some_and(|name| name.starts_with('/')) {
            return Ok(());
        }
        let members = Arc::clone(&self.server.consensus.members().borrow());
        if !value.is_empty() {
            let id = std::str::from_utf8(value).ok();
            let id: Option<NodeId> = id.and_then(|id| id.parse().ok());
            let node = id.and_then(|id| members.nodes.get(&id));
            return match node {
                None => Err(Refused::NoSuchNode(value.to_vec())),
                Some(node) if node.memory && !members.has_memory_voters() => {
                    Err(Refused::NodeInMemory(value.to_vec()))
                }
                Some(_) => Ok(()),
            };
        }
        let mut held = members.slots.0.iter().filter(|slot| slot.node().is_some());
        let is_last = held.next().is_some_and(|slot| slot.path == *path) && held.next().is_none();
        if is_last {
            return Err(Refused::LastSlot);
        }
        Ok(())
    }

    /// Refuses a value over the limit, and one that a full store would grow by.
    fn check_sizes(&self, path: &Path, value: &Bytes) -> Result<(), Refused> {
        let (bytes, limit) = (value.len(), self.server.limits.value_bytes_max);
        if bytes > limit {
            return Err(Refused::ValueTooLarge { bytes, limit });
        }
        let published = self.server.consensus.published();
        let (tree, limit) = (&published.view.tree, self.server.limits.store_bytes_max);
        let grown = (path.as_bytes().len() + bytes) as u64;
        if tree.bytes() + grown <= limit {
            return Ok(());
        }
        match tree.lookup(path.as_bytes()) {
            Found::File { value: before, .. } if bytes <= before.len() => Ok(()),
            _ => Err(Refused::StoreFull {
                bytes: tree.bytes() + grown,
                limit,
            }),
        }
    }

    fn wait(&mut self, request: &Request, out: &mut BytesMut) -> Result<(), Refused> {
        let path = request.path.as_ref().ok_or(Refused::MissingArg)?;
        let from = Revision(request.rev.ok_or(Refused::MissingArg)?);
        let glob = Glob::parse(path).map_err(|_invalid| Refused::BadGlob(path.to_vec()))?;
        let ticket = self.insert_waiter(Open::Wait {
            tag: request.tag,
            key: None,
        })?;
        match self.server.consensus.wait(&glob, from, self.sink(), ticket) {
            WaitAnswer::Waiting(key) => {
                self.open.set_key(ticket, key);
                Ok(())
            }
            WaitAnswer::Event(event) => {
                drop(self.take(ticket));
                encode_event(request.tag, &event, out);
                Ok(())
            }
            WaitAnswer::TooLate => {
                drop(self.take(ticket));
                Err(Refused::TooLate)
            }
        }
    }

    /// Lets one more request wait, if it may.
    pub(super) fn insert_waiter(&mut self, open: Open) -> Result<Ticket, Refused> {
        let limits = &self.server.limits;
        if self.open.waiters() >= limits.waiters_max {
            return Err(Refused::TooManyWaiters {
                limit: limits.waiters_max,
            });
        }
        if self.server.waiters.fetch_add(1, Ordering::Relaxed) >= limits.waiters_total_max {
            self.server.waiters.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::TooManyWaitersInAll {
                limit: limits.waiters_total_max,
            });
        }
        Ok(self.open.insert(open))
    }

    /// Takes an open request out of the table.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Open> {
        let open = self.open.take(ticket)?;
        if !matches!(open, Open::Write { .. }) {
            self.server.waiters.fetch_sub(1, Ordering::Relaxed);
        }
        Some(open)
    }

    /// Proposes a mutation; waits while there is no room for it.
    pub(super) async fn submit(&self, mutation: Mutation, ticket: Ticket) {
        self.server
            .consensus
            .submit(mutation, self.sink(), ticket)
            .await;
    }

    /// Encodes answers that have come, until `out` holds `high` bytes.
    pub(super) fn take_answers(&mut self, out: &mut BytesMut, high: usize) {
        while out.len() < high {
            let Some((ticket, outcome)) = self.outbox.take() else {
                return;
            };
            match self.take(ticket) {
                Some(Open::Write { tag, verb }) => encode_written(tag, verb, outcome, out),
                Some(Open::Wait { tag, .. }) => match outcome {
                    Outcome::Event(event) => encode_event(tag, &event, out),
                    _ => Refused::TooLate.encode(tag, out),
                },
                Some(Open::Read { request, .. }) => self.read_again(*request, out),
                None => {}
            }
        }
    }
}

fn encode_written(tag: Option<i32>, verb: Verb, outcome: Outcome, out: &mut BytesMut) {
    let refused = match outcome {
        Outcome::Written(rev) => {
            let rev = (verb == Verb::Set).then_some(rev.0);
            return Reply {
                tag,
                rev,
                ..Reply::default()
            }
            .encode_frame(out);
        }
        Outcome::Refused(refusal) => refusal.into(),
        Outcome::NotWritten(error) => Refused::Write(error),
        Outcome::Event(_) | Outcome::Reached | Outcome::HistoryGone => Refused::TooLate,
    };
    refused.encode(tag, out);
}

fn encode_event(tag: Option<i32>, event: &Event, out: &mut BytesMut) {
    let flags = match event.kind {
        EventKind::Nop => 0,
        EventKind::Set => FLAG_SET,
        EventKind::Del => FLAG_DEL,
    };
    Reply {
        tag,
        flags: Some(flags),
        rev: Some(event.rev.0),
        path: Some(event.path.as_bytes()),
        value: Some(&event.value),
        ..Reply::default()
    }
    .encode_frame(out);
}
