//! Where the original fails and this server must not: one test a row of that table.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use std::time::Duration;

use compat_tests::connection::{Connection, Received};
use compat_tests::server::{STILL, Server};
use compat_tests::wait;
use compat_tests::wire::{Request, Response, error, verb};

const MIB: usize = 1 << 20;

/// The server lives and takes writes.
#[track_caller]
fn check_alive(server: &mut Server) {
    assert!(server.is_running(), "the process has ended");
    server.call(&Request::set("/alive", -1, "yes")).revision();
}

#[track_caller]
fn check_closed(connection: &mut Connection) {
    let received = connection.receive(Duration::from_secs(5)).unwrap();
    assert_eq!(received, Received::Closed);
}

#[test]
fn an_empty_path_is_answered_as_an_invalid_one() {
    let mut server = Server::start(STILL);
    let missing = server.call(&Request::get("/no_such").tag(1));
    assert_eq!(missing.order, [1, 3, 6]);
    assert_eq!(server.call(&Request::get("").tag(1)), missing);
    let noent = server.call(&Request::getdir("", 0));
    assert_eq!(noent.err_code, Some(error::NOENT));
    check_alive(&mut server);
}

#[test]
fn a_frame_of_negative_length_closes_that_connection_with_a_line_in_the_log() {
    let mut server = Server::start(STILL);
    let lines = server.log().lines().count();
    let (mut bad, mut other) = (server.connect(), server.connect());
    bad.send_bytes(&(-1_i32).to_be_bytes()).unwrap();
    check_closed(&mut bad);
    wait::until("a line is logged", Duration::from_secs(5), || {
        server.log().lines().count() > lines
    });
    other.call(&Request::new(verb::REV)).revision();
    check_alive(&mut server);
}

#[test]
fn a_frame_header_of_two_gigabytes_closes_the_connection_and_takes_no_memory() {
    let mut server = Server::start(STILL);
    let before = server.rss_bytes();
    let mut connections: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for connection in &mut connections {
        connection.send_bytes(&i32::MAX.to_be_bytes()).unwrap();
    }
    for connection in &mut connections {
        check_closed(connection);
    }
    let grown = server.rss_bytes().saturating_sub(before);
    assert!(grown < 64 * MIB as u64, "grown by {grown} bytes");
    check_alive(&mut server);
}

#[test]
fn a_path_without_a_leading_slash_is_invalid() {
    let server = Server::start(STILL);
    server.call(&Request::set("/foo", 0, "v")).revision();
    for path in ["xfoo", "foo"] {
        let got = server.call(&Request::get(path));
        assert_eq!(
            (got.rev, got.value.as_deref()),
            (Some(0), Some(&b""[..])),
            "{path}"
        );
    }
    assert_eq!(
        server.call(&Request::getdir("xctl", 0)).err_code,
        Some(error::NOENT)
    );
}

#[test]
fn a_delete_below_a_file_is_refused_and_loses_nothing() {
    let server = Server::start(STILL);
    let rev = server.call(&Request::set("/f", 0, "kept")).revision();
    let refused = server.call(&Request::del("/f/x", -1));
    assert_eq!(refused.err_code, Some(error::NOTDIR));
    let got = server.call(&Request::get("/f"));
    assert_eq!((got.rev, got.value_text()), (Some(rev), "kept".to_owned()));
    let err = server.call(&Request::get("/ctl/err"));
    assert_eq!(
        (err.rev, err.value_text()),
        (Some(rev + 1), "not a directory".to_owned())
    );
}

#[test]
fn values_up_to_one_mebibyte_are_stored() {
    let server = Server::start(STILL);
    for size in [2_999, 3_000, 3_001, 65_536, MIB - 1, MIB] {
        let value: Vec<_> = (0..=255).cycle().take(size).collect();
        let rev = server.call(&Request::set("/big", -1, &value)).revision();
        let got = server.call(&Request::get("/big"));
        assert!(
            got.value.as_deref() == Some(&value),
            "{size} bytes came back otherwise"
        );
        assert_eq!(got.rev, Some(rev));
    }
}

#[test]
fn a_value_over_the_limit_is_refused_and_the_connection_stays() {
    let server = Server::start(STILL);
    let mut connection = server.connect();
    let refused = connection.call(&Request::set("/big", -1, vec![7; MIB + 1]).tag(5));
    assert_eq!(
        (refused.tag, refused.err_code),
        (Some(5), Some(error::OTHER))
    );
    let detail = refused.detail();
    assert!(
        detail.contains("1048576") || detail.contains("limit"),
        "unclear: {detail}"
    );
    assert_eq!(connection.call(&Request::get("/big")).rev, Some(0));
    connection
        .call(&Request::set("/big", -1, "small"))
        .revision();
}

/// Answers about every kept revision, and about the present.
fn answers(server: &Server, newest: i64) -> Vec<Response> {
    let mut connection = server.connect();
    let mut asked = Vec::new();
    for rev in 1..=newest {
        for request in [
            Request::wait("/**", rev),
            Request::wait("/r/?", rev),
            Request::get("/r/a").rev(rev),
            Request::stat("/r").rev(rev),
            Request::walk("/r/**", 0).rev(rev),
            Request::getdir("/ctl", 1).rev(rev),
        ] {
            asked.push(request);
        }
    }
    asked.extend([
        Request::get("/r/a"),
        Request::get("/r/b"),
        Request::new(verb::SELF),
    ]);
    asked
        .iter()
        .map(|request| connection.call(request))
        .collect()
}

#[track_caller]
fn check_restart(end: impl FnOnce(&mut Server)) {
    let mut server = Server::start(STILL);
    for request in [
        Request::set("/r/a", 0, "1"),
        Request::set("/r/b", 0, "2"),
        Request::set("/r/a", 0, "refused"),
        Request::del("/r/b", -1),
        Request::new(verb::NOP),
        Request::set("/r/a", -1, [0, 255, 10]),
        Request::set("/r/deep/er", -1, vec![b'x'; 100_000]),
        Request::set("/r/z", -1, ""),
    ] {
        server.call(&request);
    }
    let newest = server.call(&Request::new(verb::REV)).revision();
    let before = answers(&server, newest);
    end(&mut server);
    server.start_again();
    assert!(server.call(&Request::new(verb::REV)).revision() >= newest);
    let after = answers(&server, newest);
    for (index, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before, after, "answer {index}");
    }
}

#[test]
fn data_and_history_are_the_same_after_a_stop() {
    check_restart(|server| assert_eq!(server.stop().code(), Some(0)));
}

#[test]
fn data_and_history_are_the_same_after_a_kill() {
    check_restart(Server::kill9);
}

#[test]
fn history_is_trimmed_to_the_same_revisions_after_a_restart() {
    let mut server = Server::start(&["-pulse", "1000000", "-hist", "50"]);
    let mut connection = server.connect();
    for number in 0..200 {
        connection
            .call(&Request::set("/h", -1, number.to_string()))
            .revision();
    }
    let newest = connection.call(&Request::new(verb::REV)).revision();
    let oldest = newest - 49;
    let trimmed = |server: &Server| {
        let code = server.call(&Request::get("/h").rev(oldest - 1)).err_code;
        code == Some(error::TOO_LATE)
    };
    wait::until("history is trimmed", Duration::from_secs(5), || {
        trimmed(&server)
    });
    let kept = server.call(&Request::get("/h").rev(oldest));
    assert_eq!(kept.rev, Some(oldest));
    drop(connection);
    server.kill9();
    server.start_again();
    wait::until("it is trimmed again", Duration::from_secs(5), || {
        trimmed(&server)
    });
    assert_eq!(server.call(&Request::get("/h").rev(oldest)), kept);
}

#[test]
fn nothing_is_logged_while_nothing_changes_nor_for_a_request() {
    let server = Server::start(&["-pulse", "1"]);
    wait::pause(Duration::from_secs(2));
    let before = server.log();
    let mut connection = server.connect();
    for number in 0..500 {
        connection.call(&Request::set("/q", -1, number.to_string()));
        connection.call(&Request::set("/q", 0, "refused"));
        connection.call(&Request::get("/q"));
        connection.call(&Request::new(99_999));
    }
    wait::pause(Duration::from_secs(3));
    let logged = server.log();
    assert_eq!(logged.strip_prefix(&before), Some(""), "logged meanwhile");
    assert!(before.lines().count() < 30, "{before}");
}
