//! The recorder, the load and the checker on one node that is killed again and again.

use std::time::Duration;

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::{Cluster, FORMED_WITHIN};
use compat_tests::history::recorder::{Recorder, Tally};
use compat_tests::random::Random;
use compat_tests::wait;

const DEATHS: usize = 8;

#[test]
fn what_clients_saw_of_one_node_under_kill_9_is_its_history() {
    let mut random = Random::from_clock();
    let mut cluster = Cluster::start(1, &[]);
    let recorder = Recorder::new();
    let load = ClientLoad {
        pace: Duration::from_millis(1),
        ..ClientLoad::default()
    };
    let running = load.start(&recorder, &cluster.addrs());
    for _ in 0..DEATHS {
        wait::pause(Duration::from_millis(100 + random.below(300) as u64));
        cluster.kill9(0);
        cluster.node_mut(0).start_again();
        cluster.await_member(0, FORMED_WITHIN);
    }
    let unread = running.finish();
    cluster.check(&recorder);
    let tally = Tally::of(&recorder.operations());
    assert_eq!((unread, tally.errors.len()), (0, 0), "{:?}", tally.errors);
    assert!(
        tally.writes > 100 && tally.reads > 100 && tally.events > 100,
        "the load was none: {tally:?}"
    );
    assert!(tally.lost_connections > DEATHS, "{tally:?}");
    assert!(tally.mismatches > 0, "{tally:?}");
}
