//! A WAIT is answered by the first event that it asked for.

use super::story::Story;
use super::{Fault, Findings};
use crate::history::glob::matches;
use crate::history::{Event, Kind, Operation, Outcome};

pub(super) fn check(operations: &[Operation], story: &Story, found: &mut Findings) {
    for operation in operations {
        let Kind::Wait { glob, rev } = &operation.kind else {
            continue;
        };
        let Outcome::Answered(answer) = &operation.outcome else {
            continue;
        };
        let shown = format!(
            "WAIT {glob} from {rev} on node {} was answered with {}: {:?}",
            operation.node, answer.rev, answer.event
        );
        if let Some((fault, why)) = judge(story, (glob, *rev), (answer.rev, &answer.event)) {
            found.add(fault, format!("{shown}, {why}"));
        }
    }
}

/// What is wrong with one answer.
fn judge(
    story: &Story,
    (glob, from): (&str, i64),
    (rev, event): (i64, &Option<Event>),
) -> Option<(Fault, String)> {
    if rev < from {
        return Some((Fault::RepeatedEvent, "which is before".to_owned()));
    }
    if rev < story.first() {
        return None;
    }
    if rev > story.newest() {
        let what = format!("and the history ends at {}", story.newest());
        return Some((Fault::MissingRevision, what));
    }
    let there = story.at(rev);
    let is_asked_for = |event: &Event| matches(glob, &event.path);
    if there != event.as_ref() || !there.is_some_and(is_asked_for) {
        return Some((Fault::InventedEvent, format!("where {there:?} is")));
    }
    let mut before = story.between(from, rev - 1).filter(|(at, _)| *at < rev);
    let skipped = before.find(|(_, event)| is_asked_for(event))?;
    Some((Fault::SkippedEvent, format!("and {skipped:?} came before")))
}
