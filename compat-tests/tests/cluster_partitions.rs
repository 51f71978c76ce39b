//! One node's wire is cut both ways, one way, loses packets or is slow, the leader's too: writes go
//! on through the others, all heals by itself, and nobody is kicked.

#![expect(clippy::print_stdout, reason = "a test says what it left out")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::outage::{first_write, hold};
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::history::recorder::Recorder;
use compat_tests::netns::{Network, WireFault};
use compat_tests::wait;

/// How soon a write is promised while a wire is broken.
const WRITE: Duration = Duration::from_secs(5);

/// How long a wire stays broken: several elections.
const BROKEN: Duration = Duration::from_secs(3);

/// A silence that a member is kicked for, and more, in the test that sets it to three seconds.
const SILENT: Duration = Duration::from_secs(8);

/// Clients that do not wait long for a node that they cannot reach.
const LOAD: ClientLoad = ClientLoad {
    clients: 3,
    watchers: 1,
    patience: Duration::from_secs(3),
    pace: Duration::from_millis(10),
};

/// Clients beside the broken node: they reach nobody else while it is cut off.
const BESIDE: ClientLoad = ClientLoad {
    clients: 1,
    watchers: 1,
    patience: Duration::from_secs(3),
    pace: Duration::from_millis(10),
};

#[track_caller]
fn check(fault: WireFault) {
    let _turn = one_at_a_time();
    let Some(network) = Network::try_new(3) else {
        return;
    };
    let _inside = network.enter();
    let cluster = Cluster::start_in(&network, &[]);
    let ids = cluster.ids();
    let recorder = Recorder::new();
    let running = LOAD.start(&recorder, &cluster.addrs());
    for victim in [cluster.follower(), cluster.leader()] {
        match break_one(&network, &cluster, &recorder, (victim, fault)) {
            Ok(took) => hold(&format!("a write with {fault:?}"), &[took], WRITE),
            Err(reason) => println!("left out: {fault:?}: {reason}"),
        }
    }
    running.finish();
    cluster.await_members(FORMED_WITHIN);
    cluster.check(&recorder);
    cluster.check_not_kicked(&ids);
}

/// Breaks one wire and mends it; returns how long the first write through the others took.
fn break_one(
    network: &Arc<Network>,
    cluster: &Cluster,
    recorder: &Arc<Recorder>,
    (victim, fault): (usize, WireFault),
) -> Result<Duration, String> {
    println!(
        "{fault:?} for node {victim}; node {} leads",
        cluster.leader()
    );
    let beside = network.enter_place(victim);
    let near = BESIDE.start(recorder, &cluster.addrs()[victim..=victim]);
    drop(beside);
    let others = (0..3).filter(|&node| node != victim);
    let others: Vec<_> = others
        .map(|node| cluster.node(node).addr().to_owned())
        .collect();
    network.break_wire(victim, fault)?;
    let begin = Instant::now();
    let took = first_write(recorder, &others, (begin, FORMED_WITHIN));
    wait::pause(BROKEN);
    let late = Instant::now();
    let still = first_write(recorder, &others, (late, FORMED_WITHIN));
    network.heal(victim);
    cluster.await_members(FORMED_WITHIN);
    near.finish();
    Ok(took.max(still))
}

#[test]
fn a_member_whose_answers_come_behind_the_next_heartbeat_stays_one_and_is_told_of() {
    let _turn = one_at_a_time();
    let Some(network) = Network::try_new(3) else {
        return;
    };
    let _inside = network.enter();
    let cluster = Cluster::start_in(&network, &["-timeout", "3"]);
    let (ids, far) = (cluster.ids(), cluster.follower());
    let late = WireFault::Delay(Duration::from_millis(150));
    if let Err(reason) = network.break_wire(far, late) {
        println!("left out: {late:?}: {reason}");
        return;
    }
    // Nothing is written meanwhile: only heartbeats are answered.
    let told = |words: &str| {
        let has_line = |log: &str| log.lines().any(|line| line.contains(words));
        (0..3).any(|node| has_line(&cluster.node(node).log()))
    };
    wait::until("it is told of", FORMED_WITHIN, || told("is too far away"));
    wait::pause(SILENT);
    network.heal(far);
    wait::until("its end is told of", FORMED_WITHIN, || {
        told("is near enough")
    });
    cluster.await_members(FORMED_WITHIN);
    cluster.check_not_kicked(&ids);
}

#[test]
fn a_node_cut_off_both_ways_does_not_stop_the_others() {
    check(WireFault::Cut);
}

#[test]
fn a_node_that_hears_nothing_does_not_stop_the_others() {
    check(WireFault::Deaf);
}

#[test]
fn a_node_that_nobody_hears_does_not_stop_the_others() {
    check(WireFault::Mute);
}

#[test]
fn a_node_that_loses_a_third_of_its_packets_does_not_stop_the_others() {
    check(WireFault::Loss(30));
}

#[test]
fn a_node_that_is_slow_to_reach_does_not_stop_the_others() {
    check(WireFault::Delay(Duration::from_millis(200)));
}
