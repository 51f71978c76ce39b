//! A full disk: writes fail with a clear error, reads go on, and after space is freed and a
//! restart nothing acknowledged is missing.

use std::fs;
use std::time::Duration;

use compat_tests::connection::Connection;
use compat_tests::disk::SmallDisk;
use compat_tests::server::{Launch, STILL, Server};
use compat_tests::wait;
use compat_tests::wire::{Request, Response, error, verb};

const MIB: u64 = 1 << 20;

/// How long the operator may be left without a word.
const SAYS_WITHIN: Duration = Duration::from_secs(5);

/// More writes than any of these disks can hold.
const WRITES_MAX: usize = 20_000;

/// Writes files of 8 KiB until one is refused; returns those acknowledged and the refusal.
fn fill(connection: &mut Connection, folder: &str) -> (Vec<(String, i64)>, Response) {
    let mut acknowledged = Vec::new();
    for number in 0..WRITES_MAX {
        let path = format!("{folder}/{number}");
        let answer = connection.call(&Request::set(&path, 0, value(&path)));
        match answer.err_code {
            None => acknowledged.push((path, answer.revision())),
            Some(_) => return (acknowledged, answer),
        }
    }
    panic!("the disk never was full");
}

fn value(path: &str) -> Vec<u8> {
    path.bytes().cycle().take(8 << 10).collect()
}

#[track_caller]
fn check_refusal(answer: &Response) {
    assert_eq!(answer.err_code, Some(error::OTHER), "{answer:?}");
    let detail = answer.detail();
    for word in ["space", "restart"] {
        assert!(detail.contains(word), "does not say {word}: {detail}");
    }
}

#[track_caller]
fn check_there(server: &Server, acknowledged: &[(String, i64)]) {
    let mut connection = server.connect();
    for (path, rev) in acknowledged {
        let got = connection.call(&Request::get(path));
        assert_eq!(got.rev, Some(*rev), "{path}");
        assert!(got.value == Some(value(path)), "{path}");
    }
}

#[test]
fn a_full_disk_stops_writes_alone_and_loses_nothing() {
    let disk = SmallDisk::mount(48 * MIB);
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![0; 16 << 20]).unwrap();
    let mut server = Launch::new(STILL).data(&disk.path().join("data")).start();
    let mut connection = server.connect();
    let (acknowledged, refusal) = fill(&mut connection, "/full");
    println!("{} writes, then {:?}", acknowledged.len(), refusal.detail());
    check_refusal(&refusal);
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    assert!(server.is_running());
    check_there(&server, &acknowledged);
    assert_eq!(
        connection.call(&Request::get("/ctl/name")).value_text(),
        "local"
    );
    connection.call(&Request::new(verb::REV)).revision();
    let again = connection.call(&Request::set("/again", -1, "v"));
    assert!(
        again.err_code.is_some(),
        "taken by a disk that is full: {again:?}"
    );
    wait::until("the log says what to do", SAYS_WITHIN, || {
        let log = server.log();
        let told = log.lines().find(|line| line.contains("stopped writing"));
        told.is_some_and(|line| line.contains("ERROR") && line.contains("free space"))
    });
    server.stop();
    fs::remove_file(&filler).unwrap();
    server.start_again();
    check_there(&server, &acknowledged);
    server.call(&Request::set("/after", -1, "v")).revision();
}

#[test]
fn a_start_on_a_full_disk_serves_or_says_what_is_missing_and_loses_nothing() {
    let disk = SmallDisk::mount(32 * MIB);
    let mut server = Launch::new(STILL).data(&disk.path().join("data")).start();
    let mut connection = server.connect();
    let set = |number: usize| {
        let path = format!("/few/{number}");
        let rev = connection
            .call(&Request::set(&path, 0, value(&path)))
            .revision();
        (path, rev)
    };
    let acknowledged: Vec<_> = (0..50).map(set).collect();
    server.kill9();
    let filler = disk.path().join("filler");
    // The last write is cut short: that is how the disk gets full.
    drop(fs::write(&filler, vec![0; 32 << 20]));
    match server.try_start_again() {
        Ok(()) => check_there(&server, &acknowledged),
        Err(refusal) => {
            let says = |word| refusal.log.contains(word);
            assert!(says("space") || says("disk"), "unclear: {}", refusal.log);
            assert!(!says("panicked"), "{}", refusal.log);
        }
    }
    if server.is_running() {
        server.kill9();
    }
    fs::remove_file(&filler).unwrap();
    server.start_again();
    check_there(&server, &acknowledged);
}
