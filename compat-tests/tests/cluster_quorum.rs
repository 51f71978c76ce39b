//! With too few nodes left, reads go on and writes wait, and are answered truly; with enough left,
//! writes go on.

use std::time::Duration;

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::outage::{hold, longest_write};
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::connection::{Connection, Received};
use compat_tests::history::recorder::{Recorder, Tally};
use compat_tests::wait;
use compat_tests::wire::{Request, Response, error, verb};

/// How long a SET waits for a quorum here.
const TIME_LIMIT: Duration = Duration::from_secs(8);

/// How long a write is watched to be waiting.
const WAITS: Duration = Duration::from_secs(1);

/// How soon writes go on after a leader's death.
const FAILOVER: Duration = Duration::from_millis(1200);

/// Three members, of which one is left, and a connection to it.
fn one_left() -> (Cluster, Connection) {
    let mut cluster = Cluster::start(3, &["--proposal-timeout", "8s"]);
    cluster.write("/before", "there");
    let newest = cluster.ask(0, &Request::new(verb::REV), WAITS);
    let rev = newest.and_then(|answer| answer.rev).expect("a revision");
    let mut connection = cluster.node(0).connect();
    connection.call(&Request::get("/before").rev(rev));
    cluster.kill9(1);
    cluster.kill9(2);
    (cluster, connection)
}

fn next_answer(connection: &mut Connection, limit: Duration) -> Response {
    match connection.receive(limit) {
        Ok(Received::Response(answer)) => answer,
        other => panic!("no answer within {limit:?}: {other:?}"),
    }
}

#[track_caller]
fn check_reads(cluster: &Cluster) {
    let mut connection = cluster.node(0).connect();
    let got = connection.call(&Request::get("/before"));
    assert_eq!(got.value_text(), "there");
    connection.call(&Request::new(verb::REV)).revision();
    let walked = connection.call(&Request::walk("/ctl/cal/*", 2));
    assert_eq!(walked.err_code, None, "{walked:?}");
}

#[test]
fn a_write_that_waits_for_a_quorum_is_answered_when_one_returns() {
    let _turn = one_at_a_time();
    let (mut cluster, mut connection) = one_left();
    connection
        .send(&Request::set("/waits", -1, "v"))
        .expect("a SET is taken");
    assert_eq!(connection.receive(WAITS).ok(), Some(Received::Nothing));
    check_reads(&cluster);
    cluster.node_mut(1).spawn_again();
    let answer = next_answer(&mut connection, FORMED_WITHIN);
    let rev = answer.revision();
    cluster.await_member(1, FORMED_WITHIN);
    let got = cluster.ask(1, &Request::get("/waits").rev(rev), FORMED_WITHIN);
    assert_eq!(got.map(|got| got.value_text()).as_deref(), Some("v"));
    cluster.node_mut(2).spawn_again();
    cluster.await_members(FORMED_WITHIN);
    Recorder::new().check(&cluster.tales());
}

#[test]
fn a_write_without_a_quorum_is_given_up_at_the_time_limit_and_told_so() {
    let _turn = one_at_a_time();
    let (mut cluster, mut connection) = one_left();
    let begin = std::time::Instant::now();
    connection
        .send(&Request::set("/in-vain", 0, "v"))
        .expect("a SET is taken");
    check_reads(&cluster);
    let answer = next_answer(&mut connection, FORMED_WITHIN);
    hold("a SET is given up", &[begin.elapsed()], TIME_LIMIT);
    assert_eq!(answer.err_code, Some(error::OTHER), "{answer:?}");
    let detail = answer.detail();
    let (refused, unknown) = (
        detail.starts_with("not executed"),
        detail.starts_with("outcome unknown"),
    );
    assert!(refused || unknown, "{detail}");
    check_reads(&cluster);
    cluster.node_mut(1).spawn_again();
    cluster.node_mut(2).spawn_again();
    cluster.await_members(FORMED_WITHIN);
    let tales = cluster.tales();
    let there = tales[0]
        .events
        .iter()
        .filter(|(_, event)| event.path == "/in-vain")
        .count();
    assert!(
        there <= usize::from(unknown),
        "{detail}: there {there} times"
    );
    Recorder::new().check(&tales);
}

#[test]
fn five_members_go_on_without_their_leader_and_another() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(5, &[]);
    let recorder = Recorder::new();
    let running = ClientLoad::default().start(&recorder, &cluster.addrs());
    wait::pause(WAITS);
    let leader = cluster.leader();
    let dead = [leader, (leader + 1) % 5];
    let begin = recorder.now();
    for node in dead {
        cluster.kill9(node);
    }
    for survivor in (0..5).filter(|node| !dead.contains(node)) {
        cluster.await_member(survivor, FORMED_WITHIN);
    }
    wait::pause(WAITS);
    let outage = longest_write(&recorder, &dead, (begin, recorder.now()));
    for node in dead {
        cluster.node_mut(node).start_again();
    }
    cluster.await_members(FORMED_WITHIN);
    let unread = running.finish();
    cluster.check(&recorder);
    hold(
        "the longest write with two of five gone",
        &[outage],
        FAILOVER,
    );
    assert_eq!(
        (unread, Tally::of(&recorder.operations()).errors),
        (0, Vec::new())
    );
}
