//! The power goes at every step of a life, and what was not synced is lost, kept or torn.

use std::sync::Arc;

use super::model::{course, holds, script};
use super::simulated::{Disk, Draw, Unsynced};
use super::{Held, INLINE, Step, held, open, step};

/// Lives until the power goes. How many steps were acknowledged, `None` when not even opening was.
fn live(disk: &Disk, script: &[Step]) -> Option<usize> {
    let mut storage = open(&Arc::new(disk.clone()), INLINE).ok()?;
    let failed = script
        .iter()
        .position(|next| step(&mut storage, next).is_err());
    Some(failed.unwrap_or(script.len()))
}

/// Opens what survived, and checks that it holds what was acknowledged, or that and what was
/// under way.
fn check(survived: &Disk, acknowledged: Option<usize>, course: &[Held], what: &str) {
    let opened = open(&Arc::new(survived.clone()), INLINE);
    let mut storage = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = held(&mut storage);
    let acknowledged = acknowledged.unwrap_or(0);
    let under_way = (acknowledged + 1).min(course.len() - 1);
    assert!(
        holds(&found, &course[acknowledged]) || holds(&found, &course[under_way]),
        "{what}, step {acknowledged}: {found:?}"
    );
}

/// The power goes at each step, and once more while the node starts again.
fn check_all(unsynced: impl Fn(u64) -> Unsynced) {
    let script = script();
    let course = course(&script);
    let whole = Disk::default();
    assert_eq!(live(&whole, &script), Some(script.len()));
    for at in 0..whole.steps() {
        let disk = Disk::default();
        disk.power_off_at(at);
        let acknowledged = live(&disk, &script);
        let survived = disk.power_on(unsynced(at));
        let again = survived.power_on(Unsynced::Kept);
        check(
            &survived,
            acknowledged,
            &course,
            &format!("{:?} at {at}", unsynced(at)),
        );
        again.power_off_at(Draw::new(at).below(30));
        drop(open(&Arc::new(again.clone()), INLINE));
        let again = again.power_on(unsynced(at + 1));
        check(
            &again,
            acknowledged,
            &course,
            &format!("{:?} at {at}, twice", unsynced(at)),
        );
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_all_that_was_not_synced_is() {
    check_all(|_| Unsynced::Lost);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_dies() {
    check_all(|_| Unsynced::Kept);
}

#[test]
fn nothing_acknowledged_is_lost_when_writes_are_torn_and_out_of_order() {
    for seed in 0..6 {
        check_all(|at| Unsynced::Drawn(at * 6 + seed));
    }
}

#[test]
fn a_founding_that_was_cut_short_is_made_good_whatever_became_of_its_files() {
    let whole = Disk::default();
    drop(open(&Arc::new(whole.clone()), INLINE).unwrap());
    for at in 0..whole.steps() {
        let disk = Disk::default();
        disk.power_off_at(at);
        let acknowledged = live(&disk, &[]);
        for seed in 0..20 {
            let survived = disk.power_on(Unsynced::Drawn(at * 20 + seed));
            check(
                &survived,
                acknowledged,
                &[Held::default()],
                &format!("{seed} at {at}"),
            );
        }
    }
}
