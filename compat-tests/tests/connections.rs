//! What clients do with a connection: pipelines, halves of frames, half-closes, equal tags.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;

use compat_tests::connection::{Connection, Received};
use compat_tests::server::{STILL, Server};
use compat_tests::wait;
use compat_tests::wire::{Request, error, frame, verb};

fn rev() -> Request {
    Request::new(verb::REV)
}

#[test]
fn header_and_body_come_in_one_read() {
    let server = Server::start(STILL);
    server.call(&Request::set("/x", -1, "value")).revision();
    let mut connection = server.connect();
    for tag in 0..300 {
        connection.send(&Request::get("/x").tag(tag)).unwrap();
        let mut buffer = [0; 4096];
        let count = connection.stream().read(&mut buffer).unwrap();
        let length = u32::from_be_bytes(buffer[..4].try_into().unwrap());
        assert_eq!(count, 4 + length as usize, "of answer {tag}");
    }
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let server = Server::start(STILL);
    let mut connection = server.connect();
    let frames = [
        Request::set("/x", -1, "v").tag(1).frame(),
        rev().tag(2).frame(),
    ]
    .concat();
    for byte in frames {
        connection.send_bytes(&[byte]).unwrap();
    }
    let mut tags = [(); 2].map(|()| connection.response().unwrap().tag);
    tags.sort();
    assert_eq!(tags, [Some(1), Some(2)]);
}

#[test]
fn a_request_with_an_unreadable_field_is_read_without_it() {
    let server = Server::start(STILL);
    let base = server.call(&rev()).revision();
    // A tag of the wrong wire type, then the verb; a tag twice; fields of 4 and 8 bytes.
    for (message, tag) in [
        (&b"\x0a\x01\x07\x10\x05"[..], None),
        (b"\x08\x03\x08\x04\x10\x05", Some(4)),
        (
            b"\x08\x06\x3d\x01\x02\x03\x04\x49\x01\x02\x03\x04\x05\x06\x07\x08\x10\x05",
            Some(6),
        ),
    ] {
        let mut connection = server.connect();
        connection.send_bytes(&frame(message)).unwrap();
        let answer = connection.response().unwrap();
        assert_eq!((answer.tag, answer.rev), (tag, Some(base)), "{message:x?}");
    }
}

#[test]
fn a_message_that_cannot_be_parsed_closes_its_connection_alone() {
    let server = Server::start(STILL);
    let mut other = server.connect();
    for message in [
        &b"\x08"[..],
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x22\x7f",
    ] {
        let mut connection = server.connect();
        connection.call(&rev()).revision();
        connection.send_bytes(&frame(message)).unwrap();
        let end = connection.receive(Duration::from_secs(5)).unwrap();
        assert_eq!(end, Received::Closed, "{message:x?}");
        other.call(&rev()).revision();
    }
}

#[test]
fn what_was_sent_before_a_half_close_is_applied_and_the_server_closes() {
    let server = Server::start(STILL);
    let mut connection = server.connect();
    for number in 0..100 {
        let request = Request::set(&format!("/half/{number}"), 0, "v").tag(number);
        connection.send(&request).unwrap();
    }
    connection.half_close().unwrap();
    wait::until("all are applied", Duration::from_secs(10), || {
        server.call(&Request::stat("/half")).len == Some(100)
    });
    await_close(&mut connection);
}

fn await_close(connection: &mut Connection) {
    while let Received::Response(_) = connection.receive(Duration::from_secs(10)).unwrap() {}
    assert_eq!(
        connection.receive(Duration::from_secs(10)).unwrap(),
        Received::Closed
    );
}

#[test]
fn a_half_close_ends_a_connection_that_waits() {
    let server = Server::start(STILL);
    let mut connection = server.connect();
    connection.send(&Request::wait("/never", 1).tag(1)).unwrap();
    connection.half_close().unwrap();
    await_close(&mut connection);
}

#[test]
fn two_outstanding_requests_with_one_tag_are_both_answered() {
    let server = Server::start(STILL);
    let base = server.call(&rev()).revision();
    let mut connection = server.connect();
    for path in ["/one", "/two"] {
        connection
            .send(&Request::wait(path, base + 1).tag(0))
            .unwrap();
    }
    assert_eq!(
        connection.call(&rev().tag(0)).rev,
        Some(base),
        "the waits do not hold it up"
    );
    for path in ["/two", "/one"] {
        server.call(&Request::set(path, 0, "v")).revision();
        let answer = connection.response().unwrap();
        assert_eq!((answer.tag, answer.path_text()), (Some(0), path.to_owned()));
    }
}

#[test]
fn hundreds_of_requests_may_be_outstanding_on_one_connection() {
    let server = Server::start(STILL);
    let base = server.call(&rev()).revision();
    let mut connection = server.connect();
    let tags = 0..800;
    for tag in tags.clone() {
        let request = match tag % 4 {
            0 => Request::wait("/go", base + 1),
            1 => Request::set(&format!("/p/{tag}"), 0, "v"),
            2 => Request::get("/ctl/name"),
            _ => Request::new(tag),
        };
        connection.send(&request.tag(tag)).unwrap();
    }
    server.call(&Request::set("/go", 0, "now")).revision();
    let answered: BTreeSet<_> = tags
        .clone()
        .map(|_| connection.response().unwrap().tag.unwrap())
        .collect();
    assert_eq!(answered, tags.collect());
    assert_eq!(server.call(&Request::stat("/p")).len, Some(200));
}

#[test]
fn a_write_that_was_answered_is_seen_by_a_read_on_any_connection() {
    let server = Server::start(STILL);
    let (mut writer, mut reader) = (server.connect(), server.connect());
    for number in 0..300 {
        let rev = writer
            .call(&Request::set("/seen", -1, number.to_string()))
            .revision();
        let got = reader.call(&Request::get("/seen"));
        assert_eq!((got.rev, got.value_text()), (Some(rev), number.to_string()));
    }
}

#[test]
fn a_connection_may_be_opened_for_each_request() {
    let server = Server::start(STILL);
    for tag in 0..1000 {
        assert_eq!(
            server
                .call(&Request::get("/ctl/name").tag(tag))
                .value_text(),
            "local"
        );
    }
}

#[test]
fn every_kind_of_request_without_its_arguments_is_refused_and_takes_no_revision() {
    let server = Server::start(STILL);
    let base = server.call(&rev()).revision();
    let mut connection = server.connect();
    for verb in [
        verb::GET,
        verb::SET,
        verb::DEL,
        verb::WAIT,
        verb::WALK,
        verb::GETDIR,
    ] {
        let answer = connection.call(&Request::new(verb));
        assert_eq!(answer.err_code, Some(error::MISSING_ARG), "verb {verb}");
    }
    assert_eq!(connection.call(&rev()).rev, Some(base));
}
