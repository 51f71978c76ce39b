//! The watch index, against looking at every waiter.

use proptest::prelude::*;

use super::*;

fn event(rev: i64, path_text: &str) -> Event {
    Event {
        rev: Revision(rev),
        kind: EventKind::Set,
        path: path(path_text),
        value: Value::default(),
    }
}

fn taken(index: &mut WatchIndex<u32>, event: &Event) -> Vec<u32> {
    let mut out = Vec::new();
    index.take_matching(event, &mut out);
    out.sort_unstable();
    out
}

#[test]
fn a_waiter_is_answered_once() {
    let mut index = WatchIndex::new();
    index.insert(glob("/a/*"), Revision(1), 1);
    index.insert(glob("/a/b"), Revision(1), 2);
    index.insert(glob("/b/*"), Revision(1), 3);
    assert_eq!(taken(&mut index, &event(5, "/a/b")), [1, 2]);
    assert_eq!(taken(&mut index, &event(6, "/a/b")), [0; 0]);
    assert_eq!(index.len(), 1);
}

#[test]
fn a_waiter_for_a_later_revision_stays() {
    let mut index = WatchIndex::new();
    index.insert(glob("/a/*"), Revision(7), 1);
    index.insert(glob("/a/*"), Revision(5), 2);
    index.insert(glob("/a/*"), Revision(6), 3);
    assert_eq!(taken(&mut index, &event(5, "/a/b")), [2]);
    assert_eq!(taken(&mut index, &event(6, "/a/b")), [3]);
    assert_eq!(taken(&mut index, &event(8, "/a/b")), [1]);
}

#[test]
fn a_nop_is_seen_at_the_root() {
    let mut index = WatchIndex::new();
    for (waiter, pattern) in ["/**", "/*", "/***", "/", "/?", "/a"].iter().enumerate() {
        index.insert(glob(pattern), Revision(1), u32::try_from(waiter).unwrap());
    }
    assert_eq!(taken(&mut index, &event(1, "/")), [0, 1, 2, 3]);
}

#[test]
fn a_waiter_is_removed_once_and_its_id_is_not_used_again() {
    let mut index = WatchIndex::new();
    let first = index.insert(glob("/a"), Revision(1), 1);
    assert_eq!(index.remove(first), Some(1));
    assert_eq!(index.remove(first), None);
    let second = index.insert(glob("/a"), Revision(1), 2);
    assert_eq!(index.remove(first), None);
    assert_eq!(index.remove(second), Some(2));
    assert!(index.is_empty());
    assert_eq!(taken(&mut index, &event(1, "/a")), [0; 0]);
}

#[test]
fn waiters_with_like_beginnings_are_all_found() {
    let mut index = WatchIndex::new();
    let patterns = [
        "/**", "/a*", "/a-*", "/a/*", "/a/b*", "/a/b/**", "/a/b/c?", "/a/b/cd*", "/a/bb*", "/a/c*",
        "/a/b/c*d", "/a/b/c**",
    ];
    for (waiter, pattern) in patterns.iter().enumerate() {
        index.insert(glob(pattern), Revision(1), u32::try_from(waiter).unwrap());
    }
    let expected: Vec<u32> = (0..)
        .zip(patterns)
        .filter(|(_, pattern)| glob(pattern).matches("/a/b/cd"))
        .map(|(waiter, _)| waiter)
        .collect();
    assert_eq!(taken(&mut index, &event(1, "/a/b/cd")), expected);
}

#[derive(Debug, Clone)]
enum Step {
    Insert(String, i64),
    Remove(usize),
    Event(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => ("(/[ab*?-]{1,3}){1,3}|/", 0..60_i64).prop_map(|(glob, from)| Step::Insert(glob, from)),
        1 => any::<usize>().prop_map(Step::Remove),
        2 => "(/[ab-]{1,3}){1,3}|/".prop_map(Step::Event),
    ]
}

proptest! {
    #[test]
    fn an_event_answers_those_whom_it_concerns(steps in proptest::collection::vec(step(), 0..100)) {
        let mut index = WatchIndex::new();
        let mut waiting: Vec<(WaitId, Glob, i64, u32)> = Vec::new();
        for (number, step) in (0_u32..).zip(steps) {
            match step {
                Step::Insert(pattern, from) => {
                    let pattern = glob(&pattern);
                    let id = index.insert(pattern.clone(), Revision(from), number);
                    waiting.push((id, pattern, from, number));
                }
                Step::Remove(which) if !waiting.is_empty() => {
                    let (id, _, _, waiter) = waiting.swap_remove(which % waiting.len());
                    prop_assert_eq!(index.remove(id), Some(waiter));
                    prop_assert_eq!(index.remove(id), None);
                }
                Step::Remove(_) => {}
                Step::Event(path) => {
                    let rev = i64::from(number);
                    let concerns = |glob: &Glob, from: i64| from <= rev && glob.matches(&path);
                    let mut expected: Vec<u32> = waiting
                        .iter()
                        .filter(|(_, glob, from, _)| concerns(glob, *from))
                        .map(|(.., waiter)| *waiter)
                        .collect();
                    expected.sort_unstable();
                    waiting.retain(|(_, glob, from, _)| !concerns(glob, *from));
                    prop_assert_eq!(taken(&mut index, &event(rev, &path)), expected);
                }
            }
            prop_assert_eq!(index.len(), waiting.len());
        }
    }
}
