//! The recorder, the load, the faults and the checker on one node: what it takes to judge several.

use std::sync::Arc;
use std::time::{Duration, Instant};

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::outage::{first_write, hold, longest_write};
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::history::recorder::{Recorder, Tally};
use compat_tests::netns::{Network, WireFault};
use compat_tests::random::Random;
use compat_tests::wait;

const DEATHS: usize = 8;

/// How long clients run before and after what is done to the node.
const AROUND: Duration = Duration::from_millis(500);

fn quick() -> ClientLoad {
    ClientLoad {
        pace: Duration::from_millis(1),
        ..ClientLoad::default()
    }
}

#[track_caller]
fn check(cluster: &Cluster, recorder: &Arc<Recorder>) -> Tally {
    cluster.check(recorder);
    let tally = Tally::of(&recorder.operations());
    assert!(
        tally.writes > 100 && tally.reads > 50 && tally.events > 100,
        "the load was none: {tally:?}"
    );
    assert_eq!(tally.errors, Vec::<String>::new());
    tally
}

#[test]
fn what_clients_saw_of_one_node_under_kill_9_is_its_history() {
    let _turn = one_at_a_time();
    let mut random = Random::from_clock();
    let mut cluster = Cluster::start(1, &[]);
    let recorder = Recorder::new();
    let running = quick().start(&recorder, &cluster.addrs());
    for _ in 0..DEATHS {
        wait::pause(Duration::from_millis(100 + random.below(300) as u64));
        cluster.kill9(0);
        cluster.node_mut(0).start_again();
        cluster.await_member(0, FORMED_WITHIN);
    }
    assert_eq!(running.finish(), 0);
    let tally = check(&cluster, &recorder);
    assert!(tally.lost_connections > DEATHS, "{tally:?}");
    assert!(tally.mismatches > 0, "{tally:?}");
}

#[test]
fn a_node_that_stops_in_order_and_starts_again_fails_no_client_that_tries_again() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(1, &[]);
    let ids = cluster.ids();
    let recorder = Recorder::new();
    let running = quick().start(&recorder, &cluster.addrs());
    for _ in 0..3 {
        wait::pause(AROUND);
        assert_eq!(cluster.node_mut(0).stop().code(), Some(0));
        cluster.node_mut(0).start_again();
        cluster.await_members(FORMED_WITHIN);
    }
    assert_eq!(running.finish(), 0);
    check(&cluster, &recorder);
    cluster.check_not_kicked(&ids);
    assert_eq!(cluster.slot_of(0, &ids[0]).as_deref(), Some("/ctl/cal/0"));
    assert_eq!((cluster.leader(), cluster.is_read_only(0)), (0, false));
}

#[test]
fn a_node_that_stands_still_answers_everything_afterwards() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(1, &[]);
    let recorder = Recorder::new();
    let running = quick().start(&recorder, &cluster.addrs());
    wait::pause(AROUND);
    let begin = recorder.now();
    cluster.freeze(0);
    wait::pause(AROUND * 2);
    cluster.thaw(0);
    let thawed = Instant::now();
    let first = first_write(&recorder, &cluster.addrs(), (thawed, FORMED_WITHIN));
    wait::pause(AROUND);
    assert_eq!(running.finish(), 0);
    let tally = check(&cluster, &recorder);
    assert_eq!((tally.silences, tally.lost_connections), (0, 0));
    let longest = longest_write(&recorder, &[], (begin, recorder.now()));
    assert!(longest >= AROUND * 2, "it did not stand still: {longest:?}");
    hold("a write of a node that goes on", &[first], AROUND);
}

#[test]
fn clients_beside_a_node_go_on_while_its_wire_is_cut() {
    let _turn = one_at_a_time();
    let Some(network) = Network::try_new(1) else {
        return;
    };
    let _inside = network.enter();
    let cluster = Cluster::start_in(&network, &[]);
    let recorder = Recorder::new();
    let far = ClientLoad {
        patience: AROUND,
        ..quick()
    };
    let far = far.start(&recorder, &cluster.addrs());
    let beside = network.enter_place(0);
    let near = quick().start(&recorder, &cluster.addrs());
    drop(beside);
    for fault in [WireFault::Cut, WireFault::Deaf, WireFault::Mute] {
        wait::pause(AROUND);
        network
            .break_wire(0, fault)
            .expect("a wire that can be cut");
        wait::pause(AROUND * 3);
        network.heal(0);
        cluster.await_members(FORMED_WITHIN);
    }
    assert_eq!(near.finish(), 0, "a client beside the node was not served");
    assert!(
        far.finish() > 0,
        "a client far away was served over a cut wire"
    );
    let tally = check(&cluster, &recorder);
    assert!(tally.silences > 0, "{tally:?}");
}
