//! What mutations do: the rules that the recorded answers of the original show.

use super::*;

fn applied(rev: i64) -> Answer {
    Answer::Applied(Revision(rev))
}

fn mismatch(rev: i64) -> Answer {
    Answer::Refused(Revision(rev), Refusal::RevMismatch)
}

fn not_dir(rev: i64) -> Answer {
    Answer::Refused(Revision(rev), Refusal::NotDir)
}

fn is_dir(rev: i64) -> Answer {
    Answer::Refused(Revision(rev), Refusal::IsDir)
}

fn check_found(rig: &Rig, path: &str, expected: &str) {
    let view = rig.store.view();
    let found = match view.tree.lookup(path.as_bytes()) {
        Found::Missing => "missing".to_owned(),
        Found::File { rev, value } => format!("{rev} {}", String::from_utf8_lossy(value)),
        Found::Dir { entries } => format!("dir of {entries}"),
    };
    assert_eq!(found, expected, "{path}");
}

fn check_event(rig: &Rig, rev: i64, kind: EventKind, path_text: &str, value: &str) {
    let all = glob("/**");
    let found = rig.store.history().search(&all, Revision(rev), 1);
    let event = Event {
        rev: Revision(rev),
        kind,
        path: path(path_text),
        value: value.as_bytes().into(),
    };
    assert_eq!(found, Search::Found(event.into()));
}

#[test]
fn a_set_applies_when_the_file_is_not_newer_than_the_revision_it_names() {
    let mut rig = Rig::new();
    assert_eq!(rig.set("/a", 0, "1"), applied(1));
    assert_eq!(rig.set("/a", 0, "2"), mismatch(2));
    assert_eq!(rig.set("/a", 1, "2"), applied(3));
    assert_eq!(rig.set("/a", 1, "3"), mismatch(4));
    assert_eq!(rig.set("/a", 1 << 62, "3"), applied(5));
    assert_eq!(rig.set("/a", i64::MAX, "3"), applied(6));
    assert_eq!(rig.set("/a", -1, "4"), applied(7));
    check_found(&rig, "/a", "7 4");
}

#[test]
fn a_revision_below_clobber_is_a_mismatch_even_for_a_missing_file() {
    let mut rig = Rig::new();
    assert_eq!(rig.set("/neg", -2, "x"), mismatch(1));
    assert_eq!(rig.set("/neg", i64::MIN, "x"), mismatch(2));
    assert_eq!(rig.del("/neg", -2), mismatch(3));
    check_found(&rig, "/neg", "missing");
}

#[test]
fn a_file_in_the_way_comes_first_then_the_revision_then_the_directory() {
    let mut rig = Rig::new();
    rig.set("/d/e/f", 0, "deep");
    assert_eq!(rig.set("/d/e/f/g", -1, "x"), not_dir(2));
    assert_eq!(rig.set("/d/e/f/g", -9, "x"), not_dir(3));
    assert_eq!(rig.set("/d", -3, "x"), mismatch(4));
    assert_eq!(rig.set("/d", -2, "x"), is_dir(5));
    assert_eq!(rig.set("/d/e", -1, "x"), is_dir(6));
    assert_eq!(rig.set("/", -1, "x"), is_dir(7));
    assert_eq!(rig.del("/d", 0), is_dir(8));
    assert_eq!(rig.del("/", -1), is_dir(9));
    assert_eq!(rig.del("/", -3), mismatch(10));
    check_found(&rig, "/d/e/f", "1 deep");
}

#[test]
fn deleting_below_a_file_is_refused_and_the_file_stays() {
    let mut rig = Rig::new();
    rig.set("/f", 0, "kept");
    assert_eq!(rig.del("/f/x", -1), not_dir(2));
    check_found(&rig, "/f", "1 kept");
}

#[test]
fn deleting_what_is_missing_works_and_is_an_event() {
    let mut rig = Rig::new();
    assert_eq!(rig.del("/no/such/dir", -1), applied(1));
    assert_eq!(rig.del("/nope", 0), applied(2));
    check_event(&rig, 1, EventKind::Del, "/no/such/dir", "");
    check_event(&rig, 2, EventKind::Del, "/nope", "");
    check_found(&rig, "/", "dir of 0");
}

#[test]
fn a_deletion_names_a_revision_like_a_set() {
    let mut rig = Rig::new();
    rig.set("/x", 0, "1");
    assert_eq!(rig.del("/x", 0), mismatch(2));
    assert_eq!(rig.del("/x", 1), applied(3));
    check_event(&rig, 3, EventKind::Del, "/x", "");
    check_found(&rig, "/x", "missing");
}

#[test]
fn directories_come_and_go_with_their_files() {
    let mut rig = Rig::new();
    rig.set("/a/b/c/d", 0, "1");
    rig.set("/a/x", 0, "2");
    check_found(&rig, "/a", "dir of 2");
    check_found(&rig, "/a/b", "dir of 1");
    rig.del("/a/b/c/d", -1);
    check_found(&rig, "/a/b", "missing");
    check_found(&rig, "/a", "dir of 1");
    assert_eq!(rig.set("/a/b", 0, "now a file"), applied(4));
    rig.del("/a/b", -1);
    rig.del("/a/x", -1);
    check_found(&rig, "/a", "missing");
    check_found(&rig, "/", "dir of 0");
}

#[test]
fn a_refused_mutation_takes_a_revision_and_is_written_down() {
    let mut rig = Rig::new();
    rig.set("/d/f", 0, "");
    for (mutation, text) in [
        (set("/d/f", 0, "x"), "rev mismatch"),
        (set("/d/f/g", 0, "x"), "not a directory"),
        (set("/d", 0, "x"), "is a directory"),
    ] {
        rig.apply(mutation);
        let rev = rig.store.rev().0;
        check_found(&rig, "/ctl/err", &format!("{rev} {text}"));
        check_event(&rig, rev, EventKind::Set, "/ctl/err", text);
    }
    assert_eq!(rig.store.rev(), Revision(4));
}

#[test]
fn a_nop_takes_a_revision_and_changes_nothing() {
    let mut rig = Rig::new();
    assert_eq!(rig.nop(), applied(1));
    check_event(&rig, 1, EventKind::Nop, "/", "");
    check_found(&rig, "/", "dir of 0");
}

#[test]
fn a_client_s_own_file_or_directory_at_ctl_err_is_not_written_over() {
    let mut rig = Rig::new();
    rig.set("/ctl", 0, "mine");
    assert_eq!(rig.set("/ctl", 0, "x"), mismatch(2));
    check_event(&rig, 2, EventKind::Set, "/ctl/err", "rev mismatch");
    check_found(&rig, "/ctl", "1 mine");
    rig.del("/ctl", -1);
    rig.set("/ctl/err/x", 0, "mine");
    rig.set("/ctl/err/x", 0, "y");
    check_found(&rig, "/ctl/err/x", "4 mine");
    check_found(&rig, "/ctl/err", "dir of 1");
}

#[test]
fn an_invalid_path_is_looked_up_as_missing() {
    let mut rig = Rig::new();
    rig.set("/a/b", 0, "x");
    rig.set("/foo", 0, "x");
    for invalid in [
        "", "a", "foo", "xfoo", "/a/", "//a", "/a//b", "//", "/a_b", "/a/b/", "/\u{e9}",
    ] {
        check_found(&rig, invalid, "missing");
    }
    check_found(&rig, "/a/b/c", "missing");
    check_found(&rig, "/", "dir of 2");
    assert_eq!(rig.store.view().tree.lookup(b"/\xff"), Found::Missing);
}

#[test]
fn the_tree_counts_its_files_and_their_bytes() {
    let mut rig = Rig::new();
    rig.set("/a/b", 0, "12345");
    let one = 4 + 5 + PER_FILE_BYTES + PER_DIRECTORY_BYTES;
    assert_eq!(rig.store.view().tree.bytes(), one);
    rig.set("/a/b", -1, "1");
    assert_eq!(rig.store.view().tree.bytes(), one - 4);
    rig.set("/a/c/d", -1, "");
    let two = one - 4 + 6 + PER_FILE_BYTES + PER_DIRECTORY_BYTES;
    assert_eq!(rig.store.view().tree.bytes(), two);
    assert_eq!(rig.store.view().tree.files(), 2);
    assert_eq!(restored(&rig.store).view().tree.bytes(), two);
    rig.del("/a/b", -1);
    rig.del("/a/c/d", -1);
    assert_eq!(rig.store.view().tree.bytes(), 0);
    assert_eq!(rig.store.view().tree.files(), 0);
}

#[test]
fn a_view_stays_as_it_was() {
    let mut rig = Rig::new();
    rig.set("/a", 0, "1");
    let view = rig.store.view();
    rig.set("/a", -1, "2");
    assert_eq!(view.rev, Revision(1));
    let value: Value = b"1"[..].into();
    let found = Found::File {
        rev: Revision(1),
        value: &value,
    };
    assert_eq!(view.tree.lookup(b"/a"), found);
}

#[test]
fn the_deepest_path_is_stored_restored_and_let_go_of() {
    let mut rig = Rig::new();
    let deepest = "/a".repeat(PATH_NAMES_MAX);
    assert_eq!(rig.set(&deepest, 0, "x"), applied(1));
    check_found(&rig, &deepest, "1 x");
    let copy = restored(&rig.store);
    assert_eq!(copy.view().tree.bytes(), rig.store.view().tree.bytes());
    drop(copy);
    rig.del(&deepest, -1);
    check_found(&rig, "/", "dir of 0");
    // Nothing but the history holds the directories now.
    rig.store.trim(&HistoryLimits {
        revisions: 1,
        bytes: 0,
    });
}

#[test]
fn an_unreadable_command_changes_nothing() {
    let mut rig = Rig::new();
    rig.set("/a", 0, "1");
    let good = Proposal {
        counter: 2,
        mutation: set("/b", 0, "x"),
    };
    let command = encode_batch(NODE, 1, 2, std::iter::once(&good));
    for end in 1..command.len() {
        let cut = command.slice(..end);
        if rig.store.apply(3, &cut).is_err() {
            assert_eq!(rig.store.rev(), Revision(1));
        }
    }
    // A second mutation that makes no sense: the first is not applied either.
    let mut bytes = command.to_vec();
    let at = bytes.windows(2).rposition(|pair| pair == b"/b").unwrap();
    bytes[at + 1] = b'_';
    rig.store.apply(3, &bytes.into()).unwrap_err();
    assert_eq!(rig.store.rev(), Revision(1));
}

#[test]
fn applied_says_which_revisions_it_made() {
    let mut rig = Rig::new();
    let proposals: Vec<Proposal> = (1..=3)
        .map(|counter| Proposal {
            counter,
            mutation: set("/a", 0, "x"),
        })
        .collect();
    let command = encode_batch(NODE, 1, 1, proposals.iter());
    let made = rig.store.apply(5, &command).unwrap();
    let batch = AnsweredBatch {
        is_session_known: true,
        node: Bytes::from_static(NODE),
        session: 1,
        answers: vec![(1, applied(1)), (2, mismatch(2)), (3, mismatch(3))],
    };
    let expected = Applied {
        first: Revision(1),
        last: Revision(3),
        opened: None,
        batch: Some(batch),
    };
    assert_eq!(made, expected);

    let opened = rig
        .store
        .apply(6, &encode_open_session(b"other", 9))
        .unwrap();
    assert_eq!((opened.first, opened.last), (Revision(4), Revision(3)));
}
