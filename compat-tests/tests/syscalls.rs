//! What the system is asked for, seen through strace.

use std::path::Path;

use compat_tests::server::{STILL, Server};
use compat_tests::strace::{Strace, syncs_of_a_start};
use compat_tests::wire::Request;

/// The calls while `requests` are answered one after another, after a first one.
fn calls_during(requests: &[Request]) -> Vec<String> {
    let server = Server::start(STILL);
    let mut connection = server.connect();
    connection.call(&Request::set("/first", -1, "v")).revision();
    let strace = Strace::attach(&server);
    for request in requests {
        assert_eq!(connection.call(request).err_code, None, "{request:?}");
    }
    strace.finish()
}

fn position(calls: &[String], what: &str, matches: impl Fn(&str) -> bool) -> usize {
    let found = calls.iter().position(|call| matches(call));
    found.unwrap_or_else(|| panic!("no {what} in\n{}", calls.join("\n")))
}

fn is_receive(call: &str) -> bool {
    [
        "read(",
        "readv(",
        "recvfrom(",
        "recvmsg(",
        "read resumed",
        "recvfrom resumed",
    ]
    .iter()
    .any(|name| call.contains(name))
}

fn is_send(call: &str) -> bool {
    ["write(", "writev(", "sendto(", "sendmsg("]
        .iter()
        .any(|name| call.contains(name))
}

fn is_sync(call: &str) -> bool {
    let name = call.contains("fsync") || call.contains("fdatasync");
    name && call.trim_end().ends_with("= 0")
}

#[test]
fn a_set_is_synced_between_its_arrival_and_its_answer() {
    let tag = 0x0abc_def1;
    // As the answer's tag stands on the wire, and as strace shows it.
    let answer_tag = r"\10\361\275\363U";
    let calls = calls_during(&[Request::set("/synced", -1, "the-value-to-be-found").tag(tag)]);
    let arrival = position(&calls, "arrival", |call| {
        is_receive(call) && call.contains("the-value-to-be-found")
    });
    let answer = position(&calls, "answer", |call| {
        is_send(call) && call.contains(answer_tag)
    });
    let between = &calls[arrival + 1..answer];
    assert!(
        between.iter().any(|call| is_sync(call)),
        "no sync in\n{}",
        between.join("\n")
    );
}

#[test]
fn every_set_of_a_sequence_is_synced_by_itself() {
    let sets: Vec<_> = (0..20)
        .map(|number| Request::set(&format!("/s/{number}"), -1, "v"))
        .collect();
    let calls = calls_during(&sets);
    let syncs = calls.iter().filter(|call| is_sync(call)).count();
    println!("{syncs} syncs for 20 SETs, one after another");
    assert!(syncs >= 20, "{syncs} syncs:\n{}", calls.join("\n"));
}

#[test]
fn header_and_body_leave_in_one_write_and_a_get_syncs_nothing() {
    let gets: Vec<_> = (0..20).map(|tag| Request::get("/first").tag(tag)).collect();
    let calls = calls_during(&gets);
    let begins_with_header = |call: &&String| is_send(call) && call.contains(r#""\0\0\0\7\10"#);
    assert_eq!(
        calls.iter().filter(begins_with_header).count(),
        20,
        "{}",
        calls.join("\n")
    );
    assert!(
        !calls.iter().any(|call| is_sync(call)),
        "{}",
        calls.join("\n")
    );
}

/// A server on the folder `data` makes its name durable in the folder above.
#[track_caller]
fn check_name_synced(above: &Path, data: &Path) {
    let calls = syncs_of_a_start(data);
    let of_above = format!("<{}>", above.display());
    assert!(
        calls
            .iter()
            .any(|call| is_sync(call) && call.contains(&of_above)),
        "no sync of {} in\n{}",
        above.display(),
        calls.join("\n")
    );
}

#[test]
fn the_data_folder_is_synced_into_the_one_above_whoever_made_it() {
    let above = tempfile::tempdir().unwrap();
    let data = above.path().join("data");
    check_name_synced(above.path(), &data);
    // Somebody else's, who may not have synced it.
    let stands = above.path().join("stands");
    std::fs::create_dir(&stands).unwrap();
    check_name_synced(above.path(), &stands);
}
