//! Another node's content takes a folder over, and the power goes at every step.

use std::path::PathBuf;
use std::sync::Arc;

use super::simulated::{Disk, Draw, Unsynced};
use super::{Held, INLINE, NODE, Step, held, identity, open, step};
use crate::raft_types::NodeId;
use crate::storage::folder::Folder;
use crate::storage::vfs::Vfs;
use crate::storage::{Identity, OpenError, Storage};

const NEW: NodeId = NodeId([9; 10]);

fn new_identity() -> Identity {
    Identity {
        cluster_id: [2; 16],
        node: NEW,
        ..identity()
    }
}

fn old_script() -> Vec<Step> {
    vec![
        Step::Vote(1),
        Step::Append(1, 1..=4),
        Step::Snapshot(1, 3),
        Step::Append(1, 5..=6),
    ]
}

fn new_script() -> Vec<Step> {
    vec![Step::Vote(2), Step::Install(2, 7), Step::Purge(2, 7)]
}

fn after(identity: Identity, script: &[Step]) -> Held {
    let disk = Disk::default();
    let folder = Folder {
        vfs: Arc::new(disk),
        dir: PathBuf::from("/data"),
    };
    let mut storage = Storage::open_in(folder, || identity, INLINE).unwrap();
    for next in script {
        step(&mut storage, next).unwrap();
    }
    held(&mut storage)
}

/// A disk with the old node's content.
fn old_disk() -> Disk {
    let disk = Disk::default();
    let mut storage = open(&Arc::new(disk.clone()), INLINE).unwrap();
    for next in old_script() {
        step(&mut storage, &next).unwrap();
    }
    drop(storage);
    disk.power_on(Unsynced::Kept)
}

/// Makes the new content take over; whether that was acknowledged.
fn take_over(disk: &Disk) -> Result<PathBuf, OpenError> {
    let storage = open(&Arc::new(disk.clone()), INLINE)?;
    let mut successor = storage.begin_successor(new_identity())?;
    for next in new_script() {
        let done = step(&mut successor, &next);
        done.map_err(OpenError::io("/data", "writing the successor"))?;
    }
    storage.give_way(successor, "a note")
}

/// Opens what survived: it is wholly the old node's, or wholly the new one's.
fn check(survived: &Disk, taken_over: bool, what: &str) {
    let opened = open(&Arc::new(survived.clone()), INLINE);
    let mut storage = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    let (found, note) = (held(&mut storage), storage.succession_note().unwrap());
    if storage.identity.node == NODE {
        assert!(!taken_over, "{what}: the old node is back");
        assert_eq!(
            (found, note),
            (after(identity(), &old_script()), None),
            "{what}"
        );
        return;
    }
    assert_eq!(storage.identity, new_identity(), "{what}");
    assert_eq!(found, after(new_identity(), &new_script()), "{what}");
    assert_eq!(note.as_deref(), Some("a note"), "{what}");
    drop(storage);
    let mut kept = open_kept(survived).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(kept.identity.node, NODE, "{what}");
    assert_eq!(held(&mut kept), after(identity(), &old_script()), "{what}");
}

fn open_kept(disk: &Disk) -> Result<Storage, OpenError> {
    let folder = Folder {
        vfs: Arc::new(disk.clone()) as Arc<dyn Vfs>,
        dir: PathBuf::from(format!("/data/predecessor-{NODE}")),
    };
    Storage::open_in(folder, identity, INLINE)
}

fn check_all(unsynced: impl Fn(u64) -> Unsynced) {
    let whole = old_disk();
    let before = whole.steps();
    assert_eq!(
        take_over(&whole).unwrap(),
        PathBuf::from(format!("/data/predecessor-{NODE}"))
    );
    let last = whole.steps();
    assert!(last > before + 20, "{before} to {last}");
    for at in before..=last {
        let disk = old_disk();
        disk.power_off_at(at);
        let taken_over = take_over(&disk).is_ok();
        let survived = disk.power_on(unsynced(at));
        let again = survived.power_on(Unsynced::Kept);
        check(
            &survived,
            taken_over,
            &format!("{:?} at {at}", unsynced(at)),
        );
        // Once more, while what was completed is taken up.
        again.power_off_at(Draw::new(at).below(40));
        drop(open(&Arc::new(again.clone()), INLINE));
        let again = again.power_on(unsynced(at + 1));
        check(
            &again,
            taken_over,
            &format!("{:?} at {at}, twice", unsynced(at)),
        );
    }
}

#[test]
fn a_succession_is_whole_or_not_at_all_when_all_that_was_not_synced_is_lost() {
    check_all(|_| Unsynced::Lost);
}

#[test]
fn a_succession_is_whole_or_not_at_all_when_the_process_dies() {
    check_all(|_| Unsynced::Kept);
}

#[test]
fn a_succession_is_whole_or_not_at_all_when_writes_are_torn_and_out_of_order() {
    for seed in 0..6 {
        check_all(|at| Unsynced::Drawn(at * 6 + seed));
    }
}

#[test]
fn a_successor_that_was_not_completed_leaves_nothing() {
    let disk = old_disk();
    let storage = open(&Arc::new(disk.clone()), INLINE).unwrap();
    drop(storage.begin_successor(new_identity()).unwrap());
    drop(storage);
    check(&disk, false, "dropped");
    let names = disk.list("/data".as_ref()).unwrap();
    assert!(!names.iter().any(|name| name == "successor"), "{names:?}");
}
