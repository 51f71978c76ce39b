//! What a new cluster of one node writes below /ctl, and what it does not let others write there.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use compat_tests::server::{Launch, STILL, Server, free_addr};
use compat_tests::wire::{Request, Response, error, verb};

/// `PATH=VALUE` of the first `count` revisions of a server.
fn first_events(server: &Server, count: i64) -> Vec<String> {
    let mut connection = server.connect();
    let event = |rev| connection.call(&Request::wait("/**", rev));
    let show = |(rev, event): (i64, Response)| {
        assert_eq!((event.rev, event.flags), (Some(rev), Some(4)), "{event:?}");
        format!("{}={}", event.path_text(), event.value_text())
    };
    (1..=count).zip((1..=count).map(event)).map(show).collect()
}

fn id_of(server: &Server) -> String {
    server.call(&Request::new(verb::SELF)).value_text()
}

#[track_caller]
fn check_founding(flags: &[&str], name: &str) {
    let server = Launch::new(STILL).flags(flags).start();
    let (id, addr) = (id_of(&server), server.addr());
    let events = first_events(&server, 6);
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(events[0], format!("/ctl/name={name}"));
    assert_eq!(events[1], format!("/ctl/node/{id}/addr={addr}"));
    assert_eq!(
        events[2],
        format!("/ctl/node/{id}/hostname={}", hostname.trim())
    );
    let version = events[3]
        .strip_prefix(&format!("/ctl/node/{id}/version="))
        .unwrap();
    assert!(!version.is_empty(), "{}", events[3]);
    assert_eq!(events[4], format!("/ctl/cal/0={id}"));
    assert_eq!(events[5], format!("/ctl/ns/{name}/{id}={addr}"));
    let writable = server.call(&Request::wait("/ctl/node/*/writable", 7));
    assert_eq!(writable.path_text(), format!("/ctl/node/{id}/writable"));
    assert_eq!(writable.value_text(), "true");
}

#[test]
fn a_new_cluster_writes_its_first_six_revisions_as_the_original() {
    check_founding(&[], "local");
}

#[test]
fn a_cluster_has_the_name_it_was_given() {
    check_founding(&["-c", "example"], "example");
}

/// What is told of a server that listens at HOST and a free port, as another HOST and that port.
#[track_caller]
fn check_told(listen: &str, told: &str) {
    let port = free_addr().rsplit_once(':').unwrap().1.to_owned();
    let launch = Launch::new(STILL).addr(&format!("{listen}:{port}"));
    let server = launch.start();
    let id = id_of(&server);
    for path in [
        format!("/ctl/node/{id}/addr"),
        format!("/ctl/ns/local/{id}"),
    ] {
        let addr = server.call(&Request::get(&path)).value_text();
        assert_eq!(addr, format!("{told}:{port}"), "{path} of {listen}");
    }
}

#[test]
fn the_address_is_told_as_it_was_resolved() {
    check_told("localhost", "127.0.0.1");
    check_told("127.0.0.1", "127.0.0.1");
    check_told("0.0.0.0", "0.0.0.0");
}

#[test]
fn a_nodes_id_is_80_bits_in_base32_and_differs_by_node() {
    let (one, other) = (Server::start(STILL), Server::start(STILL));
    let (one, other) = (id_of(&one), id_of(&other));
    assert_ne!(one, other);
    for id in [one, other] {
        let in_base32 = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
        assert!(id.len() == 16 && id.bytes().all(in_base32), "{id}");
    }
}

#[test]
fn an_address_found_by_walking_the_nodes_can_be_dialed() {
    let server = Server::start(STILL);
    let found = server.call(&Request::walk("/ctl/node/*/addr", 0));
    assert_eq!(found.value_text(), server.addr());
}

#[test]
fn a_slot_takes_no_id_that_is_no_nodes() {
    let server = Server::start(STILL);
    let before = server.call(&Request::new(verb::REV));
    let answer = server.call(&Request::set("/ctl/cal/1", -1, "NOSUCHNODE234567"));
    assert_eq!(answer.err_code, Some(error::OTHER), "{answer:?}");
    assert!(!answer.detail().is_empty());
    assert_eq!(
        server.call(&Request::new(verb::REV)),
        before,
        "no revision was taken"
    );
    server.call(&Request::set("/x", -1, "still")).revision();
}

#[test]
fn an_empty_slot_and_files_of_clients_below_ctl_are_taken() {
    let server = Server::start(STILL);
    for path in ["/ctl/cal/1", "/ctl/persistence/a"] {
        let rev = server.call(&Request::set(path, 0, "")).revision();
        assert_eq!(server.call(&Request::get(path)).rev, Some(rev), "{path}");
    }
}

#[test]
fn an_idle_node_writes_no_revisions() {
    let server = Server::start(&["-pulse", "1"]);
    server.call(&Request::set("/x", -1, "v")).revision();
    let settle = std::time::Duration::from_millis(2500);
    compat_tests::wait::pause(settle);
    let before = server.call(&Request::new(verb::REV)).revision();
    compat_tests::wait::pause(settle);
    assert_eq!(server.call(&Request::new(verb::REV)).revision(), before);
}
