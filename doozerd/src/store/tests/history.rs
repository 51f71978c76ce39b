//! How much of history is kept.

use super::*;

const ALL: HistoryLimits = HistoryLimits {
    revisions: u64::MAX,
    bytes: u64::MAX,
};

fn with_sets(count: usize) -> Rig {
    let mut rig = Rig::new();
    for _ in 0..count {
        rig.set("/h", -1, &"v".repeat(100));
    }
    rig
}

#[test]
fn an_empty_store_keeps_nothing() {
    let mut store = Store::new();
    store.trim(&HistoryLimits {
        revisions: 0,
        bytes: 0,
    });
    assert_eq!(store.rev(), Revision(0));
    let history = store.history();
    assert_eq!(
        (history.oldest(), history.newest()),
        (Revision(1), Revision(0))
    );
    assert_eq!(history.search(&glob("/**"), Revision(0), 9), Search::End);
    assert_eq!(history.search(&glob("/**"), Revision(7), 9), Search::End);
    assert_eq!(history.any_match(&glob("/**"), Revision(0)), Some(false));
}

#[test]
fn of_revision_n_the_newest_are_kept() {
    let mut rig = with_sets(20);
    rig.store.trim(&HistoryLimits {
        revisions: 5,
        ..ALL
    });
    let history = rig.store.history();
    assert_eq!(history.oldest(), Revision(16));
    assert_eq!(history.view_at(Revision(15)).unwrap_err(), TooLate);
    assert_eq!(history.view_at(Revision(0)).unwrap_err(), TooLate);
    assert_eq!(history.view_at(Revision(16)).unwrap().rev, Revision(16));
    assert_eq!(
        history.search(&glob("/h"), Revision(15), 9),
        Search::TooLate
    );
    assert!(matches!(
        history.search(&glob("/h"), Revision(16), 9),
        Search::Found(event) if event.rev == Revision(16)
    ));
    assert_eq!(history.any_match(&glob("/h"), Revision(14)), None);
    assert_eq!(history.any_match(&glob("/h"), Revision(15)), Some(true));
}

#[test]
fn history_is_bounded_in_bytes_too() {
    let mut rig = with_sets(50);
    let all = rig.store.history().bytes();
    let limits = HistoryLimits {
        bytes: all / 2,
        ..ALL
    };
    rig.store.trim(&limits);
    assert!(rig.store.history().bytes() <= all / 2);
    let oldest = rig.store.history().oldest().0;
    assert!((20..=30).contains(&oldest), "{oldest}");
}

#[test]
fn the_newest_revision_is_kept_whatever_the_limits() {
    let mut rig = with_sets(5);
    rig.store.trim(&HistoryLimits {
        revisions: 0,
        bytes: 0,
    });
    let history = rig.store.history();
    assert_eq!(
        (history.oldest(), history.newest()),
        (Revision(5), Revision(5))
    );
    assert!(history.view_at(Revision(5)).is_ok());
    assert!(matches!(
        history.search(&glob("/h"), Revision(5), 9),
        Search::Found(_)
    ));
    assert_eq!(history.search(&glob("/h"), Revision(6), 9), Search::End);
}

#[test]
fn a_search_goes_on_where_its_steps_ran_out() {
    let mut rig = with_sets(10);
    rig.set("/other", 0, "x");
    let history = rig.store.history();
    let other = glob("/other");
    assert_eq!(
        history.search(&other, Revision(1), 4),
        Search::More(Revision(5))
    );
    assert_eq!(
        history.search(&other, Revision(5), 6),
        Search::More(Revision(11))
    );
    assert!(matches!(
        history.search(&other, Revision(11), 1),
        Search::Found(_)
    ));
    assert_eq!(history.search(&glob("/no"), Revision(8), 4), Search::End);
    assert_eq!(
        history.search(&glob("/no"), Revision(8), 3),
        Search::More(Revision(11))
    );
}

#[test]
fn trimming_and_thinning_give_the_counted_bytes_back() {
    let mut rig = Rig::new();
    rig.store.set_roots_max(4);
    let limits = HistoryLimits {
        revisions: 10,
        ..ALL
    };
    for _ in 0..500 {
        rig.set("/h", -1, "v");
        rig.store.trim(&limits);
    }
    let steady = rig.store.history().bytes();
    for _ in 0..500 {
        rig.set("/h", -1, "v");
        rig.store.trim(&limits);
    }
    let bytes = rig.store.history().bytes();
    assert!(
        bytes <= steady * 2 && steady <= bytes * 2,
        "{steady} {bytes}"
    );
}
