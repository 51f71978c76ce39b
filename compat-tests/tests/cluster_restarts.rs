//! A follower dies under load and comes back: at once, later, after it was kicked, and empty.

use std::time::{Duration, Instant};

use compat_tests::cluster::load::{ClientLoad, Running};
use compat_tests::cluster::outage::{first_write, hold, longest_write};
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::history::recorder::Recorder;
use compat_tests::random::Random;
use compat_tests::wait;
use compat_tests::wire::Request;

/// What is promised: how soon a node is a member again, how soon an empty one is, how long a
/// write takes meanwhile, and how soon after the second start of a dead cluster one is taken.
const BACK: Duration = Duration::from_secs(3);
const REPLACED: Duration = Duration::from_secs(5);
const WRITE: Duration = Duration::from_millis(200);
const CLUSTER_BACK: Duration = Duration::from_secs(3);

/// How long a node that starts waits for a quorum, and not for one that has removed it.
const QUORUM_WAIT: Duration = Duration::from_secs(5);

/// How long clients run before and after what is done to the nodes.
const AROUND: Duration = Duration::from_millis(500);

/// Three members under load; one does something to them meanwhile.
struct Scene {
    cluster: Cluster,
    recorder: std::sync::Arc<Recorder>,
    running: Running,
}

impl Scene {
    fn new(flags: &[&str]) -> Self {
        let cluster = Cluster::start(3, flags);
        let recorder = Recorder::new();
        let running = ClientLoad::default().start(&recorder, &cluster.addrs());
        wait::pause(AROUND);
        Self {
            cluster,
            recorder,
            running,
        }
    }

    fn finish(self) {
        wait::pause(AROUND);
        self.running.finish();
        self.cluster.await_members(FORMED_WITHIN);
        self.cluster.check(&self.recorder);
    }
}

#[track_caller]
fn check_back(after: Duration) {
    let _turn = one_at_a_time();
    let mut scene = Scene::new(&[]);
    let ids = scene.cluster.ids();
    let follower = scene.cluster.follower();
    let begin = scene.recorder.now();
    scene.cluster.kill9(follower);
    wait::pause(after);
    let started = Instant::now();
    scene.cluster.node_mut(follower).start_again();
    scene.cluster.await_member(follower, FORMED_WITHIN);
    let back = started.elapsed();
    let end = scene.recorder.now();
    let longest = longest_write(&scene.recorder, &[follower], (begin, end));
    assert_eq!(scene.cluster.ids(), ids, "it came back as another");
    scene.cluster.check_not_kicked(&ids);
    scene.finish();
    hold("a follower is a member again", &[back], BACK);
    hold("the longest write meanwhile", &[longest], WRITE);
}

#[test]
fn a_follower_started_at_once_is_a_member_again_and_delays_no_write() {
    check_back(Duration::ZERO);
}

#[test]
fn a_follower_started_after_five_seconds_is_a_member_again_and_delays_no_write() {
    check_back(Duration::from_secs(5));
}

#[test]
fn a_follower_started_after_its_kick_attaches_again_and_takes_the_free_slot() {
    let _turn = one_at_a_time();
    let mut scene = Scene::new(&["-timeout", "3s"]);
    let (leader, follower) = (scene.cluster.leader(), scene.cluster.follower());
    let id = scene.cluster.id(follower).expect("a node that answers");
    let slot = scene
        .cluster
        .slot_of(leader, &id)
        .expect("a member has a slot");
    scene.cluster.kill9(follower);
    let cluster = &scene.cluster;
    let kicked = || {
        let emptied = cluster.get(leader, &slot).as_deref() == Some("");
        let stat = Request::stat(&format!("/ctl/node/{id}"));
        let gone = cluster.ask(leader, &stat, BACK);
        emptied && gone.is_some_and(|answer| answer.rev == Some(0))
    };
    wait::until("the dead node is kicked", FORMED_WITHIN, kicked);
    let slot_rev = cluster
        .ask(leader, &Request::get(&slot), BACK)
        .and_then(|answer| answer.rev);
    assert_ne!(slot_rev, Some(0), "the slot's file is gone");
    scene.cluster.node_mut(follower).start_again();
    scene.cluster.await_member(follower, FORMED_WITHIN);
    // What was asked of it while it found out that it was kicked may be answered a moment before.
    let back = scene.cluster.id(follower);
    let takes = || scene.cluster.get(leader, &slot) == back;
    wait::until("it takes its slot again", FORMED_WITHIN, takes);
    scene.finish();
}

#[test]
fn a_leader_started_after_its_kick_is_a_member_again_as_soon() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &["-timeout", "3s"]);
    let leader = cluster.leader();
    let id = cluster.id(leader).expect("a node that answers");
    cluster.kill9(leader);
    let addr = format!("/ctl/node/{id}/addr");
    let other = (leader + 1) % 3;
    let kicked = || cluster.get(other, &addr).as_deref() == Some("");
    wait::until("the dead leader is kicked", FORMED_WITHIN, kicked);
    let begin = Instant::now();
    cluster.node_mut(leader).spawn_again();
    cluster.await_member(leader, FORMED_WITHIN);
    let took = begin.elapsed();
    assert!(took < QUORUM_WAIT, "a member again after {took:?}");
    assert_eq!(cluster.id(leader), Some(id));
    Recorder::new().check(&cluster.tales());
}

#[test]
fn a_follower_started_with_an_empty_folder_takes_the_place_of_its_old_self() {
    let _turn = one_at_a_time();
    let mut scene = Scene::new(&[]);
    let (leader, follower) = (scene.cluster.leader(), scene.cluster.follower());
    let old = scene.cluster.id(follower).expect("a node that answers");
    scene.cluster.kill9(follower);
    scene.cluster.spawn_anew(follower);
    let took = scene.cluster.await_member(follower, FORMED_WITHIN);
    let new = scene.cluster.id(follower).expect("a member answers");
    assert_ne!(new, old, "an id was used again");
    let gone = format!("/ctl/node/{old}/addr");
    assert_eq!(scene.cluster.get(leader, &gone).as_deref(), Some(""));
    assert_eq!(scene.cluster.slot_of(leader, &old), None);
    assert!(scene.cluster.slot_of(leader, &new).is_some());
    scene.finish();
    hold(
        "an empty node is a member in place of the old",
        &[took],
        REPLACED,
    );
}

#[test]
fn all_nodes_killed_together_come_back_with_everything_in_any_order() {
    let _turn = one_at_a_time();
    let mut random = Random::from_clock();
    let mut scene = Scene::new(&[]);
    let mut times = Vec::new();
    for _ in 0..3 {
        for node in 0..3 {
            scene
                .cluster
                .node(node)
                .signal(rustix::process::Signal::KILL);
        }
        for node in 0..3 {
            scene.cluster.node_mut(node).await_exit();
        }
        let first = random.below(3);
        let order = [first, (first + 1) % 3, (first + 2) % 3];
        scene.cluster.node_mut(order[0]).spawn_again();
        wait::pause(AROUND);
        scene.cluster.node_mut(order[1]).spawn_again();
        let limit = (Instant::now(), FORMED_WITHIN);
        times.push(first_write(&scene.recorder, &scene.cluster.addrs(), limit));
        scene.cluster.node_mut(order[2]).spawn_again();
        scene.cluster.await_members(FORMED_WITHIN);
        wait::pause(AROUND);
    }
    scene.finish();
    hold("a write after the second start", &times, CLUSTER_BACK);
}
