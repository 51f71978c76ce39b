//! Who is let in by other nodes, and that nothing that comes over a link's beginning does harm.

use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::{Cluster, FLAGS, FORMED_WITHIN, one_at_a_time};
use compat_tests::connection::{Connection, Received};
use compat_tests::history::recorder::{Recorder, Tally};
use compat_tests::server::{Launch, Server, lasting_addr, raise_open_files};
use compat_tests::tls::{Authority, Certificate};
use compat_tests::wait;
use compat_tests::wire::{Request, Response, error, frame, put_varint, verb};
use rustix::process::Signal;

/// The verb that begins a link.
const LINK: i32 = 120;

/// The newest version of the messages between nodes that is known here.
const VERSION: u64 = 1;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a link that does not go on is held at most, with room to spare.
const HALF_MADE_WITHIN: Duration = Duration::from_secs(10);

/// A server of this test holds less than this, whatever is sent to it.
const RSS_BYTES_MAX: u64 = 300 << 20;

/// Connections that never become links.
const LINKS: usize = 4_000;

const PEER: &str = "DOOZER_PEERSECRET";
const OLD_PEER: &str = "DOOZER_PEERSECRET_OLD";
const READ_WRITE: &str = "DOOZER_RWSECRET";

/// What is logged where a node is not let in, and where it is told so.
const NOT_LET_IN: &str = "another node was not let in";
const NO_LINK: &str = "no link with another node";

/// A node with an address that lasts.
fn launch(env: &[(&str, &str)]) -> Launch {
    let launch = Launch::new(FLAGS).addr(&lasting_addr());
    env.iter()
        .fold(launch, |launch, (name, value)| launch.env(name, value))
}

/// A node that attaches to `founder`, not waited for.
fn attach(founder: &Server, env: &[(&str, &str)]) -> Server {
    let launch = launch(env).flags(&["-a", founder.addr()]).learner();
    launch.start_unwaited()
}

#[track_caller]
fn await_line(server: &Server, words: &[&str]) {
    wait::until_line(server, words, FORMED_WITHIN);
}

#[track_caller]
fn await_attached(server: &Server) {
    await_line(server, &["INFO", "attached"]);
}

/// One node with `ours` refuses one with `theirs`, and both say so.
#[track_caller]
fn check_refused(ours: &[(&str, &str)], theirs: &[(&str, &str)]) {
    let founder = launch(ours).start();
    let mut stranger = attach(&founder, theirs);
    await_line(&founder, &["WARN", NOT_LET_IN, "secret", PEER]);
    await_line(&stranger, &["WARN", NO_LINK, "secret", founder.addr()]);
    assert!(stranger.is_running());
    assert!(!wait::has_line(&stranger, &["attached at"]));
    let cluster = Cluster::of(vec![founder]);
    assert_eq!(cluster.slots(0).len(), 1);
    assert!(
        cluster.get(0, "/ctl/name").is_some(),
        "the founder is harmed"
    );
    for (_, secret) in ours.iter().chain(theirs) {
        for log in [stranger.log(), cluster.node(0).log()] {
            assert!(!log.contains(secret), "a secret is logged: {log}");
        }
    }
}

#[test]
fn a_node_without_the_secret_or_with_a_wrong_one_is_refused_with_a_line_on_both_sides() {
    let _turn = one_at_a_time();
    let ours = [(PEER, "peers-alone")];
    for theirs in [
        &[][..],
        &[(PEER, "wrong-one")],
        &[(READ_WRITE, "peers-alone-not")],
        &[(OLD_PEER, "older-one")],
    ] {
        check_refused(&ours, theirs);
    }
    check_refused(&[(READ_WRITE, "write-it")], &[]);
    check_refused(
        &[(READ_WRITE, "write-it"), (PEER, "peers-alone")],
        &[(READ_WRITE, "write-it")],
    );
}

#[test]
fn nodes_know_each_other_by_the_write_secret_or_by_one_of_their_own() {
    let _turn = one_at_a_time();
    for (ours, theirs) in [
        (&[(READ_WRITE, "w")][..], &[(READ_WRITE, "w")][..]),
        (&[(READ_WRITE, "w")], &[(PEER, "w")]),
        (
            &[(READ_WRITE, "w"), (PEER, "p")],
            &[(READ_WRITE, "v"), (PEER, "p")],
        ),
        (&[(PEER, "new"), (OLD_PEER, "old")], &[(PEER, "old")]),
        (&[(PEER, "old")], &[(PEER, "new"), (OLD_PEER, "old")]),
    ] {
        let founder = launch(ours).start();
        await_attached(&attach(&founder, theirs));
    }
}

#[test]
fn a_secret_is_changed_node_by_node_under_load() {
    let _turn = one_at_a_time();
    let founder = launch(&[(PEER, "one")]).start();
    let others = [0, 1].map(|_| attach(&founder, &[(PEER, "one")]));
    let mut nodes = vec![founder];
    nodes.extend(others);
    let mut cluster = Cluster::of(nodes);
    cluster.make_slot(1);
    cluster.make_slot(2);
    cluster.await_members(FORMED_WITHIN);
    let ids = cluster.ids();
    let recorder = Recorder::new();
    let running = ClientLoad::default().start(&recorder, &cluster.addrs());
    let both = |launch: Launch| {
        let launch = launch.without_env(PEER);
        launch.env(PEER, "two").env(OLD_PEER, "one")
    };
    let alone = |launch: Launch| launch.without_env(OLD_PEER);
    for change in [both as fn(Launch) -> Launch, alone] {
        for node in 0..3 {
            let status = cluster.node_mut(node).stop();
            assert_eq!(status.code(), Some(0), "node {node} ended otherwise");
            cluster.node_mut(node).change(change);
            cluster.node_mut(node).start_again();
            cluster.await_members(FORMED_WITHIN);
        }
    }
    let unread = running.finish();
    cluster.check(&recorder);
    cluster.check_not_kicked(&ids);
    let tally = Tally::of(&recorder.operations());
    assert_eq!((unread, tally.silences), (0, 0));
    assert_eq!(tally.errors, Vec::<String>::new());
    let late = attach(cluster.node(1), &[(PEER, "one")]);
    await_line(&late, &[NO_LINK, "secret"]);
}

/// A node that speaks TLS.
fn launch_tls(authority: &Authority, certificate: &Certificate) -> Launch {
    let (cert, key) = certificate.files();
    let trusted = authority.file().display().to_string();
    launch(&[]).tls(cert, key).flags(&["--tls-ca", &trusted])
}

/// One answer of the node at `server`, over TLS.
fn call(authority: &Authority, server: &Server, request: &Request) -> Response {
    let connected = authority.connect(server.addr());
    connected.expect("a connection").call(request)
}

#[track_caller]
fn await_takes_writes(authority: &Authority, server: &Server) {
    let what = format!("{} takes writes", server.addr());
    let takes = || {
        let answer = call(authority, server, &Request::set("/probe", -1, "v"));
        answer.err_code.is_none()
    };
    wait::until(&what, FORMED_WITHIN, takes);
}

#[test]
fn a_cluster_forms_over_tls_and_survives_its_leader() {
    let _turn = one_at_a_time();
    let authority = Authority::new();
    let certificates = [(); 3].map(|()| authority.vouch());
    let mut founder = launch_tls(&authority, &certificates[0]).start();
    await_takes_writes(&authority, &founder);
    let others = [1, 2].map(|node: usize| {
        let launch = launch_tls(&authority, &certificates[node]);
        launch.flags(&["-a", founder.addr()]).start()
    });
    for slot in [1, 2] {
        let slot = Request::set(&format!("/ctl/cal/{slot}"), -1, "");
        call(&authority, &founder, &slot).revision();
    }
    for other in &others {
        await_takes_writes(&authority, other);
    }
    let big: Vec<u8> = (0..=255).cycle().take(700_000).collect();
    let rev = call(&authority, &others[0], &Request::set("/big", -1, &big)).revision();
    founder.kill9();
    for other in &others {
        await_takes_writes(&authority, other);
        let got = call(&authority, other, &Request::get("/big").rev(rev));
        assert_eq!(got.value.as_deref(), Some(&big[..]));
    }
    founder.start_again();
    await_takes_writes(&authority, &founder);
}

#[test]
fn what_a_node_dials_with_is_read_again_at_a_sighup() {
    let _turn = one_at_a_time();
    let (before, after) = (Authority::new(), Authority::new());
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let put = |authority: &Authority| {
        let certificate = authority.vouch();
        let (cert, key) = certificate.files();
        for (from, to) in [(cert, "cert"), (key, "key"), (&authority.file(), "ca")] {
            fs::copy(from, file(to)).expect("a copy");
        }
    };
    put(&before);
    let launch = || {
        let trusted = file("ca").display().to_string();
        let launch = launch(&[]).tls(&file("cert"), &file("key"));
        launch.flags(&["--tls-ca", &trusted])
    };
    let founder = launch().start();
    await_takes_writes(&before, &founder);
    let mut other = launch().flags(&["-a", founder.addr()]).start();
    let slot = Request::set("/ctl/cal/1", -1, "");
    call(&before, &founder, &slot).revision();
    await_takes_writes(&before, &other);
    // Another authority vouches from now on, and the old one is trusted no more.
    put(&after);
    founder.signal(Signal::HUP);
    await_line(&founder, &["certificate read again"]);
    other.stop();
    other.start_again();
    // The leader must dial it: without the two nothing is agreed on.
    await_takes_writes(&after, &other);
    await_takes_writes(&after, &founder);
}

#[test]
fn a_node_without_a_certificate_of_the_authority_is_refused() {
    let _turn = one_at_a_time();
    let (authority, others) = (Authority::new(), Authority::new());
    let (own, foreign, good) = (authority.vouch(), others.vouch(), authority.vouch());
    let founder = launch_tls(&authority, &own).flags(&["--tls-client-auth"]);
    let founder = founder.start();
    await_takes_writes(&authority, &founder);
    // A certificate of somebody else's.
    let stranger = launch_tls(&authority, &foreign).flags(&["-a", founder.addr()]);
    let stranger = stranger.start_unwaited();
    await_line(&founder, &["WARN", "TLS", "handshake failed"]);
    await_line(&stranger, &["WARN", founder.addr(), "certificate"]);
    // None at all: a client needs none, a node does.
    let mut bare = authority.connect(founder.addr()).expect("a connection");
    let answer = bare.call(&Request::new(LINK).value(hello(VERSION, "local")));
    let told = String::from_utf8_lossy(answer.value.as_deref().unwrap_or_default()).into_owned();
    assert!(told.contains("--tls-client-auth"), "{told}");
    await_line(&founder, &["WARN", NOT_LET_IN, "--tls-client-auth"]);
    let node = launch_tls(&authority, &good).flags(&["-a", founder.addr()]);
    await_attached(&node.start());
    await_takes_writes(&authority, &founder);
}

#[test]
fn a_node_that_speaks_no_tls_is_told_what_may_be_wrong() {
    let _turn = one_at_a_time();
    let authority = Authority::new();
    let certificate = authority.vouch();
    let secured = launch_tls(&authority, &certificate).start();
    let plain = attach(&secured, &[]);
    await_line(&plain, &["WARN", secured.addr(), "-tlscert"]);
    let open = launch(&[]).start();
    let other = launch_tls(&authority, &certificate).flags(&["-a", open.addr()]);
    let other = other.start_unwaited();
    await_line(&other, &["WARN", open.addr(), "-tlscert"]);
    await_takes_writes(&authority, &secured);
    assert!(Cluster::of(vec![open]).is_member(0));
}

#[test]
fn a_node_of_another_cluster_of_the_name_is_refused_with_a_line_on_both_sides() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(1, &[]);
    let mut other = launch(&[]).start();
    let id = other.call(&Request::new(verb::SELF)).value_text();
    other.stop();
    let addr = cluster.node(0).addr().to_owned();
    other.change(|launch| launch.flags(&["-a", &addr]));
    other.start_again();
    let words = ["WARN", "another cluster of the name \"local\""];
    await_line(&other, &[&words[..], &[NO_LINK, &addr]].concat());
    await_line(cluster.node(0), &[&words[..], &[NOT_LET_IN]].concat());
    let both = Cluster::of(vec![other]);
    assert_eq!(both.id(0), Some(id));
    assert!(both.is_member(0) && cluster.is_member(0));
    assert_eq!((both.slots(0).len(), cluster.slots(0).len()), (1, 1));
}

#[test]
fn a_slave_of_the_original_can_attach_by_the_client_protocol_and_never_counts() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(1, &[]);
    let mut slave = cluster.node(0).connect();
    // As the original did: who is it, who are its members, where are they.
    slave.call(&Request::access(""));
    assert_eq!(slave.call(&Request::get("/ctl/name")).value_text(), "local");
    let rev = slave.call(&Request::new(verb::REV)).revision();
    let slot = slave.call(&Request::getdir("/ctl/cal", 0)).path_text();
    let member = slave.call(&Request::get(&format!("/ctl/cal/{slot}")));
    let addr = format!("/ctl/node/{}/addr", member.value_text());
    assert_eq!(
        slave.call(&Request::get(&addr)).value_text(),
        cluster.node(0).addr()
    );
    let id = "SLAVESLAVESLAVE2";
    let mut last = rev;
    for (name, value) in [
        ("addr", "127.0.0.1:9"),
        ("hostname", "old"),
        ("version", "0.9"),
    ] {
        let own = Request::set(&format!("/ctl/node/{id}/{name}"), -1, value);
        last = slave.call(&own).revision();
    }
    // It follows everything, one revision after another.
    cluster.make_slot(1);
    for rev in rev + 1..=last + 1 {
        assert_eq!(slave.call(&Request::wait("/**", rev)).revision(), rev);
    }
    // The slot waits for a node that can vote, and takes no other.
    wait::pause(Duration::from_secs(2));
    assert_eq!(cluster.get(0, "/ctl/cal/1").as_deref(), Some(""));
    let answer = slave.call(&Request::set("/ctl/cal/1", -1, id));
    assert_eq!(answer.err_code, Some(error::OTHER), "{answer:?}");
    assert!(answer.detail().contains(id), "{}", answer.detail());
    assert!(cluster.is_member(0));
}

/// A hello of `version` for a cluster of that name, from a node nobody knows.
fn hello(version: u64, cluster: &str) -> Vec<u8> {
    const CLUSTER_ID: u64 = 5;
    let mut hello = Vec::new();
    let mut number = |field: u64, number| {
        put_varint(&mut hello, field << 3);
        put_varint(&mut hello, number);
    };
    number(1, version);
    number(2, 4);
    let mut bytes = |field: u64, bytes: &[u8]| {
        put_varint(&mut hello, (field << 3) | 2);
        put_varint(&mut hello, bytes.len() as u64);
        hello.extend_from_slice(bytes);
    };
    bytes(3, b"0123456789");
    bytes(CLUSTER_ID, b"");
    bytes(6, cluster.as_bytes());
    bytes(7, &[7; 32]);
    hello
}

fn link(version: u64) -> Request {
    Request::new(LINK).value(hello(version, "local"))
}

#[test]
fn a_newer_version_is_refused_with_a_clear_message() {
    let _turn = one_at_a_time();
    let server = launch(&[]).start();
    let answer = server.call(&link(VERSION + 1));
    let told = String::from_utf8_lossy(answer.value.as_deref().unwrap_or_default()).into_owned();
    assert!(
        told.contains("version 2") && told.contains("version 1"),
        "{told}"
    );
    await_line(&server, &["WARN", NOT_LET_IN, "version 2"]);
    let mut refused = server.connect();
    refused.call(&link(VERSION + 1));
    assert_eq!(refused.receive(ANSWER).ok(), Some(Received::Closed));
    let answer = server.call(&link(VERSION));
    assert_eq!((answer.err_code, answer.value.is_some()), (None, true));
}

/// What is sent after a connection is made, and never followed by anything.
fn half_made() -> Vec<Vec<u8>> {
    let whole = link(VERSION).frame();
    let huge = [0x7f, 0xff, 0xff, 0xff];
    let rubbish: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let proof = frame(b"");
    vec![
        whole[..whole.len() / 2].to_vec(),
        whole.clone(),
        [&whole[..], &rubbish].concat(),
        [&whole[..], &huge].concat(),
        [&whole[..], &frame(&rubbish)].concat(),
        [&whole[..], &proof].concat(),
        [&whole[..], &proof, &rubbish].concat(),
        [&whole[..], &proof, &huge].concat(),
        [&whole[..], &proof, &frame(&rubbish)].concat(),
        Request::new(LINK).frame(),
        Request::new(LINK).value(&rubbish).frame(),
        link(u64::MAX).frame(),
        [&whole[..], &whole].concat(),
    ]
}

#[track_caller]
fn check_well(cluster: &Cluster) {
    let begin = Instant::now();
    let answer = cluster.ask(0, &Request::set("/well", -1, "v"), ANSWER);
    assert!(answer.is_some_and(|answer| answer.err_code.is_none()));
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    let rss = cluster.node(0).rss_bytes();
    assert!(rss < RSS_BYTES_MAX, "{rss} bytes resident");
    assert!(!cluster.node(0).log().contains("panicked"));
}

#[test]
fn rubbish_and_silence_at_the_beginning_of_a_link_are_ended() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(1, &[]);
    for bytes in half_made() {
        for half_close in [false, true] {
            let mut connection = cluster.node(0).connect();
            connection.send_bytes(&bytes).expect("bytes are taken");
            if half_close {
                connection.half_close().expect("a half-close");
            }
        }
        check_well(&cluster);
    }
    // A hello that is never followed by a proof is not waited for.
    let mut silent = cluster.node(0).connect();
    silent.call(&link(VERSION));
    let begin = Instant::now();
    assert_eq!(
        silent.receive(HALF_MADE_WITHIN).ok(),
        Some(Received::Closed)
    );
    assert!(begin.elapsed() < HALF_MADE_WITHIN);
}

#[test]
fn thousands_of_half_made_links_leave_the_server_well() {
    let _turn = one_at_a_time();
    raise_open_files(LINKS as u64 + 1_000);
    let mut cluster = Cluster::start(1, &[]);
    let kinds = half_made();
    let mut open = Vec::new();
    for number in 0..LINKS {
        let mut connection = Connection::open(cluster.node(0).addr()).expect("a connection");
        // One that was ended already does not take them.
        drop(connection.send_bytes(&kinds[number % kinds.len()]));
        open.push(connection);
    }
    check_well(&cluster);
    let node = cluster.attach();
    cluster.make_slot(node);
    cluster.await_member(node, FORMED_WITHIN);
    for connection in &open {
        drop(connection.stream().shutdown(Shutdown::Both));
        drop(connection.stream().flush());
    }
    drop(open);
    check_well(&cluster);
    let lines = cluster.node(0).log().lines().count();
    assert!(lines < 100, "{lines} lines of log");
}

#[test]
fn a_node_that_looks_for_its_cluster_bears_the_same() {
    let _turn = one_at_a_time();
    let addr = lasting_addr();
    let early = launch(&[]).flags(&["-a", &addr]).learner().start_unwaited();
    await_line(&early, &[&addr]);
    let kinds = half_made();
    let open: Vec<_> = (0..1_000)
        .map(|number| {
            let mut connection = early.connect();
            drop(connection.send_bytes(&kinds[number % kinds.len()]));
            connection
        })
        .collect();
    let founder = launch(&[]).addr(&addr).start();
    await_attached(&early);
    let cluster = Cluster::of(vec![founder, early]);
    cluster.make_slot(1);
    cluster.await_members(FORMED_WITHIN);
    drop(open);
}
