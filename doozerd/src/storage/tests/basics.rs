//! What an untroubled folder does.

use std::fs;

use crate::storage::{OpenError, Place, Storage};

use super::{Held, INLINE, NODE, Step, THREAD, entries, held, identity, log_id, step};
use crate::raft_types::Vote;
use crate::storage::StorageOptions;

fn open(dir: &std::path::Path, options: StorageOptions) -> Result<Storage, OpenError> {
    Storage::open(&Place::Dir(dir.to_owned()), identity, options)
}

/// Does the steps, opens again, and compares what is held.
fn check(options: StorageOptions, steps: &[Step], expected: &Held) {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data");
    let mut storage = open(&dir, options).unwrap();
    assert!(storage.founded);
    for next in steps {
        step(&mut storage, next).unwrap();
    }
    assert_eq!(&held(&mut storage), expected);
    drop(storage);
    let mut storage = open(&dir, options).unwrap();
    assert!(!storage.founded);
    assert_eq!(storage.identity, identity());
    assert_eq!(&held(&mut storage), expected);
}

fn check_both(steps: &[Step], expected: &Held) {
    check(INLINE, steps, expected);
    check(THREAD, steps, expected);
}

#[test]
fn an_empty_log_is_empty_after_a_restart() {
    check_both(&[], &Held::default());
}

#[test]
fn everything_written_is_there_after_a_restart() {
    check_both(
        &[
            Step::Vote(1),
            Step::Append(1, 0..=20),
            Step::Append(1, 21..=30),
            Step::TruncateAfter(1, 25),
            Step::Append(2, 26..=40),
            Step::Committed(2, 33),
            Step::Vote(3),
        ],
        &Held {
            vote: Some(Vote::new(3, NODE)),
            committed: Some(log_id(2, 33)),
            last: Some(log_id(2, 40)),
            entries: [entries(1, 0..=25), entries(2, 26..=40)].concat(),
            ..Held::default()
        },
    );
}

#[test]
fn a_purged_log_begins_behind_its_snapshot() {
    check_both(
        &[
            Step::Append(1, 0..=2000),
            Step::Snapshot(1, 900),
            Step::Snapshot(1, 1500),
            Step::Purge(1, 900),
            Step::Append(1, 2001..=2005),
        ],
        &Held {
            purged: Some(log_id(1, 900)),
            last: Some(log_id(1, 2005)),
            entries: entries(1, 901..=2005),
            snapshot: Some(log_id(1, 1500)),
            ..Held::default()
        },
    );
}

#[test]
fn an_installed_snapshot_replaces_a_shorter_log() {
    check_both(
        &[
            Step::Append(1, 0..=10),
            Step::Snapshot(1, 5),
            Step::Install(3, 50),
            Step::Purge(3, 50),
            Step::Append(3, 51..=52),
        ],
        &Held {
            purged: Some(log_id(3, 50)),
            last: Some(log_id(3, 52)),
            entries: entries(3, 51..=52),
            snapshot: Some(log_id(3, 50)),
            ..Held::default()
        },
    );
}

#[test]
fn a_second_opener_is_refused_until_the_first_has_closed() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), THREAD).unwrap();
    let refused = open(dir.path(), THREAD).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains("lock is held by another doozerd"),
        "{refused}"
    );
    first.log.close().unwrap();
    open(dir.path(), THREAD).unwrap();
}

#[test]
fn a_folder_that_holds_something_else_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "…").unwrap();
    let refused = open(dir.path(), THREAD).unwrap_err();
    assert!(matches!(refused, OpenError::NotADataFolder { .. }));
    assert!(
        refused
            .to_string()
            .contains("it holds thesis.tex but no file"),
        "{refused}"
    );
}

#[test]
fn a_folder_without_its_identity_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), THREAD).unwrap());
    fs::remove_file(dir.path().join("identity")).unwrap();
    let refused = open(dir.path(), THREAD).unwrap_err();
    assert!(
        matches!(refused, OpenError::NotADataFolder { .. }),
        "{refused}"
    );
}

#[test]
fn files_of_two_nodes_are_not_mixed() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(ours.path(), THREAD).unwrap());
    let place = Place::Dir(theirs.path().to_owned());
    let other = || crate::storage::Identity {
        cluster_id: [9; 16],
        ..identity()
    };
    drop(Storage::open(&place, other, THREAD).unwrap());
    fs::copy(theirs.path().join("identity"), ours.path().join("identity")).unwrap();
    let refused = open(ours.path(), THREAD).unwrap_err();
    assert!(
        matches!(refused, OpenError::IdentitiesDiffer { .. }),
        "{refused}"
    );
}

#[test]
fn memory_holds_until_it_is_dropped() {
    let mut storage = Storage::open(&Place::Memory, identity, INLINE).unwrap();
    step(&mut storage, &Step::Append(1, 0..=5)).unwrap();
    step(&mut storage, &Step::Snapshot(1, 3)).unwrap();
    assert_eq!(held(&mut storage).entries, entries(1, 0..=5));
    let storage = Storage::open(&Place::Memory, identity, INLINE).unwrap();
    assert!(storage.founded);
}
