//! The leader dies under load: another takes over, and nothing that was answered is lost.

use std::time::Duration;

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::outage::{hold, longest_write};
use compat_tests::cluster::{Cluster, FORMED_WITHIN};
use compat_tests::history::recorder::{Recorder, Tally};
use compat_tests::wait;

const DEATHS: usize = 5;

/// The next write is promised within this, as the median, and never later than that.
const FAILOVER: Duration = Duration::from_millis(1200);
const FAILOVER_MAX: Duration = Duration::from_secs(3);

/// How long clients go on after a death before the next.
const AFTERWARDS: Duration = Duration::from_millis(500);

#[test]
fn writes_go_on_soon_after_the_leader_dies() {
    let mut cluster = Cluster::start(3, &[]);
    let recorder = Recorder::new();
    let running = ClientLoad::default().start(&recorder, &cluster.addrs());
    let mut outages = Vec::new();
    for _ in 0..DEATHS {
        let leader = cluster.leader();
        wait::pause(AFTERWARDS);
        let begin = recorder.now();
        cluster.kill9(leader);
        for survivor in (0..3).filter(|&node| node != leader) {
            cluster.await_member(survivor, FORMED_WITHIN);
        }
        wait::pause(AFTERWARDS);
        outages.push(longest_write(&recorder, &[leader], (begin, recorder.now())));
        cluster.node_mut(leader).start_again();
        cluster.await_member(leader, FORMED_WITHIN);
    }
    let unread = running.finish();
    cluster.check(&recorder);
    let longest = outages
        .iter()
        .max()
        .copied()
        .into_iter()
        .collect::<Vec<_>>();
    hold(
        "the next write after the leader's death",
        &outages,
        FAILOVER,
    );
    hold("the longest of them", &longest, FAILOVER_MAX);
    let tally = Tally::of(&recorder.operations());
    assert_eq!((unread, tally.errors), (0, Vec::new()));
    assert_eq!(
        tally.silences, 0,
        "a request to a survivor was never answered"
    );
}
