//! Sessions: each proposal takes effect at most once, however often it comes.
//!
//! A node has one session. Within it every proposal has a counter; the answer to an executed one
//! is kept until the proposer says, by raising its floor, that it has it. A proposal that comes
//! again is answered from there. Below the floor, and in a session that is no longer the node's,
//! nothing is executed.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Refusal, Revision};

/// The longest id of a node, in bytes.
pub const NODE_BYTES_MAX: usize = 64;

/// The most sessions. Past it the one that was opened first goes, as if its node had opened
/// another: nodes that live only in memory come with a new id at every start.
pub const SESSIONS_MAX: usize = 1024;

/// The most answers kept for a session. Past it the floor is raised over the lowest. A proposer
/// must not have more proposals open than this.
pub const ANSWERS_MAX: usize = 16_384;

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It took effect, at this revision.
    Applied(Revision),
    /// It was refused, which took this revision.
    Refused(Revision, Refusal),
    /// Not executed now. Whether it ever was is not known: it is below the floor, or of a session
    /// that is not its node's newest.
    Forgotten,
}

/// Every node's session, by the node's id.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions(BTreeMap<Bytes, Session>);

/// A node's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// The log index that opened it.
    pub(super) id: u64,
    pub(super) nonce: u64,
    /// Below it, answers are forgotten.
    pub(super) floor: u64,
    pub(super) answers: BTreeMap<u64, Executed>,
}

/// The answer to a mutation that was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Executed {
    pub(super) rev: Revision,
    pub(super) refusal: Option<Refusal>,
}

impl Sessions {
    /// Gives `node` the session `id` in place of any it has, but for one of the same opening: an
    /// opening that comes again opens nothing. Returns the session's id.
    pub(super) fn open(&mut self, node: Bytes, id: u64, nonce: u64) -> u64 {
        if let Some(there) = self.0.get(&node).filter(|there| there.nonce == nonce) {
            return there.id;
        }
        let session = Session {
            id,
            nonce,
            floor: 0,
            answers: BTreeMap::new(),
        };
        self.0.insert(node, session);
        while self.0.len() > SESSIONS_MAX {
            let first = self.0.iter().min_by_key(|(_, session)| session.id);
            let Some(node) = first.map(|(node, _)| node.clone()) else {
                break;
            };
            self.0.remove(&node);
        }
        id
    }

    /// The session that `node` has.
    pub(super) fn of(&self, node: &[u8]) -> Option<&Session> {
        self.0.get(node)
    }

    /// The session `id` of `node`, if it is the node's newest.
    pub(super) fn get_mut(&mut self, node: &[u8], id: u64) -> Option<&mut Session> {
        self.0.get_mut(node).filter(|session| session.id == id)
    }

    /// Ends the session of a node that is gone.
    pub(super) fn close(&mut self, node: &[u8]) {
        self.0.remove(node);
    }

    /// Takes over a session that a snapshot holds.
    pub(super) fn restore(&mut self, node: Bytes, session: Session) {
        self.0.insert(node, session);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The node with the greatest id.
    pub(super) fn last_node(&self) -> Option<&Bytes> {
        self.0.last_key_value().map(|(node, _)| node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Session)> {
        self.0.iter()
    }
}

impl Session {
    /// Forgets every answer below `floor`. A floor is never lowered.
    pub(super) fn raise_floor(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        while let Some(lowest) = self.answers.first_entry() {
            if *lowest.key() >= self.floor {
                return;
            }
            lowest.remove();
        }
    }

    /// The answer to `counter` when it is not to be executed.
    pub(super) fn answered(&self, counter: u64) -> Option<Answer> {
        if counter < self.floor {
            return Some(Answer::Forgotten);
        }
        self.answers.get(&counter).map(Executed::answer)
    }

    /// Keeps the answer to what was just executed.
    pub(super) fn keep(&mut self, counter: u64, executed: Executed) {
        self.answers.insert(counter, executed);
        while self.answers.len() > ANSWERS_MAX {
            if let Some((lowest, _)) = self.answers.pop_first() {
                self.floor = self.floor.max(lowest.saturating_add(1));
            }
        }
    }
}

impl Executed {
    pub(super) fn answer(&self) -> Answer {
        match self.refusal {
            None => Answer::Applied(self.rev),
            Some(refusal) => Answer::Refused(self.rev, refusal),
        }
    }
}
