//! Clients that misbehave: the server's memory, its log and other clients must not suffer.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests panic with what went wrong, and show what they measured"
)]

use std::fmt::Debug;
use std::io::Write;
use std::time::{Duration, Instant};

use compat_tests::connection::Connection;
use compat_tests::random::Random;
use compat_tests::server::{STILL, Server, raise_open_files};
use compat_tests::wait;
use compat_tests::wire::{Request, verb};

const MIB: u64 = 1 << 20;

/// What a well-behaved client may see at most as the median of its GETs meanwhile: five times
/// what a busy machine of two cores shows.
const MEDIAN_GET_MAX: Duration = Duration::from_millis(50);

/// Lines of log that one kind of trouble may cost in a test's time.
const LOG_LINES_MAX: usize = 20;

/// Runs `mischief` twice over and judges the server during and after it; what `mischief` returns
/// (its connections) is kept while other clients are measured.
#[track_caller]
fn check<T: Debug>(grown_max: u64, mischief: impl FnOnce(&Server) -> T) -> Server {
    let mut server = Server::start(STILL);
    server.call(&Request::set("/x", -1, "v")).revision();
    let (rss, log_lines) = (server.rss_bytes(), server.log().lines().count());
    let kept = mischief(&server);
    let median = median_get(&server);
    let grown = server.rss_bytes().saturating_sub(rss);
    drop(kept);
    println!("median GET {median:?}, memory grown by {} MiB", grown / MIB);
    assert!(server.is_running());
    assert!(median < MEDIAN_GET_MAX, "a GET took {median:?}");
    assert!(grown < grown_max, "memory grew by {} MiB", grown / MIB);
    let log = server.log();
    let logged = log.lines().count() - log_lines;
    assert!(logged <= LOG_LINES_MAX, "{logged} lines logged:\n{log}");
    server.call(&Request::set("/x", -1, "still")).revision();
    server
}

fn median_get(server: &Server) -> Duration {
    let mut connection = server.connect();
    let mut times: Vec<_> = (0..200)
        .map(|_| {
            let begin = Instant::now();
            connection.call(&Request::get("/x"));
            begin.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// Sends `bytes` over and over without ever reading, until the server takes no more.
fn stuff(connection: &Connection, bytes: &[u8], total_max: usize) {
    let mut stream = connection.stream();
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut total = 0;
    while total < total_max && stream.write_all(bytes).is_ok() {
        total += bytes.len();
    }
}

#[test]
fn clients_that_send_and_never_read_are_held_back() {
    check(256 * MIB, |server| {
        server
            .call(&Request::set("/big", -1, vec![1; 1 << 20]))
            .revision();
        let gets: Vec<u8> = (0..1000)
            .flat_map(|tag| Request::get("/big").tag(tag).frame())
            .collect();
        let connections: Vec<_> = (0..8).map(|_| server.connect()).collect();
        for connection in &connections {
            stuff(connection, &gets, 16 << 20);
        }
        connections
    });
}

#[test]
fn three_thousand_connections_are_borne() {
    raise_open_files(8000);
    check(128 * MIB, |server| {
        let mut connections: Vec<_> = (0..3000).map(|_| server.connect()).collect();
        for connection in &mut connections {
            connection.call(&Request::new(verb::REV)).revision();
        }
        connections
    });
}

/// 20 connections with 5,000 waits each, on paths that never come.
fn leave_waits(server: &Server) {
    let mut connections: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for (number, connection) in connections.iter_mut().enumerate() {
        for batch in 0..10 {
            let wait = |tag| Request::wait(&format!("/never/{number}/{tag}"), 1 << 40).tag(tag);
            let waits: Vec<_> = (batch * 500..(batch + 1) * 500)
                .flat_map(|tag| wait(tag).frame())
                .collect();
            connection.send_bytes(&waits).unwrap();
        }
        connection.call(&Request::new(verb::REV)).revision();
    }
}

#[test]
fn the_memory_of_100_000_waits_left_behind_comes_back() {
    check(256 * MIB, |server| {
        leave_waits(server);
        let once = server.rss_bytes();
        for _ in 0..4 {
            leave_waits(server);
        }
        let often = server.rss_bytes();
        println!(
            "after 100,000 waits {} MiB, after 500,000 {} MiB",
            once / MIB,
            often / MIB
        );
        assert!(often < once + 64 * MIB, "from {once} to {often} bytes");
    });
}

#[test]
fn rubbish_closes_the_connection_that_sent_it_and_no_more() {
    check(128 * MIB, |server| {
        let mut random = Random::from_clock();
        for _ in 0..1500 {
            let count = 1 + random.below(2000);
            let rubbish = random.bytes(count);
            let mut connection = server.connect();
            // The server may close before all is sent.
            drop(connection.send_bytes(&rubbish));
            drop(connection.half_close());
        }
    });
}

#[test]
fn well_formed_frames_of_rubbish_close_the_connection_that_sent_them_and_no_more() {
    check(128 * MIB, |server| {
        let mut random = Random::from_clock();
        for _ in 0..1500 {
            let mut connection = server.connect();
            for _ in 0..5 {
                let count = random.below(60);
                let rubbish = random.bytes(count);
                drop(connection.send_bytes(&compat_tests::wire::frame(&rubbish)));
            }
        }
    });
}

#[test]
fn headers_that_never_end_hold_nobody_up() {
    check(128 * MIB, |server| {
        let mut connections: Vec<_> = (0..500).map(|_| server.connect()).collect();
        for connection in &mut connections {
            connection.send_bytes(&[0, 0, 0]).unwrap();
        }
        connections
    });
}

#[test]
fn bodies_that_never_end_take_no_memory_in_advance() {
    check(128 * MIB, |server| {
        let mut connections: Vec<_> = (0..500).map(|_| server.connect()).collect();
        for connection in &mut connections {
            connection.send_bytes(&1_000_000_u32.to_be_bytes()).unwrap();
            connection.send_bytes(b"\x08\x01").unwrap();
        }
        connections
    });
}

#[test]
fn a_watcher_that_never_reads_holds_no_writer_up() {
    let server = check(256 * MIB, |server| {
        let mut watcher = server.connect();
        let base = server.call(&Request::new(verb::REV)).revision();
        for tag in 0..500 {
            watcher
                .send(&Request::wait("/w", base + 1).tag(tag))
                .unwrap();
        }
        server
            .call(&Request::set("/w", -1, vec![2; 1 << 20]))
            .revision();
        let begin = Instant::now();
        for number in 0..100 {
            server
                .call(&Request::set("/x", -1, number.to_string()))
                .revision();
        }
        println!("100 SETs meanwhile took {:?}", begin.elapsed());
        watcher
    });
    wait::pause(Duration::from_millis(100));
    server.call(&Request::get("/w"));
}
