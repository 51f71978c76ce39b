//! The disk fills up at every step of a life.

use std::io;
use std::sync::Arc;

use super::model::{course, holds, script};
use super::simulated::{Disk, Unsynced};
use super::{INLINE, Step, held, open, step};

/// Lives on a disk that is full from step `at` on; then there is space again and it starts anew.
fn check(at: u64, script: &[Step]) {
    let course = course(script);
    let disk = Disk::default();
    disk.full_at(Some(at));
    let mut acknowledged = 0;
    if let Ok(mut storage) = open(&Arc::new(disk.clone()), INLINE) {
        for next in script {
            match step(&mut storage, next) {
                Ok(()) => acknowledged += 1,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::StorageFull, "at {at}: {error}");
                    break;
                }
            }
        }
    }
    disk.full_at(None);
    let mut storage = open(&Arc::new(disk.power_on(Unsynced::Kept)), INLINE).unwrap();
    let found = held(&mut storage);
    let under_way = (acknowledged + 1).min(script.len());
    assert!(
        holds(&found, &course[acknowledged]) || holds(&found, &course[under_way]),
        "full at {at}, step {acknowledged}: {found:?}"
    );
}

#[test]
fn a_full_disk_costs_nothing_that_was_acknowledged() {
    let script = script();
    let whole = Disk::default();
    let mut storage = open(&Arc::new(whole.clone()), INLINE).unwrap();
    for next in &script {
        step(&mut storage, next).unwrap();
    }
    drop(storage);
    for at in 0..whole.steps() {
        check(at, &script);
    }
}

#[test]
fn after_a_failed_write_all_others_fail_the_same_way() {
    let disk = Disk::default();
    let mut storage = open(&Arc::new(disk.clone()), INLINE).unwrap();
    step(&mut storage, &Step::Append(1, 0..=3)).unwrap();
    disk.full_at(Some(0));
    let many = Step::Append(1, 4..=40_000);
    assert_eq!(
        step(&mut storage, &many).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    disk.full_at(None);
    for next in [
        Step::Vote(2),
        Step::Append(1, 40_001..=40_001),
        Step::Snapshot(1, 2),
    ] {
        let error = step(&mut storage, &next).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{next:?}");
    }
    drop(storage);
    let mut storage = open(&Arc::new(disk), INLINE).unwrap();
    assert_eq!(held(&mut storage).entries, super::entries(1, 0..=3));
}
