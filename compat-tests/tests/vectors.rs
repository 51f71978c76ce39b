//! Every recorded answer of the original, asked of a server started as the original was.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use std::process::Command;

use compat_tests::replay;
use compat_tests::script;
use compat_tests::server::{Launch, STILL, Server};

#[track_caller]
fn check(name: &str) {
    let script = script::all()
        .into_iter()
        .find(|script| script.name == name)
        .unwrap();
    let flags: Vec<_> = script.flags.iter().map(String::as_str).collect();
    let launch = script
        .env
        .iter()
        .fold(Launch::new(&flags), |launch, (name, value)| {
            launch.env(name, value)
        });
    let server = launch.start();
    let outcome = replay::play(&script, server.addr()).unwrap();
    let differences: Vec<_> = outcome
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        outcome.compared,
        differences.join("\n")
    );
}

#[test]
fn access_with_both_secrets() {
    check("access_both");
}

#[test]
fn access_with_one_secret_for_both() {
    check("access_ro");
}

#[test]
fn access_with_a_write_secret_alone() {
    check("access_rw");
}

#[test]
fn del() {
    check("del");
}

#[test]
fn getdir() {
    check("getdir");
}

#[test]
fn history() {
    check("history");
}

#[test]
fn tags_verbs_and_unreadable_messages() {
    check("misc");
}

#[test]
fn paths_and_globs() {
    check("paths");
}

#[test]
fn set_and_get() {
    check("set_get");
}

#[test]
fn stat() {
    check("stat");
}

#[test]
fn wait() {
    check("wait");
}

#[test]
fn walk() {
    check("walk");
}

#[track_caller]
fn check_replay(server: &Server, arguments: &[&str], says: &str) {
    let (success, report) = replay(server, arguments);
    assert!(success, "{report}");
    assert!(report.contains(says), "{report}");
    assert!(!report.contains("-pulse 1000000:"), "{report}");
}

/// Whether all answers were as recorded, and what was printed.
fn replay(server: &Server, arguments: &[&str]) -> (bool, String) {
    let mut replay = Command::new(env!("CARGO_BIN_EXE_replay"));
    let output = replay
        .args(["--target", server.addr()])
        .args(arguments)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), report)
}

#[test]
fn a_server_whose_pulse_takes_revisions_is_told_how_to_be_started() {
    let server = Server::start(&["-pulse", ".002"]);
    let (success, report) = replay(&server, &["--script", "set_get"]);
    assert!(!success, "{report}");
    assert!(report.contains("-pulse 1000000:"), "{report}");
}

#[test]
fn the_scripts_can_follow_one_another_on_a_server_that_runs() {
    let server = Server::start(STILL);
    check_replay(&server, &[], " answers as recorded, 0 not");
    check_replay(&server, &[], "4 scripts left out");
}

#[test]
fn a_script_can_be_played_by_name_to_a_server_started_for_it() {
    let launch = Launch::new(STILL).env("DOOZER_RWSECRET", "w");
    let server = launch.start();
    check_replay(
        &server,
        &["--script", "access_rw"],
        "48 answers as recorded, 0 not",
    );
}
