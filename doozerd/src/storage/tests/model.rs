//! What storage must hold after the steps of a script, and a check of what it does hold.

use openraft::entry::RaftEntry;

use crate::raft_types::Vote;

use super::{Held, NODE, Step, entries, log_id};

/// A life's worth of everything.
pub(super) fn script() -> Vec<Step> {
    vec![
        Step::Vote(1),
        Step::Append(1, 0..=3),
        Step::Committed(1, 2),
        Step::Append(1, 4..=40),
        Step::Snapshot(1, 10),
        Step::Append(1, 41..=44),
        Step::TruncateAfter(1, 42),
        Step::Vote(2),
        Step::Append(2, 43..=43),
        Step::Snapshot(1, 30),
        Step::Purge(1, 10),
        Step::Append(2, 44..=50),
        Step::Committed(2, 48),
        Step::Append(2, 51..=51),
        Step::Snapshot(2, 47),
        Step::Purge(1, 30),
        Step::Install(4, 90),
        Step::Purge(4, 90),
        Step::Vote(5),
        Step::Append(5, 91..=93),
    ]
}

/// What is held after each step, the beginning included.
pub(super) fn course(script: &[Step]) -> Vec<Held> {
    let mut course = vec![Held::default()];
    for step in script {
        let mut held = course.last().unwrap().clone();
        carry_out(&mut held, step);
        course.push(held);
    }
    course
}

fn carry_out(held: &mut Held, step: &Step) {
    match step.clone() {
        Step::Append(term, indexes) => held.entries.extend(entries(term, indexes)),
        Step::Vote(term) => held.vote = Some(Vote::new(term, NODE)),
        Step::Committed(term, index) => held.committed = Some(log_id(term, index)),
        Step::TruncateAfter(_, index) => held.entries.retain(|entry| entry.index() <= index),
        Step::Snapshot(term, index) | Step::Install(term, index) => {
            held.snapshot = Some(log_id(term, index));
        }
        Step::Purge(term, index) => {
            held.purged = Some(log_id(term, index));
            held.entries.retain(|entry| entry.index() > index);
        }
    }
    held.last = held.entries.last().map(RaftEntry::log_id).or(held.purged);
}

/// Whether `found` is what `expected` says, but for what need not be durable: a purge and the
/// committed index may lag behind.
pub(super) fn holds(found: &Held, expected: &Held) -> bool {
    let purged = expected.purged.map_or(0, |id| id.index() + 1);
    let wanted = found.entries.iter().filter(|entry| entry.index() >= purged);
    let last = found.last.map_or(0, |id| id.index() + 1);
    found.vote == expected.vote
        && found.snapshot == expected.snapshot
        && found.purged <= expected.purged
        && found.committed <= expected.committed
        && wanted.eq(&expected.entries)
        && (found.last == expected.last || (expected.entries.is_empty() && last <= purged))
}
