//! Every file is cut and flipped at many places: what opens holds all that was acknowledged.

use std::path::Path;
use std::sync::Arc;

use super::model::{course, holds, script};
use super::simulated::{Disk, Draw, Unsynced};
use super::{Held, INLINE, Step, held, open, step};

/// Every bit is tried in files up to this long, and in the beginning of longer ones.
const WHOLE_BYTES: usize = 96;
/// In the rest a bit is tried in each piece this long that holds anything.
const PIECE_BYTES: usize = 200;
/// In the rest a cut is tried every so many bytes.
const CUT_BYTES: usize = 1000;

/// A folder after a life, closed or as a dead process leaves it, and what it holds.
fn folder(closed: bool) -> (Disk, Held) {
    let mut script = script();
    let disk = Disk::default();
    let mut storage = open(&Arc::new(disk.clone()), INLINE).unwrap();
    // Not the last steps: two snapshots and a log behind them are to stand.
    script.truncate(script.len() - 4);
    // A last commit that must not be lost.
    script.push(Step::Append(2, 52..=55));
    for next in &script {
        step(&mut storage, next).unwrap();
    }
    let died = disk.power_on(Unsynced::Kept);
    drop(storage);
    let held = course(&script).pop().unwrap();
    (
        if closed {
            disk.power_on(Unsynced::Kept)
        } else {
            died
        },
        held,
    )
}

/// The node starts with all it held, or refuses and names the file.
fn check(damaged: &Disk, path: &Path, expected: &Held, what: &str) {
    let name = path.file_name().unwrap().to_str().unwrap();
    match open(&Arc::new(damaged.clone()), INLINE) {
        Ok(mut storage) => {
            let found = held_if_possible(&mut storage, expected);
            assert!(holds(&found, expected), "{name} {what}: {found:?}");
        }
        Err(error) => {
            let error = error.to_string();
            assert!(
                error.contains(name) || name == "identity",
                "{name} {what}: {error}"
            );
        }
    }
}

/// A fallen-back snapshot with the log behind it holds what the newer one did.
fn held_if_possible(storage: &mut crate::storage::Storage, expected: &Held) -> Held {
    let mut found = held(storage);
    let reaches = |id| found.purged <= Some(id) && Some(id) < expected.snapshot;
    if found.snapshot.is_some_and(reaches) {
        found.snapshot = expected.snapshot;
    }
    found
}

fn check_file(disk: &Disk, path: &Path, expected: &Held) {
    let content = disk.content(path);
    for bit in bits(&content) {
        let mut flipped = content.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        check(
            &disk.with_content(path, flipped),
            path,
            expected,
            &format!("bit {bit}"),
        );
    }
    let beginning = content.len().min(WHOLE_BYTES);
    for cut in (0..beginning).chain((beginning..content.len()).step_by(CUT_BYTES)) {
        let cut_off = content[..cut].to_vec();
        check(
            &disk.with_content(path, cut_off),
            path,
            expected,
            &format!("cut at {cut}"),
        );
    }
    check(&disk.without(path), path, expected, "missing");
}

/// Every bit of the beginning, and one in each piece of the rest that holds anything.
fn bits(content: &[u8]) -> Vec<usize> {
    let mut draw = Draw::new(1);
    let beginning = content.len().min(WHOLE_BYTES);
    let mut bits = (0..beginning * 8).collect::<Vec<_>>();
    for start in (beginning..content.len()).step_by(PIECE_BYTES) {
        let end = content.len().min(start + PIECE_BYTES);
        let used = (start..end)
            .filter(|at| content[*at] != 0)
            .collect::<Vec<_>>();
        if !used.is_empty() {
            let at = used[usize::try_from(draw.below(used.len() as u64)).unwrap()];
            bits.push(at * 8 + usize::try_from(draw.below(8)).unwrap());
        }
    }
    bits
}

fn check_all(closed: bool, only: &str) {
    let (disk, expected) = folder(closed);
    // Of a copy: opening mends what a dead process left.
    let untouched = disk.power_on(Unsynced::Kept);
    check(&untouched, Path::new("/data/none"), &expected, "untouched");
    let paths = disk.paths();
    let chosen = paths
        .iter()
        .filter(|path| path.to_str().unwrap().contains(only));
    let mut files = 0;
    for path in chosen {
        check_file(&disk, path, &expected);
        files += 1;
    }
    assert!(files > 0, "{paths:?}");
}

#[test]
fn a_damaged_database_that_was_closed_is_noticed() {
    check_all(true, "metadata.redb");
}

#[test]
fn a_damaged_database_of_a_dead_process_is_noticed() {
    check_all(false, "metadata.redb");
}

#[test]
fn a_damaged_log_that_was_closed_is_noticed() {
    check_all(true, "/log-");
}

#[test]
fn a_damaged_log_of_a_dead_process_is_noticed() {
    check_all(false, "/log-");
}

#[test]
fn a_damaged_identity_is_noticed() {
    check_all(true, "identity");
}

#[test]
fn a_damaged_watermark_is_written_anew() {
    check_all(true, "watermark");
}

#[test]
fn a_damaged_snapshot_is_noticed_or_not_needed() {
    check_all(true, "snapshot-");
}
