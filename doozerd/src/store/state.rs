//! The store: applies commands, one after another.

use std::sync::Arc;

use bytes::Bytes;

use super::command::{Batch, Command};
use super::revision::REVISION_MAX;
use super::sessions::{Executed, Session, Sessions};
use super::{
    Answer, CommandError, Event, EventKind, History, HistoryLimits, Mutation, Path, Proposal,
    Refusal, Revision, SnapshotSource, Tree, Value, View, ctl,
};

/// What applying a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The first revision made.
    pub first: Revision,
    /// The last revision made; below `first` when none was.
    pub last: Revision,
    /// The session that was opened.
    pub opened: Option<Opened>,
    /// What became of the proposals of a batch.
    pub batch: Option<AnsweredBatch>,
}

/// A session that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The node's id.
    pub node: Bytes,
    /// As the command that opened it has it.
    pub nonce: u64,
    /// The session's id.
    pub session: u64,
}

/// What became of the proposals of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredBatch {
    /// The node that proposed them.
    pub node: Bytes,
    /// Its session.
    pub session: u64,
    /// Whether that is its session still.
    pub is_session_known: bool,
    /// Each counter and its answer, in the batch's order.
    pub answers: Vec<(u64, Answer)>,
}

/// The whole replicated state.
#[derive(Debug)]
pub struct Store {
    view: View,
    history: History,
    sessions: Sessions,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// An empty store, at revision 0.
    pub fn new() -> Self {
        let view = View::default();
        let history = History::starting_after(view.rev, Tree::default());
        Self::from_parts(view, history, Sessions::default())
    }

    pub(super) fn from_parts(view: View, history: History, sessions: Sessions) -> Self {
        Self {
            view,
            history,
            sessions,
        }
    }

    /// Applies the command of the log entry at `index`. An unreadable command changes nothing.
    pub fn apply(&mut self, index: u64, command: &Bytes) -> Result<Applied, CommandError> {
        let before = self.rev();
        let (mut opened, mut batch) = (None, None);
        match Command::decode(command)? {
            Command::OpenSession { node, nonce } => {
                let session = self.sessions.open(node.clone(), index, nonce);
                opened = Some(Opened {
                    node,
                    nonce,
                    session,
                });
            }
            Command::Batch(proposed) => batch = Some(self.apply_batch(proposed)),
            Command::Direct { mutations, gone } => {
                for mutation in mutations {
                    execute(&mut self.view, &mut self.history, mutation);
                }
                for node in gone {
                    self.sessions.close(&node);
                }
            }
        }
        Ok(Applied {
            first: before.next(),
            last: self.rev(),
            opened,
            batch,
        })
    }

    /// The store that another cluster begins with: the files of this one, at a revision raised by
    /// `revisions`, after `mutations` and a nop. History begins there and no session is known.
    /// Nothing where revisions do not reach that far.
    pub fn into_successor(mut self, revisions: u64, mutations: Vec<Mutation>) -> Option<Self> {
        let raised = self.rev().0.checked_add_unsigned(revisions)?;
        if raised > REVISION_MAX {
            return None;
        }
        self.view.rev = Revision(raised);
        self.history = History::starting_after(self.view.rev, self.view.tree.clone());
        self.sessions = Sessions::default();
        // A nop, so that there is a revision to read at whatever else is asked for.
        for mutation in mutations.into_iter().chain([Mutation::Nop]) {
            execute(&mut self.view, &mut self.history, mutation);
        }
        Some(self)
    }

    /// The store as it is.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// The store as it was.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The newest revision.
    pub fn rev(&self) -> Revision {
        self.view.rev
    }

    /// Lets go of history over the limits. Other nodes may keep more or less of it.
    pub fn trim(&mut self, limits: &HistoryLimits) {
        self.history.trim(limits);
    }

    /// The whole store, to be written out while this one goes on.
    pub fn snapshot(&self) -> SnapshotSource {
        SnapshotSource::new(self.rev(), &self.history, &self.sessions)
    }

    /// The session that `node` has, by its id and nonce.
    pub fn session_of(&self, node: &[u8]) -> Option<(u64, u64)> {
        self.sessions
            .of(node)
            .map(|session| (session.id, session.nonce))
    }

    /// The answer that is kept for a counter of `node`'s session.
    pub fn answer_of(&self, node: &[u8], counter: u64) -> Option<Answer> {
        self.sessions.of(node)?.answered(counter)
    }

    #[cfg(test)]
    pub(super) fn set_roots_max(&mut self, roots_max: usize) {
        self.history.set_roots_max(roots_max);
    }

    #[cfg(test)]
    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    fn apply_batch(&mut self, batch: Batch) -> AnsweredBatch {
        let is_session_known = self.sessions.get_mut(&batch.node, batch.session).is_some();
        let answers = if let Some(session) = self.sessions.get_mut(&batch.node, batch.session) {
            session.raise_floor(batch.floor);
            let mut execute = |mutation| execute(&mut self.view, &mut self.history, mutation);
            let proposals = batch.proposals.into_iter();
            proposals
                .map(|proposal| (proposal.counter, answer(session, proposal, &mut execute)))
                .collect()
        } else {
            let counters = batch.proposals.iter().map(|proposal| proposal.counter);
            counters
                .map(|counter| (counter, Answer::Forgotten))
                .collect()
        };
        AnsweredBatch {
            node: batch.node,
            session: batch.session,
            is_session_known,
            answers,
        }
    }
}

/// The answer to a proposal, which is executed unless its session says otherwise.
fn answer(
    session: &mut Session,
    proposal: Proposal,
    execute: &mut impl FnMut(Mutation) -> Executed,
) -> Answer {
    session.answered(proposal.counter).unwrap_or_else(|| {
        let executed = execute(proposal.mutation);
        session.keep(proposal.counter, executed);
        executed.answer()
    })
}

/// Executes a mutation, which makes the next revision whether it is refused or not.
fn execute(view: &mut View, history: &mut History, mutation: Mutation) -> Executed {
    let rev = view.rev.next();
    let (event, refusal) = match outcome(&view.tree, mutation) {
        Ok((kind, path, value)) => (event(rev, kind, path, value), None),
        Err(refusal) => (refused(rev, refusal), Some(refusal)),
    };
    view.tree.apply(&event);
    view.rev = rev;
    history.push(Arc::new(event), &view.tree);
    Executed { rev, refusal }
}

fn outcome(tree: &Tree, mutation: Mutation) -> Result<(EventKind, Path, Value), Refusal> {
    match mutation {
        Mutation::Nop => Ok((EventKind::Nop, Path::root(), Value::default())),
        Mutation::Set { path, rev, value } => {
            tree.check(&path, rev)?;
            // A copy: a value kept as a part of its batch would keep the whole batch.
            Ok((EventKind::Set, path, Value::from(&value[..])))
        }
        Mutation::Del { path, rev } => {
            tree.check(&path, rev)?;
            Ok((EventKind::Del, path, Value::default()))
        }
    }
}

fn refused(rev: Revision, refusal: Refusal) -> Event {
    let text = Value::from(refusal.text().as_bytes());
    event(rev, EventKind::Set, ctl::err(), text)
}

fn event(rev: Revision, kind: EventKind, path: Path, value: Value) -> Event {
    Event {
        rev,
        kind,
        path,
        value,
    }
}
