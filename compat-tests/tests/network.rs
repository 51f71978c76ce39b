//! The faults that other tests put on wires do what they say.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests panic with what went wrong, and show what they measured"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use compat_tests::netns::{Network, WireFault};

/// Longer than any way that is open takes, also with packets lost.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long a way that is closed is looked at.
const IN_VAIN: Duration = Duration::from_millis(500);

/// Listens at a place and sends back what comes, until the test ends.
fn echo_at(network: &Arc<Network>, place: usize) -> std::net::SocketAddr {
    let inside = network.enter_place(place);
    let listener = TcpListener::bind((network.host(place), 0)).unwrap();
    drop(inside);
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || echo(stream));
        }
    });
    addr
}

fn echo(mut stream: TcpStream) -> Option<()> {
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte).ok()?;
        stream.write_all(&byte).ok()?;
    }
}

/// The time of one byte there and back.
fn round_trip(stream: &mut TcpStream, limit: Duration) -> Option<Duration> {
    let begin = Instant::now();
    stream.set_read_timeout(Some(limit)).unwrap();
    stream.write_all(b"x").ok()?;
    stream.read_exact(&mut [0]).ok()?;
    Some(begin.elapsed())
}

fn check(fault: WireFault, expect: impl Fn(&[Option<Duration>])) {
    let Some(network) = Network::try_new(2) else {
        return;
    };
    let _inside = network.enter();
    let addr = echo_at(&network, 1);
    let open = |limit| {
        let stream = TcpStream::connect_timeout(&addr, limit).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    };
    let mut stream = open(PATIENCE);
    assert!(round_trip(&mut stream, PATIENCE).is_some());
    if let Err(reason) = network.break_wire(1, fault) {
        println!("left out: {fault:?}: {reason}");
        return;
    }
    let closed = matches!(fault, WireFault::Cut | WireFault::Deaf | WireFault::Mute);
    let limit = if closed { IN_VAIN } else { PATIENCE };
    let count = if closed { 1 } else { 20 };
    let times: Vec<_> = (0..count).map(|_| round_trip(&mut stream, limit)).collect();
    println!("{fault:?}, netem {}: {times:?}", network.has_netem());
    expect(&times);
    network.heal(1);
    assert!(
        round_trip(&mut open(PATIENCE), PATIENCE).is_some(),
        "not healed"
    );
}

#[test]
fn nothing_passes_a_cut_wire() {
    check(WireFault::Cut, |times| assert_eq!(times, [None]));
}

#[test]
fn nothing_reaches_a_deaf_node() {
    check(WireFault::Deaf, |times| assert_eq!(times, [None]));
}

#[test]
fn nothing_leaves_a_mute_node() {
    check(WireFault::Mute, |times| assert_eq!(times, [None]));
}

#[test]
fn a_delayed_wire_delays() {
    let delay = Duration::from_millis(200);
    check(WireFault::Delay(delay), |times| {
        for time in times {
            let time = time.expect("a byte that comes back");
            assert!(time >= delay && time < delay * 5, "{time:?}");
        }
    });
}

#[test]
fn a_lossy_wire_loses_some_and_not_all() {
    check(WireFault::Loss(30), |times| {
        let quick = |time: &&Option<Duration>| time.is_some_and(|time| time.as_millis() < 100);
        let quick = times.iter().filter(quick).count();
        assert!(times.iter().flatten().count() >= 15, "nearly all is lost");
        assert!(quick < times.len(), "nothing is lost");
    });
}
