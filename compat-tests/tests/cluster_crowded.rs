//! Clients that take every connection there is do not keep nodes apart.

use std::time::Duration;

use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::connection::{Connection, Received};
use compat_tests::wait;
use compat_tests::wire::Request;

/// Connections that a node takes.
const LIMIT: usize = 40;
/// How long a client beyond them waits to be closed.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);

/// Connections of clients until there is no room for more.
fn crowd(cluster: &Cluster, number: usize) -> Vec<Connection> {
    let mut open = Vec::new();
    for _ in 0..LIMIT {
        let mut client = cluster.node(number).connect();
        if client.send(&Request::get("/ctl/name")).is_err() {
            break;
        }
        match client.receive(CLOSED_WITHIN) {
            Ok(Received::Response(_)) => open.push(client),
            _ => break,
        }
    }
    assert!(!open.is_empty());
    open
}

#[test]
fn links_are_made_with_a_node_whose_connections_clients_have_taken() {
    let _turn = one_at_a_time();
    let limit = LIMIT.to_string();
    let mut cluster = Cluster::start(3, &["--connections-max", &limit]);
    let (leader, other) = (cluster.leader(), cluster.follower());
    let third = 3 - leader - other;
    let crowds = [crowd(&cluster, leader), crowd(&cluster, third)];
    // All its links are lost, and take new places.
    cluster.node_mut(other).kill9();
    let more = [crowd_again(&cluster, leader), crowd_again(&cluster, third)];
    cluster.node_mut(other).spawn_again();
    cluster.await_member(other, FORMED_WITHIN);
    // A client gets none of the places that are kept for links.
    let mut late = cluster.node(leader).connect();
    let sent = late.send(&Request::get("/ctl/name"));
    let closed =
        || sent.is_err() || !matches!(late.receive(CLOSED_WITHIN), Ok(Received::Response(_)));
    wait::until("a client too many is closed", FORMED_WITHIN, closed);
    drop((crowds, more));
    cluster.await_members(FORMED_WITHIN);
}

/// The places that lost links have left, which may take a moment to be seen.
fn crowd_again(cluster: &Cluster, number: usize) -> Vec<Connection> {
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut client = cluster.node(number).connect();
        if client.send(&Request::get("/ctl/name")).is_ok()
            && let Ok(Received::Response(_)) = client.receive(CLOSED_WITHIN)
        {
            open.push(client);
        }
        wait::pause(Duration::from_millis(50));
    }
    open
}
