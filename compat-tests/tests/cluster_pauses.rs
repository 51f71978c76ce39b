//! Nodes that stand still for a while, one by one and all at once, under load.

use std::time::Duration;

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::outage::first_write;
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::history::recorder::{Recorder, Tally};
use compat_tests::random::Random;
use compat_tests::wait;

/// After how long without a word a member is kicked here.
const TIMEOUT: &str = "4s";

/// Clients that stay with a node that stands still.
const PATIENT: ClientLoad = ClientLoad {
    clients: 6,
    watchers: 3,
    patience: Duration::from_secs(40),
    pace: Duration::from_millis(5),
};

#[test]
fn a_node_that_stood_still_is_not_kicked_and_tells_nothing_wrong() {
    let _turn = one_at_a_time();
    let mut random = Random::from_clock();
    let cluster = Cluster::start(3, &["-timeout", TIMEOUT]);
    let ids = cluster.ids();
    let recorder = Recorder::new();
    let running = PATIENT.start(&recorder, &cluster.addrs());
    for (round, millis) in [100, 300, 700, 1200, 2500, 100, 600, 1500]
        .into_iter()
        .enumerate()
    {
        let leader = cluster.leader();
        let node = if round % 2 == 0 {
            leader
        } else {
            random.below(3)
        };
        cluster.freeze(node);
        wait::pause(Duration::from_millis(millis));
        cluster.thaw(node);
        cluster.await_members(FORMED_WITHIN);
    }
    let unread = running.finish();
    cluster.check(&recorder);
    cluster.check_not_kicked(&ids);
    assert_eq!(
        (unread, Tally::of(&recorder.operations()).errors),
        (0, Vec::new())
    );
}

#[test]
fn nobody_is_kicked_when_all_stood_still_for_twice_the_timeout() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(3, &["-timeout", TIMEOUT]);
    let ids = cluster.ids();
    let recorder = Recorder::new();
    let running = PATIENT.start(&recorder, &cluster.addrs());
    wait::pause(Duration::from_secs(1));
    for node in 0..3 {
        cluster.freeze(node);
    }
    wait::pause(Duration::from_secs(8));
    for node in 0..3 {
        cluster.thaw(node);
    }
    let begin = std::time::Instant::now();
    first_write(&recorder, &cluster.addrs(), (begin, FORMED_WITHIN));
    cluster.await_members(FORMED_WITHIN);
    // A kick that was decided late would come within another timeout.
    wait::pause(Duration::from_secs(5));
    running.finish();
    cluster.check(&recorder);
    cluster.check_not_kicked(&ids);
}

#[test]
fn a_leader_that_stands_still_is_replaced_and_the_others_write() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(3, &[]);
    let ids = cluster.ids();
    let recorder = Recorder::new();
    let running = PATIENT.start(&recorder, &cluster.addrs());
    wait::pause(Duration::from_secs(1));
    let leader = cluster.leader();
    let others = (0..3).filter(|&node| node != leader);
    let others: Vec<_> = others
        .map(|node| cluster.node(node).addr().to_owned())
        .collect();
    let begin = std::time::Instant::now();
    cluster.freeze(leader);
    first_write(&recorder, &others, (begin, FORMED_WITHIN));
    wait::pause(Duration::from_secs(2));
    assert_ne!(cluster.leader(), leader, "it leads still");
    cluster.thaw(leader);
    cluster.await_members(FORMED_WITHIN);
    running.finish();
    cluster.check(&recorder);
    cluster.check_not_kicked(&ids);
}
