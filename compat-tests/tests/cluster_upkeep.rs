//! What an operator does under load: every node restarted in turn, and the cluster grown and
//! shrunk. A client that fails over sees nothing but READONLY and lost connections.

use std::time::Duration;

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::history::recorder::{Recorder, Tally};
use compat_tests::wait;

/// How long clients run between two things that are done.
const BETWEEN: Duration = Duration::from_millis(500);

/// What a client may not meet.
#[track_caller]
fn check_no_failure(unread: usize, recorder: &Recorder) {
    let tally = Tally::of(&recorder.operations());
    assert_eq!(tally.errors, Vec::<String>::new());
    assert_eq!(unread, 0, "reads failed on all nodes");
    assert_eq!(tally.silences, 0, "some were never answered");
}

#[test]
fn a_rolling_restart_fails_no_client_that_fails_over() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let ids = cluster.ids();
    let recorder = Recorder::new();
    let running = ClientLoad::default().start(&recorder, &cluster.addrs());
    for node in [0, 1, 2, 0, 1, 2] {
        wait::pause(BETWEEN);
        let status = cluster.node_mut(node).stop();
        assert_eq!(status.code(), Some(0), "node {node} ended otherwise");
        cluster.node_mut(node).start_again();
        cluster.await_members(FORMED_WITHIN);
    }
    let unread = running.finish();
    cluster.check(&recorder);
    cluster.check_not_kicked(&ids);
    check_no_failure(unread, &recorder);
}

#[test]
fn a_cluster_grows_shrinks_to_one_and_grows_again_under_load() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let recorder = Recorder::new();
    let running = ClientLoad::default().start(&recorder, &cluster.addrs());
    cluster.grow(5);
    for node in (1..5).rev() {
        wait::pause(BETWEEN);
        let id = cluster.id(node).expect("every node answers");
        let slot = cluster.slot_of(0, &id).expect("a member has a slot");
        cluster.remove_slot(&slot);
        wait::until("it is read-only", FORMED_WITHIN, || {
            cluster.is_read_only(node)
        });
    }
    assert!(cluster.is_member(0));
    assert_eq!(cluster.slots(0).len(), 1);
    for slot in 1..5 {
        wait::pause(BETWEEN);
        cluster.make_slot(slot);
    }
    cluster.await_members(FORMED_WITHIN);
    let unread = running.finish();
    cluster.check(&recorder);
    check_no_failure(unread, &recorder);
}
