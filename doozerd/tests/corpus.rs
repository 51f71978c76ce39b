//! What fuzzing has kept, once more: every input of the corpus goes through its target's checks.

#[path = "../../fuzz/src/lib.rs"]
pub mod checks;

use std::fs;
use std::path::Path;

fn check(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let inputs: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of the corpus").path())
        .collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for input in inputs {
        let bytes = fs::read(&input).expect("an input of the corpus");
        let outcome = std::panic::catch_unwind(|| run(&bytes));
        assert!(outcome.is_ok(), "the input is {}", input.display());
    }
}

#[test]
fn frames_are_the_same_however_they_arrive() {
    check("frame", checks::frame);
}

#[test]
fn messages_read_back() {
    check("message", checks::message);
}

#[test]
fn globs_match_as_a_plain_matcher_says() {
    check("glob", checks::glob);
}

#[test]
fn commands_do_the_same_to_every_store() {
    check("command", checks::command);
}

#[test]
fn frames_of_a_snapshot_are_refused_or_a_store() {
    check("snapshot", checks::snapshot);
}

#[test]
fn entries_of_the_log_are_refused_or_read_back() {
    check("log", checks::log);
}
