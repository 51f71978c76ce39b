//! Histories with one thing wrong, each found, and good ones, which pass.

use std::time::Duration;

use super::{Fault, check};
use crate::history::tale::Tale;
use crate::history::{Answer, Change, Doubt, Event, Kind, Operation, Outcome, Refusal};

const A: &str = "/history/a";

/// A file, and its value unless it was deleted.
type Told<'a> = (&'a str, Option<&'a str>);

fn event((path, value): Told<'_>) -> Event {
    let change = value.map_or(Change::Del, |value| Change::Set(value.into()));
    Event {
        path: path.to_owned(),
        change,
    }
}

fn tale(events: &[Told<'_>]) -> Tale {
    Tale {
        node: "one".to_owned(),
        first: 1,
        events: (1..).zip(events.iter().map(|told| event(*told))).collect(),
    }
}

fn set(rev: i64, value: &str) -> Kind {
    Kind::Set {
        path: A.to_owned(),
        rev,
        value: value.into(),
    }
}

fn del(path: &str) -> Kind {
    Kind::Del {
        path: path.to_owned(),
        rev: -1,
    }
}

fn get() -> Kind {
    Kind::Get { path: A.to_owned() }
}

fn wait(rev: i64) -> Kind {
    Kind::Wait {
        glob: "/history/**".to_owned(),
        rev,
    }
}

fn at(rev: i64) -> Outcome {
    Outcome::Answered(Answer {
        rev,
        ..Answer::default()
    })
}

fn got(rev: i64, value: &str) -> Outcome {
    Outcome::Answered(Answer {
        rev,
        value: value.into(),
        event: None,
    })
}

fn saw(rev: i64, told: Told<'_>) -> Outcome {
    Outcome::Answered(Answer {
        rev,
        value: Vec::new(),
        event: Some(event(told)),
    })
}

const MISMATCH: Outcome = Outcome::Refused(Refusal::Mismatch);
const READ_ONLY: Outcome = Outcome::Refused(Refusal::ReadOnly);
const UNKNOWN: Outcome = Outcome::Unknown(Doubt::ConnectionLost);

/// Each asked on the same connection, one after another.
fn in_turn(asked: &[(Kind, Outcome)]) -> Vec<Operation> {
    let one = |(kind, outcome): &(Kind, Outcome)| (kind.clone(), outcome.clone());
    let mut clock = 0;
    let timed = asked.iter().map(one).map(|(kind, outcome)| {
        clock += 10;
        operation(1, kind, outcome, (clock, clock + 5))
    });
    timed.collect()
}

fn operation(connection: u64, kind: Kind, outcome: Outcome, times: (u64, u64)) -> Operation {
    Operation {
        client: 0,
        node: 0,
        connection,
        kind,
        outcome,
        invoked: Duration::from_millis(times.0),
        returned: Duration::from_millis(times.1),
    }
}

#[track_caller]
fn check_finds(operations: &[Operation], tales: &[Tale], want: &[Fault]) {
    let found = check(operations, tales);
    let faults: Vec<_> = found.iter().map(|violation| violation.fault).collect();
    assert_eq!(faults, want, "{found:#?}");
}

#[test]
fn a_good_history_passes() {
    let told = [
        (A, Some("1")),
        ("/ctl/err", Some("x")),
        (A, Some("2")),
        (A, None),
    ];
    let operations = in_turn(&[
        (get(), got(0, "")),
        (set(0, "1"), at(1)),
        (set(0, "no"), MISMATCH),
        (set(1, "2"), at(3)),
        (get(), got(3, "2")),
        (set(-1, "3"), READ_ONLY),
        (wait(1), saw(1, told[0])),
        (wait(2), saw(3, told[2])),
        (del(A), at(0)),
        (get(), got(0, "")),
        (Kind::Rev, at(4)),
    ]);
    check_finds(&operations, &[tale(&told), tale(&told)], &[]);
}

#[test]
fn an_unknown_write_is_there_once_or_not_at_all() {
    let operations = in_turn(&[(set(-1, "1"), UNKNOWN)]);
    check_finds(&operations, &[tale(&[])], &[]);
    check_finds(&operations, &[tale(&[(A, Some("1"))])], &[]);
    let twice = [(A, Some("1")), (A, Some("1"))];
    check_finds(&operations, &[tale(&twice)], &[Fault::DoubledWrite]);
}

#[test]
fn a_lost_write_is_found() {
    let operations = in_turn(&[(set(-1, "1"), at(1))]);
    let tales = [tale(&[("/other", Some("x"))])];
    check_finds(&operations, &tales, &[Fault::LostWrite]);
    let elsewhere = [tale(&[("/other", Some("x")), (A, Some("1"))])];
    check_finds(&operations, &elsewhere, &[Fault::LostWrite]);
    let operations = in_turn(&[(del(A), at(0)), (Kind::Nop, at(0))]);
    check_finds(&operations, &tales, &[Fault::LostWrite, Fault::LostWrite]);
}

#[test]
fn a_doubled_write_is_found() {
    let operations = in_turn(&[(set(-1, "1"), at(1))]);
    let twice = [tale(&[(A, Some("1")), (A, Some("1"))])];
    check_finds(&operations, &twice, &[Fault::DoubledWrite]);
    let operations = in_turn(&[(del(A), at(0))]);
    check_finds(
        &operations,
        &[tale(&[(A, None), (A, None)])],
        &[Fault::DoubledWrite],
    );
}

#[test]
fn a_refused_write_that_is_there_is_found() {
    let tales = [tale(&[(A, Some("1")), (A, None)])];
    let not_executed = Outcome::Refused(Refusal::NotExecuted);
    let operations = in_turn(&[(set(-1, "1"), not_executed), (del(A), READ_ONLY)]);
    check_finds(
        &operations,
        &tales,
        &[Fault::RefusedWrite, Fault::RefusedWrite],
    );
}

#[test]
fn a_write_of_nobody_is_found() {
    let tales = [tale(&[(A, Some("1")), (A, None), ("/ctl/x", Some("y"))])];
    check_finds(&[], &tales, &[Fault::InventedWrite, Fault::InventedWrite]);
}

#[test]
fn a_missing_revision_is_found() {
    let mut gap = tale(&[("/x", Some("1")), ("/x", Some("2"))]);
    gap.events[1].0 = 3;
    check_finds(&[], &[gap], &[Fault::MissingRevision]);
    let operations = in_turn(&[(Kind::Rev, at(2))]);
    check_finds(
        &operations,
        &[tale(&[("/x", Some("1"))])],
        &[Fault::MissingRevision],
    );
}

#[test]
fn nodes_that_differ_are_found() {
    let one = tale(&[("/x", Some("1"))]);
    let other = tale(&[("/x", Some("2"))]);
    check_finds(&[], &[one.clone(), other], &[Fault::NodesDiffer]);
    let short = tale(&[]);
    check_finds(&[], &[one, short], &[Fault::NodesDiffer]);
}

#[test]
fn broken_real_time_is_found() {
    let tales = [tale(&[(A, Some("1")), (A, Some("2"))])];
    let two = |first: (u64, u64), second: (u64, u64)| {
        [
            operation(1, set(-1, "1"), at(1), first),
            operation(2, set(-1, "2"), at(2), second),
        ]
    };
    check_finds(&two((0, 10), (20, 30)), &tales, &[]);
    check_finds(&two((20, 30), (0, 25)), &tales, &[]);
    check_finds(&two((20, 30), (0, 10)), &tales, &[Fault::RealTime]);
}

#[test]
fn an_unanswered_write_is_held_to_its_beginning_alone() {
    let tales = [tale(&[(A, Some("1")), (A, Some("2"))])];
    let mut operations = [
        operation(1, set(-1, "1"), at(1), (20, 30)),
        operation(2, set(-1, "2"), UNKNOWN, (0, 10)),
    ];
    check_finds(&operations, &tales, &[]);
    operations[0].outcome = UNKNOWN;
    operations[1].outcome = at(2);
    check_finds(&operations, &tales, &[Fault::RealTime]);
}

#[test]
fn a_read_behind_its_connection_is_found() {
    let tales = [tale(&[(A, Some("1")), (A, Some("2")), (A, None)])];
    let writes = [(set(-1, "1"), at(1)), (set(-1, "2"), at(2))];
    let then = |read: (Kind, Outcome)| {
        let dels = [(del(A), UNKNOWN)];
        in_turn(&[&writes[..], &dels, &[read]].concat())
    };
    check_finds(&then((get(), got(2, "2"))), &tales, &[]);
    check_finds(&then((get(), got(0, ""))), &tales, &[]);
    check_finds(&then((get(), got(1, "1"))), &tales, &[Fault::StaleRead]);
    check_finds(&then((Kind::Rev, at(1))), &tales, &[Fault::StaleRead]);
    let mut other = then((get(), got(1, "1")));
    other[3].connection = 2;
    check_finds(&other, &tales, &[]);
}

#[test]
fn a_file_that_is_missing_too_early_is_found() {
    let tales = [tale(&[(A, Some("1"))])];
    let operations = in_turn(&[(set(-1, "1"), at(1)), (get(), got(0, ""))]);
    check_finds(&operations, &tales, &[Fault::StaleRead]);
}

#[test]
fn a_read_of_a_value_that_never_was_is_found() {
    let tales = [tale(&[(A, Some("1"))])];
    for outcome in [got(1, "2"), got(7, "1"), got(0, "1")] {
        let operations = in_turn(&[(get(), outcome), (set(-1, "1"), at(1))]);
        check_finds(&operations, &tales, &[Fault::InventedRead]);
    }
}

#[test]
fn a_read_of_a_value_that_nobody_had_asked_for_yet_is_found() {
    let tales = [tale(&[(A, Some("1"))])];
    let operations = in_turn(&[(get(), got(1, "1")), (set(-1, "1"), at(1))]);
    check_finds(&operations, &tales, &[Fault::InventedRead]);
}

#[test]
fn a_skipped_a_repeated_and_an_invented_event_are_found() {
    let told = [(A, Some("1")), (A, Some("2"))];
    for (rev, outcome, fault) in [
        (1, saw(2, told[1]), Fault::SkippedEvent),
        (2, saw(1, told[0]), Fault::RepeatedEvent),
        (1, saw(1, told[1]), Fault::InventedEvent),
        (1, saw(9, told[1]), Fault::MissingRevision),
    ] {
        let mut operations = in_turn(&[
            (set(-1, "1"), at(1)),
            (set(-1, "2"), at(2)),
            (wait(rev), outcome),
        ]);
        operations[2].connection = 2;
        check_finds(&operations, &[tale(&told)], &[fault]);
    }
}

#[test]
fn two_winners_of_one_compare_and_set_are_found() {
    let tales = [tale(&[(A, Some("0")), (A, Some("1")), (A, Some("2"))])];
    let operations = in_turn(&[
        (set(0, "0"), at(1)),
        (set(1, "1"), at(2)),
        (set(1, "2"), at(3)),
    ]);
    check_finds(&operations, &tales, &[Fault::TwoWinners]);
}

#[test]
fn a_compare_and_set_that_nobody_wins_is_found() {
    let tales = [tale(&[(A, Some("0"))])];
    let refused = |begin| operation(2, set(1, "1"), MISMATCH, (begin, begin + 5));
    let mut operations = in_turn(&[(set(0, "0"), at(1))]);
    operations.push(refused(20));
    check_finds(&operations, &tales, &[Fault::NoWinner]);
    let later = [tale(&[(A, Some("0")), (A, Some("2"))])];
    operations.push(operation(1, set(1, "2"), at(2), (30, 35)));
    check_finds(&operations, &later, &[Fault::NoWinner]);
    operations[2].invoked = Duration::from_millis(22);
    check_finds(&operations, &later, &[]);
}
