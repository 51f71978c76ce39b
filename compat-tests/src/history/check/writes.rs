//! Every mutation stands where its client was told, once, and in real time's order.

use std::collections::HashMap;
use std::time::Duration;

use super::story::Story;
use super::{Fault, Findings};
use crate::history::{Change, Event, Kind, Operation, Outcome, Refusal, is_ours};

/// A mutation whose revision is known.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) rev: i64,
    pub(super) invoked: Duration,
    /// `None`: it was never answered.
    returned: Option<Duration>,
    operation: usize,
}

/// Finds the revision of each mutation, and what has none, or more than one, or should have none.
pub(super) fn place(operations: &[Operation], story: &Story, found: &mut Findings) -> Vec<Placed> {
    let mut placed = place_sets(operations, story, found);
    placed.extend(place_dels(operations, story, found));
    check_nops(operations, story, found);
    placed
}

fn place_sets(operations: &[Operation], story: &Story, found: &mut Findings) -> Vec<Placed> {
    let mut standing: HashMap<(&str, &[u8]), Vec<i64>> = HashMap::new();
    for (rev, Event { path, change }) in story.events() {
        if let (true, Change::Set(value)) = (is_ours(path), change) {
            standing.entry((path, value)).or_default().push(rev);
        }
    }
    let mut placed = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let Kind::Set { path, value, .. } = &operation.kind else {
            continue;
        };
        let revs = standing.remove(&(path, value)).unwrap_or_default();
        check_set(operation, path, &revs, (story, found));
        if let [rev] = revs[..] {
            placed.push(Placed::new(rev, operation, index));
        }
    }
    for ((path, value), revs) in standing {
        let what = format!("{path}={} at {revs:?}", value.escape_ascii());
        found.add(Fault::InventedWrite, what);
    }
    placed
}

fn check_set(
    operation: &Operation,
    path: &str,
    revs: &[i64],
    (story, found): (&Story, &mut Findings),
) {
    let value = match &operation.kind {
        Kind::Set { value, .. } => value.escape_ascii().to_string(),
        _ => String::new(),
    };
    let what = |why: &str| format!("{path}={value} {why} and stands at {revs:?}");
    match &operation.outcome {
        Outcome::Answered(answer) if answer.rev >= story.first() => {
            let why = format!("was acknowledged at {}", answer.rev);
            if revs.len() > 1 {
                found.add(Fault::DoubledWrite, what(&why));
            } else if revs != [answer.rev] {
                found.add(Fault::LostWrite, what(&why));
            }
        }
        Outcome::Refused(refusal) if !revs.is_empty() => {
            found.add(
                Fault::RefusedWrite,
                what(&format!("was refused ({refusal:?})")),
            );
        }
        Outcome::Unknown(doubt) if revs.len() > 1 => {
            found.add(
                Fault::DoubledWrite,
                what(&format!("is unknown ({doubt:?})")),
            );
        }
        _ => {}
    }
}

/// DELs have no values of their own: those of one path are counted.
fn place_dels(operations: &[Operation], story: &Story, found: &mut Findings) -> Vec<Placed> {
    let mut asked: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, operation) in operations.iter().enumerate() {
        if let Kind::Del { path, .. } = &operation.kind {
            asked.entry(path).or_default().push(index);
        }
    }
    let mut done: HashMap<&str, Vec<i64>> = HashMap::new();
    for (rev, event) in story.events().filter(|(_, event)| is_ours(&event.path)) {
        if event.change == Change::Del {
            done.entry(&event.path).or_default().push(rev);
        }
    }
    let mut placed = Vec::new();
    for (path, indices) in asked {
        let revs = done.remove(path).unwrap_or_default();
        let dels: Vec<_> = indices.iter().map(|&index| &operations[index]).collect();
        check_dels(path, &dels, &revs, found);
        let is_refused = |index: &usize| matches!(operations[*index].outcome, Outcome::Refused(_));
        let mut taken = indices.into_iter().filter(|index| !is_refused(index));
        if let ([rev], Some(index), None) = (&revs[..], taken.next(), taken.next()) {
            placed.push(Placed::new(*rev, &operations[index], index));
        }
    }
    for (path, revs) in done {
        found.add(Fault::InventedWrite, format!("a DEL of {path} at {revs:?}"));
    }
    placed
}

fn check_dels(path: &str, dels: &[&Operation], revs: &[i64], found: &mut Findings) {
    let count = |wanted: fn(&Outcome) -> bool| {
        let outcomes = dels.iter().map(|del| &del.outcome);
        outcomes.filter(|outcome| wanted(outcome)).count()
    };
    let answered = count(|outcome| matches!(outcome, Outcome::Answered(_)));
    let unknown = count(|outcome| matches!(outcome, Outcome::Unknown(_)));
    let what = format!(
        "of {} DELs of {path} {answered} were acknowledged, {unknown} are unknown, and they \
         stand at {revs:?}",
        dels.len()
    );
    if revs.len() < answered {
        found.add(Fault::LostWrite, what);
    } else if revs.len() > answered + unknown {
        let refused = dels.len() > answered + unknown;
        let fault = if refused {
            Fault::RefusedWrite
        } else {
            Fault::DoubledWrite
        };
        found.add(fault, what);
    }
}

/// The server may make nops of its own, so that only too few are wrong.
fn check_nops(operations: &[Operation], story: &Story, found: &mut Findings) {
    let acknowledged = |operation: &&Operation| {
        operation.kind == Kind::Nop && matches!(operation.outcome, Outcome::Answered(_))
    };
    let asked = operations.iter().filter(acknowledged).count();
    let there = story
        .events()
        .filter(|(_, event)| event.change == Change::Nop)
        .count();
    if there < asked && story.first() == 1 {
        let what = format!("{asked} nops were acknowledged and {there} are there");
        found.add(Fault::LostWrite, what);
    }
}

impl Placed {
    fn new(rev: i64, operation: &Operation, index: usize) -> Self {
        let answered = matches!(operation.outcome, Outcome::Answered(_));
        Self {
            rev,
            invoked: operation.invoked,
            returned: answered.then_some(operation.returned),
            operation: index,
        }
    }
}

/// What returned before another was invoked has the smaller revision.
pub(super) fn check_real_time(placed: &[Placed], found: &mut Findings) {
    let mut begun: Vec<_> = placed.iter().collect();
    begun.sort_by_key(|write| write.invoked);
    let returned = placed
        .iter()
        .filter_map(|write| Some((write.returned?, write.rev)));
    let mut ended: Vec<_> = returned.collect();
    ended.sort_unstable();
    let (mut next, mut newest) = (0, 0);
    for write in begun {
        while let Some((_, rev)) = ended.get(next).filter(|(at, _)| *at < write.invoked) {
            newest = newest.max(*rev);
            next += 1;
        }
        if write.rev < newest {
            let what = format!(
                "what was asked for at {:?} stands at {}, and {newest} had been answered before",
                write.invoked, write.rev
            );
            found.add(Fault::RealTime, what);
        }
    }
}

/// A mutation took effect only on a file that was not newer than it allowed, and was refused for
/// a mismatch only when the file was.
pub(super) fn check_compared(
    operations: &[Operation],
    placed: &[Placed],
    story: &Story,
    found: &mut Findings,
) {
    for write in placed {
        let Some((path, rev)) = compared(&operations[write.operation].kind) else {
            continue;
        };
        let was = story.file_rev(path, write.rev - 1);
        if was > rev {
            let what = format!(
                "{path} compared with {rev} was set at {} over {was}",
                write.rev
            );
            found.add(Fault::TwoWinners, what);
        }
    }
    let invoked: HashMap<i64, Duration> = placed
        .iter()
        .map(|write| (write.rev, write.invoked))
        .collect();
    for operation in operations {
        let Some((path, rev)) = compared(&operation.kind) else {
            continue;
        };
        // Another's write explains the refusal if it was asked for before the refusal came.
        let explains = |at: &i64| {
            *at > rev
                && invoked
                    .get(at)
                    .is_none_or(|begin| *begin <= operation.returned)
        };
        let refused = operation.outcome == Outcome::Refused(Refusal::Mismatch);
        if refused && !story.of_path(path).iter().any(explains) {
            let what = format!("{path} compared with {rev} was refused, and nobody else won");
            found.add(Fault::NoWinner, what);
        }
    }
}

/// The file and the revision that a mutation of ours compares.
fn compared(kind: &Kind) -> Option<(&str, i64)> {
    match kind {
        Kind::Set { path, rev, .. } | Kind::Del { path, rev } => {
            (*rev >= 0 && is_ours(path)).then_some((path, *rev))
        }
        _ => None,
    }
}
