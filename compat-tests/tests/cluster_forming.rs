//! How nodes find together: attaching, slots, names, and addresses where nobody is.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use std::time::{Duration, Instant};

use compat_tests::cluster::outage::hold;
use compat_tests::cluster::{Cluster, FLAGS, FORMED_WITHIN, one_at_a_time};
use compat_tests::server::{Launch, Server, lasting_addr};
use compat_tests::wait;
use compat_tests::wire::{Request, Response, error, verb};

/// How soon a cluster is promised to be formed.
const FORMED: Duration = Duration::from_secs(3);

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

fn ask(cluster: &Cluster, node: usize, request: &Request) -> Response {
    cluster.ask(node, request, ANSWER).unwrap()
}

#[track_caller]
fn check_same_history(cluster: &Cluster) {
    compat_tests::history::recorder::Recorder::new().check(&cluster.tales());
}

#[track_caller]
fn await_log(server: &Server, what: &str, words: &[&str]) {
    let says = |line: &str| words.iter().all(|word| line.contains(word));
    wait::until(what, FORMED_WITHIN, || server.log().lines().any(says));
}

#[test]
fn two_that_attach_and_two_free_slots_make_three_members() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(1, &[]);
    let (b, c) = (cluster.attach(), cluster.attach());
    for learner in [b, c] {
        assert!(cluster.is_read_only(learner), "a learner takes writes");
    }
    let begin = Instant::now();
    cluster.make_slot(1);
    cluster.make_slot(2);
    cluster.await_members(FORMED_WITHIN);
    hold("three members", &[begin.elapsed()], FORMED);
    let mut holders: Vec<_> = cluster.slots(0).into_iter().map(|(_, id)| id).collect();
    let mut ids = cluster.ids();
    holders.sort();
    ids.sort();
    assert_eq!(holders, ids);
    check_same_history(&cluster);
}

#[test]
fn a_fourth_serves_reads_and_takes_the_next_free_slot() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let rev = cluster.write("/fourth", "seen").revision();
    let fourth = cluster.attach();
    let got = ask(&cluster, fourth, &Request::get("/fourth").rev(rev));
    assert_eq!(got.value_text(), "seen");
    let requests = [
        Request::set("/x", -1, "v"),
        Request::del("/fourth", -1),
        Request::new(verb::NOP),
    ];
    for request in requests {
        let answer = ask(&cluster, fourth, &request);
        assert_eq!(
            answer.err_code,
            Some(error::READONLY),
            "{request}: {answer:?}"
        );
    }
    cluster.make_slot(3);
    cluster.await_member(fourth, FORMED_WITHIN);
    let id = cluster.id(fourth).unwrap();
    assert_eq!(cluster.get(0, "/ctl/cal/3"), Some(id));
    check_same_history(&cluster);
}

#[test]
fn all_nodes_can_have_the_same_flags() {
    let _turn = one_at_a_time();
    let addrs = [lasting_addr(), lasting_addr(), lasting_addr()];
    let [a, b, c] = [0, 1, 2].map(|index: usize| addrs[index].as_str());
    let same = ["-a", a, "-a", b, "-a", c];
    let start = |addr: &String| {
        let launch = Launch::new(FLAGS).flags(&same).addr(addr).learner();
        launch.start_unwaited()
    };
    let cluster = Cluster::of(addrs.iter().map(start).collect());
    for node in 0..3 {
        let answers = || cluster.get(node, "/ctl/name").as_deref() == Some("local");
        wait::until("every node has the cluster", FORMED_WITHIN, answers);
    }
    cluster.make_slot(1);
    cluster.make_slot(2);
    cluster.await_members(FORMED_WITHIN);
    check_same_history(&cluster);
}

#[test]
fn a_slot_takes_no_rubbish_from_any_member() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(3, &[]);
    for node in 0..3 {
        // Not the revision alone: nodes write what they have applied, too.
        let seen = || ["/ctl/cal/1", "/ctl/err"].map(|path| cluster.get(node, path));
        let before = seen();
        let answer = ask(&cluster, node, &Request::set("/ctl/cal/1", -1, "rubbish"));
        assert_eq!(answer.err_code, Some(error::OTHER), "{answer:?}");
        assert!(!answer.detail().is_empty());
        assert_eq!(seen(), before);
    }
    cluster.await_members(FORMED_WITHIN);
}

#[test]
fn a_member_whose_slot_is_removed_is_read_only_until_there_is_one_again() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(3, &[]);
    let id = cluster.id(2).unwrap();
    cluster.remove_slot(&cluster.slot_of(0, &id).unwrap());
    wait::until("it is read-only", FORMED_WITHIN, || cluster.is_read_only(2));
    let rev = cluster.write("/meanwhile", "seen").revision();
    let got = ask(&cluster, 2, &Request::get("/meanwhile").rev(rev));
    assert_eq!(got.value_text(), "seen");
    cluster.make_slot(7);
    cluster.await_member(2, FORMED_WITHIN);
    assert_eq!(cluster.slot_of(0, &id).as_deref(), Some("/ctl/cal/7"));
    check_same_history(&cluster);
}

#[test]
fn an_emptied_slot_makes_its_node_read_only_and_goes_to_one_that_waits() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let waiting = cluster.attach();
    let slot = cluster.slot_of(0, &cluster.id(2).unwrap()).unwrap();
    let emptied = cluster.write(&slot, "").revision();
    // Both wait for it now: one gets it, the other is read-only.
    let taken = || cluster.get(0, &slot).is_some_and(|id| !id.is_empty());
    wait::until("the slot is taken again", FORMED_WITHIN, taken);
    assert!(ask(&cluster, 0, &Request::get(&slot)).revision() > emptied);
    let settled = || {
        let (one, other) = (cluster.is_member(2), cluster.is_member(waiting));
        one != other && cluster.is_read_only(if one { waiting } else { 2 })
    };
    wait::until("one of two is a member", FORMED_WITHIN, settled);
    check_same_history(&cluster);
}

#[test]
fn a_node_of_another_cluster_is_refused_with_a_line_on_both_sides() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(1, &[]);
    let launch = cluster.newcomer().flags(&["-c", "stranger"]);
    let stranger = launch.start_unwaited();
    await_log(
        &stranger,
        "the stranger is told the cluster's name",
        &["local"],
    );
    await_log(
        cluster.node(0),
        "the cluster names the stranger's",
        &["stranger"],
    );
    assert_eq!(cluster.slots(0).len(), 1);
    assert!(cluster.is_member(0));
}

#[test]
fn an_address_where_nobody_is_is_tried_again_with_a_message() {
    let _turn = one_at_a_time();
    let addr = lasting_addr();
    let early = Launch::new(FLAGS)
        .flags(&["-a", &addr])
        .addr(&lasting_addr())
        .learner()
        .start_unwaited();
    await_log(&early, "the address is named", &[&addr]);
    let mut early = early;
    assert!(early.is_running(), "it gave up: {}", early.log());
    let founder = Launch::new(FLAGS).addr(&addr).start();
    let cluster = Cluster::of(vec![founder, early]);
    let attached = || cluster.get(1, "/ctl/name").as_deref() == Some("local");
    wait::until("it is attached", FORMED_WITHIN, attached);
    cluster.make_slot(1);
    cluster.await_members(FORMED_WITHIN);
    check_same_history(&cluster);
}
