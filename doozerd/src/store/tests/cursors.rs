//! Cursors, step by step. (What they list is compared with the naive model.)

use super::*;

fn tree_of(paths: &[&str]) -> Tree {
    let mut rig = Rig::new();
    for path in paths {
        rig.set(path, 0, path);
    }
    rig.store.view().tree
}

fn check_walk(paths: &[&str], pattern: &str, expected: &[&str]) {
    let mut cursor = WalkCursor::new(glob(pattern), &tree_of(paths));
    let mut walked = Vec::new();
    while let Some(item) = cursor.next() {
        assert_eq!(item.value[..], *item.path.as_bytes());
        walked.push(item.path);
    }
    assert_eq!(walked, expected, "{pattern}");
}

const FILES: &[&str] = &[
    "/t/b", "/t/a/x", "/t/a-b", "/t/a.b", "/t/a/y/z", "/t/aa", "/t/B",
];

#[test]
fn a_directory_s_files_come_where_its_name_stands() {
    let all = [
        "/t/B", "/t/a/x", "/t/a/y/z", "/t/a-b", "/t/a.b", "/t/aa", "/t/b",
    ];
    check_walk(FILES, "/t/**", &all);
    check_walk(FILES, "/**", &all);
}

#[test]
fn a_glob_picks_files() {
    check_walk(
        FILES,
        "/t/*",
        &["/t/B", "/t/a-b", "/t/a.b", "/t/aa", "/t/b"],
    );
    check_walk(FILES, "/t/a/**", &["/t/a/x", "/t/a/y/z"]);
    check_walk(FILES, "/t/?", &["/t/B", "/t/b"]);
    check_walk(FILES, "/t/*-*", &["/t/a-b"]);
    check_walk(FILES, "/t/a*", &["/t/a-b", "/t/a.b", "/t/aa"]);
    check_walk(
        FILES,
        "/t/a**",
        &["/t/a/x", "/t/a/y/z", "/t/a-b", "/t/a.b", "/t/aa"],
    );
    check_walk(FILES, "/**/x", &["/t/a/x"]);
}

#[test]
fn a_glob_without_wildcards_is_one_file_or_none() {
    check_walk(FILES, "/t/a-b", &["/t/a-b"]);
    for missing in ["/", "/t", "/t/a", "/t/c", "/t/b/x", "/no/such/dir"] {
        check_walk(FILES, missing, &[]);
    }
}

/// How many entries a whole walk visits.
fn steps(tree: &Tree, pattern: &str) -> u64 {
    let mut cursor = WalkCursor::new(glob(pattern), tree);
    let mut steps = 0;
    while cursor.next_within(1) != WalkStep::End {
        steps += 1;
    }
    steps
}

#[test]
fn what_cannot_match_is_not_visited() {
    let paths: Vec<String> = (0..100).map(|n| format!("/d{}/f{n:02}", n % 10)).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let tree = tree_of(&paths);
    assert_eq!(steps(&tree, "/**"), 10 * (1 + 10 + 1) + 1);
    assert_eq!(steps(&tree, "/d3/f13"), 2);
    assert_eq!(steps(&tree, "/d3/**"), 11);
    assert_eq!(steps(&tree, "/d3/f5*"), 2);
    assert_eq!(steps(&tree, "/d3*/nope"), 1 + 10 + 1 + 1);
    assert_eq!(steps(&tree, "/nope/**"), 0);
    assert_eq!(steps(&tree, "/*"), 11);
}

#[test]
fn a_walk_can_be_cut_into_steps() {
    let tree = tree_of(FILES);
    let mut cursor = WalkCursor::new(glob("/**/z"), &tree);
    let mut more = 0;
    let item = loop {
        match cursor.next_within(2) {
            WalkStep::Item(item) => break item,
            WalkStep::More => more += 1,
            WalkStep::End => panic!("a file matches"),
        }
    };
    assert_eq!(item.path, "/t/a/y/z");
    assert!(more > 0);
    assert_eq!(cursor.next_offset(), 1);

    let mut cursor = WalkCursor::new(glob("/t/**"), &tree);
    let mut passed = 0;
    while passed < 5 {
        passed += cursor.skip(5 - passed, 1);
    }
    assert_eq!(cursor.next().unwrap().path, "/t/aa");
    assert_eq!(cursor.skip(100, 100), 1);
    assert!(cursor.is_over());
}

#[test]
fn a_listing_can_be_skipped_through() {
    let tree = tree_of(FILES);
    let mut cursor = DirCursor::open(&tree, b"/t").unwrap();
    assert_eq!(cursor.skip(2, 1), 1);
    assert_eq!(cursor.skip(1, 9), 1);
    assert_eq!(cursor.next_offset(), 2);
    assert_eq!(cursor.next().unwrap().as_str(), "a-b");
    assert_eq!(cursor.skip(99, 99), 3);
    assert!(cursor.next().is_none());
}

#[test]
fn a_cursor_can_lie_beside_a_connection() {
    fn check<T: Send + Sync + 'static>() {}
    check::<WalkCursor>();
    check::<DirCursor>();
    check::<SnapshotSource>();
    check::<Store>();
    assert!(size_of::<WalkCursor>() <= 96, "{}", size_of::<WalkCursor>());
}
