//! A read tells what was, is not behind its own connection, and never ahead of time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::story::Story;
use super::writes::Placed;
use super::{Fault, Findings};
use crate::history::{Answer, Change, Kind, Operation, Outcome};

pub(super) fn check(
    operations: &[Operation],
    placed: &[Placed],
    story: &Story,
    found: &mut Findings,
) {
    let begun = placed.iter().map(|write| (write.rev, write.invoked));
    let mut check = Check {
        story,
        begun: begun.collect(),
        found,
    };
    let mut connections: BTreeMap<u64, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        let of_connection = connections.entry(operation.connection).or_default();
        of_connection.push(operation);
    }
    for mut operations in connections.into_values() {
        operations.sort_by_key(|operation| operation.invoked);
        check.check_connection(&operations);
    }
}

struct Check<'a> {
    story: &'a Story,
    /// When what stands at a revision was asked for.
    begun: HashMap<i64, Duration>,
    found: &'a mut Findings,
}

impl Check<'_> {
    fn check_connection(&mut self, operations: &[&Operation]) {
        let mut told = 0;
        for operation in operations {
            let Outcome::Answered(answer) = &operation.outcome else {
                continue;
            };
            match &operation.kind {
                Kind::Get { path } => self.check_get(operation, path, answer, told),
                Kind::Rev => self.check_rev(operation, answer.rev, told),
                _ => {}
            }
            told = told.max(answer.rev);
        }
    }

    fn check_rev(&mut self, operation: &Operation, rev: i64, told: i64) {
        let shown = format!("revision {rev} on {}", shown(operation));
        if rev < told {
            let what = format!("{shown}, which had been told {told}");
            self.found.add(Fault::StaleRead, what);
        }
        if rev > self.story.newest() {
            let what = format!("{shown}, and the history ends at {}", self.story.newest());
            self.found.add(Fault::MissingRevision, what);
        }
    }

    fn check_get(&mut self, operation: &Operation, path: &str, answer: &Answer, told: i64) {
        if answer.rev == 0 {
            return self.check_missing(operation, path, answer, told);
        }
        let Answer { rev, value, .. } = answer;
        let shown = format!(
            "{path}={} at {rev} on {}",
            value.escape_ascii(),
            shown(operation)
        );
        if *rev < self.story.first() {
            return;
        }
        let event = self.story.at(*rev);
        let is_it = |change: &Change| matches!(change, Change::Set(set) if set == value);
        if !event.is_some_and(|event| event.path == path && is_it(&event.change)) {
            return self
                .found
                .add(Fault::InventedRead, format!("{shown}, where {event:?} is"));
        }
        if self
            .begun
            .get(rev)
            .is_some_and(|begun| *begun > operation.returned)
        {
            let what = format!("{shown}, before it was asked for");
            return self.found.add(Fault::InventedRead, what);
        }
        let last = self.story.last_of_path(path, told).unwrap_or(0);
        if *rev < last {
            let what = format!("{shown}, which had been told {told}, when {last} was newer");
            self.found.add(Fault::StaleRead, what);
        }
    }

    /// The file must have been missing at some revision from `told` on.
    fn check_missing(&mut self, operation: &Operation, path: &str, answer: &Answer, told: i64) {
        if !answer.value.is_empty() {
            let what = format!(
                "a value of {path}, which is missing, on {}",
                shown(operation)
            );
            self.found.add(Fault::InventedRead, what);
        }
        let story = self.story;
        let is_gone = |rev: &i64| story.at(*rev).is_some_and(|at| at.change == Change::Del);
        let was_there = story.file_rev(path, told) != 0;
        let later = story.of_path(path).iter().filter(|&&rev| rev > told);
        if was_there && !later.into_iter().any(is_gone) {
            let what = format!(
                "{path} missing on {}, which had been told {told}",
                shown(operation)
            );
            self.found.add(Fault::StaleRead, what);
        }
    }
}

fn shown(operation: &Operation) -> String {
    format!(
        "connection {} to node {} at {:?}",
        operation.connection, operation.node, operation.invoked
    )
}
