//! Random mutations: the store is what the naive model is, at every revision it keeps.

use proptest::prelude::*;
use proptest::sample::select;

use super::model::{Model, check_tree};
use super::*;

const PATHS: &[&str] = &[
    "/",
    "/a",
    "/a/a",
    "/a/b",
    "/a/a/a",
    "/a/a/b",
    "/a-b",
    "/a-b/x",
    "/B",
    "/aa",
    "/b/c/d/e",
    "/b/c/d",
    "/a-name-of-many-bytes",
    "/a-name-of-many-bytes/x",
    "/ctl",
    "/ctl/err",
    "/ctl/err/x",
    "/nope",
];

const GLOBS: &[&str] = &[
    "/**", "/*", "/", "/a", "/a*", "/a/**", "/a**", "/*/*", "/?", "/**/a", "/a/?/*", "/b/c/d",
    "/b/c/**", "/nope/*", "/a-*", "/*-*/x", "/***",
];

#[derive(Debug, Clone)]
enum Step {
    Mutate {
        kind: u8,
        path: &'static str,
        rev: RevChoice,
        value: u8,
    },
    Trim {
        revisions: u64,
        bytes: u64,
    },
    Restore,
}

#[derive(Debug, Clone, Copy)]
enum RevChoice {
    Plain(i64),
    Newest,
    JustBefore,
}

fn step() -> impl Strategy<Value = Step> {
    let rev = prop_oneof![
        4 => Just(RevChoice::Plain(-1)),
        2 => select(vec![0, -2, -3, 1 << 62, i64::MAX]).prop_map(RevChoice::Plain),
        2 => Just(RevChoice::Newest),
        1 => Just(RevChoice::JustBefore),
    ];
    let mutate = (0..10_u8, select(PATHS), rev, any::<u8>());
    prop_oneof![
        30 => mutate.prop_map(|(kind, path, rev, value)| Step::Mutate { kind, path, rev, value }),
        1 => (0..30_u64, 2000..100_000_u64)
            .prop_map(|(revisions, bytes)| Step::Trim { revisions, bytes }),
        1 => Just(Step::Restore),
    ]
}

fn mutation(kind: u8, path: &str, rev: i64, value: u8) -> Mutation {
    match kind {
        0 => Mutation::Nop,
        1..=3 => del(path, rev),
        _ => set(path, rev, &"v".repeat(usize::from(value) % 20)),
    }
}

fn run(steps: Vec<Step>, roots_max: usize) -> (Store, Model) {
    let mut rig = Rig::new();
    rig.store.set_roots_max(roots_max);
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Mutate {
                kind,
                path,
                rev,
                value,
            } => {
                let rev = match rev {
                    RevChoice::Plain(rev) => rev,
                    RevChoice::Newest => rig.store.rev().0,
                    RevChoice::JustBefore => rig.store.rev().0 - 1,
                };
                let mutation = mutation(kind, path, rev, value);
                let expected = model.apply(&mutation);
                assert_eq!(rig.apply(mutation), expected);
            }
            Step::Trim { revisions, bytes } => {
                let limits = HistoryLimits { revisions, bytes };
                rig.store.trim(&limits);
                let kept = rig.store.rev().0 - rig.store.history().oldest().0 + 1;
                assert!(kept <= 1 || kept.unsigned_abs() <= revisions);
                assert!(kept <= 1 || rig.store.history().bytes() <= bytes);
            }
            Step::Restore => {
                rig.store = restored(&rig.store);
                rig.store.set_roots_max(roots_max);
            }
        }
    }
    (rig.store, model)
}

fn check_all(store: &Store, model: &Model) {
    let history = store.history();
    assert_eq!(store.rev().0.unsigned_abs(), model.revs.len() as u64);
    assert_eq!(history.newest(), store.rev());
    for rev in -1..=store.rev().0 {
        let view = history.view_at(Revision(rev));
        if rev.max(1) < history.oldest().0 {
            assert_eq!(view.unwrap_err(), TooLate);
        } else if store.rev().0 > 0 {
            let view = view.unwrap();
            assert_eq!(view.rev.0, rev.max(1));
            check_tree(&view.tree, model.files_at(rev.max(1)), PATHS, GLOBS);
        }
    }
    for pattern in GLOBS {
        check_searches(store, model, &glob(pattern));
    }
}

fn check_searches(store: &Store, model: &Model, glob: &Glob) {
    let history = store.history();
    for from in -1..=store.rev().0 + 1 {
        let mut events = model.revs.iter().map(|(event, _)| event);
        let found = events.find(|event| event.rev.0 >= from && glob.matches(event.path.as_str()));
        let expected = match found {
            _ if from.max(1) < history.oldest().0 => Search::TooLate,
            Some(event) => Search::Found(event.clone().into()),
            None => Search::End,
        };
        assert_eq!(history.search(glob, Revision(from), usize::MAX), expected);
        assert_eq!(search_in_steps(history, glob, from), expected);

        let any = match &expected {
            Search::TooLate => None,
            search => Some(matches!(search, Search::Found(_))),
        };
        if from >= 1 {
            assert_eq!(history.any_match(glob, Revision(from - 1)), any);
        }
    }
}

fn search_in_steps(history: &History, glob: &Glob, from: i64) -> Search {
    let mut from = Revision(from);
    loop {
        match history.search(glob, from, 3) {
            Search::More(next) => from = next,
            done => return done,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_store_is_what_the_model_is_at_every_revision_it_keeps(
        steps in proptest::collection::vec(step(), 0..80),
        roots_max in select(vec![2, 3, 8, 10_000]),
    ) {
        let (store, model) = run(steps, roots_max);
        check_all(&store, &model);
        let copy = restored(&store);
        prop_assert_eq!(copy.history().oldest(), store.history().oldest());
        prop_assert_eq!(copy.view().tree.bytes(), store.view().tree.bytes());
        check_all(&copy, &model);
        let frames: Vec<Vec<u8>> = store.snapshot().collect();
        prop_assert_eq!(copy.snapshot().collect::<Vec<_>>(), frames);
    }
}

#[test]
fn many_revisions_are_kept_with_few_trees() {
    let steps = (0..400_u32).map(|step| Step::Mutate {
        kind: (step % 7) as u8 + 1,
        path: PATHS[step as usize % PATHS.len()],
        rev: RevChoice::Plain(-1),
        value: (step % 251) as u8,
    });
    let (mut store, model) = run(steps.collect(), 8);
    check_all(&store, &model);
    for revisions in [399, 300, 123, 17, 2, 1, 0] {
        store.trim(&HistoryLimits {
            revisions,
            bytes: u64::MAX,
        });
        check_all(&store, &model);
    }
    assert_eq!(store.history().oldest(), Revision(400));
}
