//! Holds what clients were told against what the nodes tell, without asking anybody anything.

mod reads;
mod story;
mod tales;
#[cfg(test)]
mod tests;
mod waits;
mod writes;

use std::fmt;

use super::Operation;
use super::tale::Tale;
use story::Story;

/// One thing that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub fault: Fault,
    /// With paths, values and revisions.
    pub what: String,
}

/// The kinds of what must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A revision that one node does not tell of, or that a client was told of and nobody keeps.
    MissingRevision,
    NodesDiffer,
    /// Acknowledged, and not at its revision.
    LostWrite,
    DoubledWrite,
    /// Refused, and there.
    RefusedWrite,
    /// Asked for by nobody.
    InventedWrite,
    /// Later than a write and before it in the history.
    RealTime,
    /// A mutation applied to a file that was newer than it allowed.
    TwoWinners,
    /// A compare-and-set refused though nothing had changed.
    NoWinner,
    /// Behind what its connection had been told.
    StaleRead,
    /// What never was, or was not asked for yet.
    InventedRead,
    SkippedEvent,
    RepeatedEvent,
    /// An event that is not the one at its revision.
    InventedEvent,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.what)
    }
}

/// All that is wrong; empty when all is well.
///
/// Every SET below [`super::FOLDER`] must have a value of its own, and the operations of one
/// connection must have been asked one after another. What happened before a tale's first
/// revision is left unjudged.
pub fn check(operations: &[Operation], tales: &[Tale]) -> Vec<Violation> {
    let mut found = Findings::default();
    tales::check(tales, &mut found);
    let story = Story::of(tales);
    let placed = writes::place(operations, &story, &mut found);
    writes::check_real_time(&placed, &mut found);
    writes::check_compared(operations, &placed, &story, &mut found);
    reads::check(operations, &placed, &story, &mut found);
    waits::check(operations, &story, &mut found);
    found.0
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, fault: Fault, what: String) {
        self.0.push(Violation { fault, what });
    }
}
