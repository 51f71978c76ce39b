//! A disk that takes 200 ms for every sync: of a follower, of the leader, of a node that the quorum
//! needs, and of all nodes.

#![expect(clippy::print_stdout, reason = "a test shows what it measured")]

use std::time::{Duration, Instant};

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::outage::{first_write, hold};
use compat_tests::cluster::pace::Pace;
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::history::recorder::{Recorder, Tally};
use compat_tests::wait;
use compat_tests::wire::{Request, verb};

const SYNC: Duration = Duration::from_millis(200);

/// What is promised: how long a write takes that a slow disk has no part in, one that waits for a
/// slow disk, the first one after the death of the leader where a slow disk must vote, and how
/// long after a load a node with a slow disk has all of it.
const WRITE: Duration = Duration::from_millis(200);
const SLOW_WRITE: Duration = Duration::from_millis(800);
const SLOW_FAILOVER: Duration = Duration::from_secs(4);
const CAUGHT_UP: Duration = Duration::from_secs(1);

/// For how long clients are watched.
const WINDOW: Duration = Duration::from_secs(3);

/// By how much one pace may differ from another that is to be the same.
const SLACK: u32 = 5;

/// Clients that write as fast as they are answered.
const LOAD: ClientLoad = ClientLoad {
    clients: 6,
    watchers: 2,
    patience: Duration::from_secs(30),
    pace: Duration::ZERO,
};

/// Lets the clients go on for a while, and says how they did.
fn watch(recorder: &Recorder, what: &str) -> Pace {
    let from = recorder.now();
    wait::pause(WINDOW);
    let pace = Pace::between(recorder, (from, recorder.now()));
    println!("{what}: {pace}");
    pace
}

#[track_caller]
fn check_same_pace(one: &Pace, other: &Pace) {
    assert!(one.median <= other.median * SLACK, "{one}; {other}");
    let slack = f64::from(SLACK);
    assert!(
        one.writes_per_second * slack >= other.writes_per_second,
        "{one}; {other}"
    );
}

/// All but those at `left_out`.
fn addrs_without(cluster: &Cluster, left_out: usize) -> Vec<String> {
    let mut addrs = cluster.addrs();
    addrs.remove(left_out);
    addrs
}

/// Starts node `number`, which has ended, with a slow disk from now on.
fn start_slow(cluster: &mut Cluster, number: usize) {
    let node = cluster.node_mut(number);
    node.change(|launch| launch.slow_disk(Some(SYNC)));
    node.start_again();
    cluster.await_member(number, FORMED_WITHIN);
}

/// A cluster whose first node, which leads it, has a slow disk.
fn start_led_slowly() -> Cluster {
    let launch = Cluster::of(Vec::new()).launch();
    let mut cluster = Cluster::of(vec![launch.slow_disk(Some(SYNC)).start()]);
    cluster.grow(3);
    assert_eq!(cluster.leader(), 0);
    cluster
}

fn revision(cluster: &Cluster, node: usize) -> i64 {
    let answer = cluster.node(node).call(&Request::new(verb::REV));
    answer.revision()
}

#[test]
fn a_slow_disk_of_a_follower_slows_no_write_of_the_others_and_it_keeps_up() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let ids = cluster.ids();
    let (leader, slow) = (cluster.leader(), cluster.follower());
    let leadership = cluster.leadership();
    let recorder = Recorder::new();
    let running = LOAD.start(&recorder, &addrs_without(&cluster, slow));
    watch(&recorder, "all disks quick");
    cluster.kill9(slow);
    let away = watch(&recorder, "one node away");
    start_slow(&mut cluster, slow);
    let slowed = watch(&recorder, "its disk slow");
    let unread = running.finish();
    let begin = Instant::now();
    let newest = revision(&cluster, leader);
    let has_all = || revision(&cluster, slow) >= newest;
    wait::until("it has all", FORMED_WITHIN, has_all);
    let caught_up = begin.elapsed();
    let own = [cluster.node(slow).addr().to_owned()];
    let through = first_write(&recorder, &own, (Instant::now(), FORMED_WITHIN));
    cluster.check(&recorder);
    cluster.check_not_kicked(&ids);
    assert_eq!(cluster.leadership(), leadership, "an election");
    check_same_pace(&slowed, &away);
    hold("the longest write of the others", &[slowed.longest], WRITE);
    hold("it has all after the load", &[caught_up], CAUGHT_UP);
    hold("a write through it", &[through], SLOW_WRITE);
    let tally = Tally::of(&recorder.operations());
    assert_eq!((unread, tally.errors), (0, Vec::new()));
    let syncs = cluster.node(slow).delayed_syncs();
    assert!(syncs > 10, "{syncs} syncs were slow");
}

#[test]
fn a_leader_with_a_slow_disk_leads_on_at_its_pace_and_hands_over_when_stopped() {
    let _turn = one_at_a_time();
    let mut cluster = start_led_slowly();
    let ids = cluster.ids();
    let leadership = cluster.leadership();
    let recorder = Recorder::new();
    let running = LOAD.start(&recorder, &addrs_without(&cluster, 0));
    let slow = watch(&recorder, "a slow leader");
    assert_eq!(cluster.leadership(), leadership, "an election");
    cluster.node_mut(0).stop();
    let away = watch(&recorder, "it is stopped");
    assert_ne!(cluster.leader(), 0);
    start_slow(&mut cluster, 0);
    let follows = watch(&recorder, "it follows");
    running.finish();
    cluster.check(&recorder);
    cluster.check_not_kicked(&ids);
    hold("a write with a slow leader", &[slow.median], SLOW_WRITE);
    assert!(slow.median >= SYNC, "was it slow?");
    check_same_pace(&follows, &away);
    assert!(follows.median < slow.median);
}

#[test]
fn the_death_of_a_leader_with_a_slow_disk_loses_nothing() {
    let _turn = one_at_a_time();
    let mut cluster = start_led_slowly();
    let recorder = Recorder::new();
    let running = LOAD.start(&recorder, &cluster.addrs());
    watch(&recorder, "a slow leader");
    cluster.kill9(0);
    let begin = Instant::now();
    let others = addrs_without(&cluster, 0);
    let next = first_write(&recorder, &others, (begin, FORMED_WITHIN));
    watch(&recorder, "it is dead");
    start_slow(&mut cluster, 0);
    watch(&recorder, "it is back");
    let unread = running.finish();
    cluster.check(&recorder);
    hold("the next write", &[next], SLOW_FAILOVER);
    let tally = Tally::of(&recorder.operations());
    assert_eq!((unread, tally.errors), (0, Vec::new()));
}

/// The leader of three dies twice under load; those at `slow` have a slow disk.
fn check_elections(slow: &[usize]) {
    let mut cluster = Cluster::start(3, &[]);
    for &number in slow {
        cluster.node_mut(number).stop();
        start_slow(&mut cluster, number);
    }
    let recorder = Recorder::new();
    let running = LOAD.start(&recorder, &cluster.addrs());
    let mut outages = Vec::new();
    for _ in 0..2 {
        let leader = cluster.leader();
        cluster.kill9(leader);
        let begin = Instant::now();
        let others = addrs_without(&cluster, leader);
        outages.push(first_write(&recorder, &others, (begin, FORMED_WITHIN)));
        let needed = watch(&recorder, "two are left");
        hold("a write meanwhile", &[needed.median], SLOW_WRITE);
        cluster.node_mut(leader).start_again();
        cluster.await_members(FORMED_WITHIN);
    }
    // Not every write is agreed on in time: those that were answered are there.
    let unread = running.finish();
    cluster.check(&recorder);
    hold("the next write", &outages, SLOW_FAILOVER);
    assert_eq!(unread, 0);
}

#[test]
fn a_quorum_that_needs_the_node_with_the_slow_disk_elects_and_writes() {
    let _turn = one_at_a_time();
    check_elections(&[1]);
}

#[test]
fn nodes_that_all_have_slow_disks_elect_and_write() {
    let _turn = one_at_a_time();
    check_elections(&[0, 1, 2]);
}
