//! Nodes that are started again at another address.

use std::fs;
use std::path::Path;
use std::time::Duration;

use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::server::{Server, lasting_addr};
use compat_tests::wait;
use compat_tests::wire::Request;

/// How long a SET may take that waits for an agreement.
const WRITE: Duration = Duration::from_secs(10);

/// Stops a node and starts it at another address.
fn move_node(cluster: &mut Cluster, number: usize, addr: &str) {
    let node = cluster.node_mut(number);
    node.stop();
    node.move_to(addr);
    node.spawn_again();
}

#[track_caller]
fn check_writes(cluster: &Cluster, number: usize) {
    let set = Request::set("/moved", -1, "v");
    let taken = || {
        let answer = cluster.ask(number, &set, WRITE);
        answer.is_some_and(|answer| answer.err_code.is_none())
    };
    wait::until(&format!("node {number} writes"), FORMED_WITHIN, taken);
}

#[track_caller]
fn await_line(node: &Server, words: &[&str]) {
    let is_there = || {
        let log = node.log();
        log.lines()
            .any(|line| words.iter().all(|word| line.contains(word)))
    };
    wait::until(&format!("a line with {words:?}"), FORMED_WITHIN, is_there);
}

#[test]
fn a_follower_is_reached_at_its_new_address_while_the_leader_goes_on() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let leadership = cluster.leadership();
    let (leader, moved, other) = (cluster.leader(), cluster.follower(), 3);
    let other = other - leader - moved;
    move_node(&mut cluster, moved, &lasting_addr());
    cluster.await_member(moved, FORMED_WITHIN);
    // From here on nothing is agreed on without it.
    cluster.kill9(other);
    check_writes(&cluster, leader);
    check_writes(&cluster, moved);
    assert_eq!(cluster.leadership(), leadership, "the leader went on");
}

#[test]
fn one_of_two_is_reached_at_its_new_address_though_nothing_is_agreed_on_without_it() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(2, &[]);
    let moved = cluster.follower();
    move_node(&mut cluster, moved, &lasting_addr());
    cluster.await_members(FORMED_WITHIN);
}

#[test]
fn a_leader_that_moved_says_so_itself_and_gets_what_others_forward() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(1, &[]);
    move_node(&mut cluster, 0, &lasting_addr());
    cluster.await_member(0, FORMED_WITHIN);
    cluster.grow(2);
    check_writes(&cluster, 1);
}

#[test]
fn a_node_that_is_reached_at_both_addresses_may_be_known_by_another() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(2, &[]);
    let moved = cluster.follower();
    let port = cluster
        .node(moved)
        .addr()
        .rsplit_once(':')
        .map(|(_, port)| port.to_owned());
    let advertised = format!("localhost:{}", port.expect("a port"));
    let node = cluster.node_mut(moved);
    node.stop();
    node.change(|launch| launch.flags(&["--advertise", &advertised]));
    node.spawn_again();
    await_line(
        cluster.node(1 - moved),
        &["node is at another address", &advertised],
    );
    cluster.await_members(FORMED_WITHIN);
}

#[test]
fn no_node_is_said_to_be_where_another_member_is() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let (moved, other) = (cluster.follower(), (cluster.follower() + 1) % 3);
    let (leader, other) = (3 - moved - other, other);
    assert_eq!(leader, cluster.leader());
    let (own, others) = (
        cluster.addrs()[moved].clone(),
        cluster.addrs()[other].clone(),
    );
    let id = cluster.id(other).expect("it answers");
    cluster.kill9(other);
    move_node(&mut cluster, moved, &others);
    let refused = format!("{others} is the address of node {id}");
    await_line(cluster.node(moved), &["WARN", &refused]);
    for node in 0..3 {
        assert!(
            !cluster
                .node(node)
                .log()
                .contains("node is at another address")
        );
    }
    move_node(&mut cluster, moved, &own);
    cluster.node_mut(other).spawn_again();
    cluster.await_members(FORMED_WITHIN);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let copy = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            copy_folder(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).expect("a copy");
        }
    }
}

#[test]
fn a_copy_of_a_node_that_runs_elsewhere_is_not_taken_for_it() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let original = cluster.follower();
    cluster.node_mut(original).stop();
    let home = tempfile::TempDir::new().expect("a temporary folder");
    let folder = home.path().join("copy");
    copy_folder(cluster.node(original).data(), &folder);
    cluster.node_mut(original).start_again();
    let addr = cluster.addrs()[original].clone();
    let leader = cluster.leader();
    let launch = cluster.launch().data(&folder).learner();
    let copy = launch.flags(&["-a", cluster.node(leader).addr()]);
    let copy = copy.start_unwaited();
    await_line(&copy, &["WARN", "another process", &addr]);
    let moved = "node is at another address";
    assert!((0..3).all(|node| !cluster.node(node).log().contains(moved)));
    drop(copy);
    cluster.await_members(FORMED_WITHIN);
}
