//! `record`: records the data folders of today's format below `compat-tests/data/folders`, anew.
//!
//! It is for a format that is new: what is recorded of one that was released stays as it is.

use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use compat_tests::cluster::{Cluster, FLAGS, FORMED_WITHIN};
use compat_tests::disk;
use compat_tests::recorded::{self, FORMAT_VERSION};
use compat_tests::server::{Launch, Server};
use compat_tests::wait;
use compat_tests::wire::{Request, Response, error, verb};

/// Addresses of this machine that no test listens at: a recorded node looks for the other one.
const FOUNDER: &str = "127.0.0.77:8046";
const MEMBER: &str = "127.0.0.78:8046";

/// A server makes a snapshot after 200,000 mutations: most of them, and the rest with some to spare.
const MUTATIONS: usize = 199_900;
const MORE_MUTATIONS: usize = 200;

/// The history that a snapshot may hold.
const REVISIONS_KEPT: i64 = 200;

/// Requests on their way at once.
const READ_AHEAD: usize = 500;

const SNAPSHOT_WITHIN: Duration = Duration::from_secs(60);

fn main() -> io::Result<()> {
    fs::create_dir_all(recorded::folder_of(FORMAT_VERSION))?;
    alone()?;
    member()
}

/// A node that is alone, started twice and killed: log and history from the first revision on.
fn alone() -> io::Result<()> {
    let mut node = Launch::new(FLAGS).addr(FOUNDER).start();
    write_some(&node, "/first");
    node.stop();
    node.start_again();
    write_some(&node, "/second");
    let told = tell(&node);
    node.kill9();
    keep("alone", &node, &told)
}

/// One node of two, stopped: its data begins with a snapshot from the other.
fn member() -> io::Result<()> {
    let founder = Launch::new(&["-pulse", "1000000", "-hist", "20"]);
    let founder = founder.addr(FOUNDER).start();
    write_some(&founder, "/first");
    for snapshots in 1..=2 {
        pass(&founder)?;
        let stands = || snapshots_of(&founder) == snapshots;
        wait::until("a snapshot stands", SNAPSHOT_WITHIN, stands);
    }
    let mut cluster = Cluster::of(vec![founder]);
    let member = cluster.newcomer().addr(MEMBER).start();
    let member = cluster.adopt(member);
    cluster.make_slot(1);
    cluster.await_member(member, FORMED_WITHIN);
    write_some(cluster.node(member), "/second");
    let told = tell(cluster.node(member));
    cluster.node_mut(member).stop();
    assert_eq!(
        snapshots_of(cluster.node(member)),
        1,
        "it got the log whole"
    );
    keep("member", cluster.node(member), &told)
}

fn snapshots_of(node: &Server) -> usize {
    let files = disk::files(node.data());
    let names = files.iter().map(|(name, _)| name.to_string_lossy());
    names.filter(|name| name.starts_with("snapshot-")).count()
}

/// Of each kind of mutation some, of each kind of value one.
fn write_some(node: &Server, folder: &str) {
    let mut connection = node.connect();
    let path = |name: &str| format!("{folder}/{name}");
    let set = |name: &str, value: &[u8]| Request::set(&path(name), -1, value);
    let bytes: Vec<u8> = (0..=255).collect();
    let rev = connection.call(&set("bytes", &bytes)).revision();
    for request in [
        Request::set(&path("bytes"), rev, "fewer"),
        set("empty", b""),
        set("text", b"v"),
        set("deep/er/file", b"w"),
        set("bytes-again", &bytes),
        set("gone", b"x"),
        Request::del(&path("gone"), -1),
        Request::new(verb::NOP),
    ] {
        accepted(&connection.call(&request));
    }
    let refused = connection.call(&Request::set(&path("text"), 0, "there is one"));
    assert!(refused.err_code.is_some(), "{refused:?}");
}

fn accepted(answer: &Response) {
    assert_eq!(answer.err_code, None, "{answer:?}");
}

/// Makes so many revisions that a snapshot is due, and that few of them are still history then.
fn pass(node: &Server) -> io::Result<()> {
    make_revisions(node, MUTATIONS)?;
    let mut connection = node.connect();
    let newest = connection.call(&Request::new(verb::REV)).revision();
    let old = Request::wait("/**", newest - REVISIONS_KEPT);
    wait::until("history is short", SNAPSHOT_WITHIN, || {
        connection.call(&old).err_code == Some(error::TOO_LATE)
    });
    make_revisions(node, MORE_MUTATIONS)
}

fn make_revisions(node: &Server, count: usize) -> io::Result<()> {
    let mut connection = node.connect();
    let (mut sent, mut answered) = (0, 0);
    while answered < count {
        while sent < count && sent < answered + READ_AHEAD {
            connection.send(&Request::new(verb::NOP))?;
            sent += 1;
        }
        accepted(&connection.response()?);
        answered += 1;
    }
    Ok(())
}

fn tell(node: &Server) -> String {
    let (first, rev) = recorded::reach(node);
    recorded::told(node, first, rev)
}

fn keep(name: &str, node: &Server, told: &str) -> io::Result<()> {
    let place = recorded::folder_of(FORMAT_VERSION);
    let text = recorded::to_text(node.data());
    fs::write(place.join(format!("{name}.hex")), &text)?;
    fs::write(place.join(format!("{name}.told")), told)?;
    writeln!(
        io::stdout(),
        "{name}: {} and {} bytes",
        text.len(),
        told.len()
    )
}
