//! Clusters that find themselves through a `DzNS`: founding, dying, forgetting, and being found.

use std::process::{Command, Output};
use std::time::Duration;

use compat_tests::binaries;
use compat_tests::cluster::{Cluster, FLAGS, FORMED_WITHIN, ask, one_at_a_time};
use compat_tests::history::recorder::Recorder;
use compat_tests::server::{Launch, Server, lasting_addr};
use compat_tests::wait;
use compat_tests::wire::{Request, error, verb};

/// The cluster that is registered.
const NAME: &str = "app";

/// How long a thing that must not happen is waited for.
const NOT_WITHIN: Duration = Duration::from_secs(3);

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

const SECRET: &str = "open-sesame";

/// A `DzNS` of one node or several.
struct Dzns(Cluster);

impl Dzns {
    fn start(nodes: usize) -> Self {
        Self(Cluster::start(nodes, &[]))
    }

    fn uri(&self) -> String {
        let addrs = self.0.addrs().join("&ca=");
        format!("doozer:?ca={addrs}")
    }

    /// What stands there at `path`, by the words of the first node that answers.
    fn get(&self, path: &str) -> String {
        let mut nodes = 0..self.0.count();
        let got = nodes.find_map(|node| self.0.get(node, path));
        got.expect("some node of the DzNS answers")
    }

    fn rev(&self) -> i64 {
        let answer = self.0.ask(0, &Request::new(verb::REV), ANSWER);
        answer.expect("the DzNS answers").revision()
    }

    /// The ids that are registered, with their addresses.
    fn registered(&self) -> Vec<(String, String)> {
        let glob = format!("/ctl/ns/{NAME}/*");
        let node = (0..self.0.count()).find(|node| self.0.id(*node).is_some());
        let node = node.expect("some node of the DzNS answers");
        let file = |offset| {
            let answer = self.0.ask(node, &Request::walk(&glob, offset), ANSWER)?;
            answer
                .err_code
                .is_none()
                .then(|| (answer.path_text(), answer.value_text()))
        };
        let files = (0..).map_while(file);
        let id = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        files.map(|(path, addr)| (id(&path), addr)).collect()
    }

    /// Waits until exactly the nodes of `cluster` are registered.
    #[track_caller]
    fn await_registered(&self, cluster: &Cluster) {
        let mut want: Vec<_> = cluster.ids().into_iter().zip(cluster.addrs()).collect();
        want.sort();
        let what = format!("the DzNS has {want:?} registered");
        wait::until(&what, FORMED_WITHIN, || self.registered() == want);
    }
}

/// A node of the cluster, not waited for.
fn start_node(uri: &str, flags: &[&str]) -> Server {
    launch(uri, flags).start_unwaited()
}

fn launch(uri: &str, flags: &[&str]) -> Launch {
    let launch = Launch::new(FLAGS).flags(&["-c", NAME, "-b", uri]);
    launch.flags(flags).addr(&lasting_addr()).learner()
}

/// `count` nodes started together.
fn start_nodes(count: usize, uri: &str) -> Cluster {
    Cluster::of((0..count).map(|_| start_node(uri, &[])).collect())
}

/// How many times any of these nodes founded a cluster.
fn foundings(cluster: &Cluster) -> usize {
    let logs = (0..cluster.count()).map(|node| cluster.node(node).log());
    logs.map(|log| log.matches("founded a new cluster").count())
        .sum()
}

#[track_caller]
fn await_serving(cluster: &Cluster) {
    for node in 0..cluster.count() {
        let what = format!("node {node} has the cluster");
        let has = || cluster.get(node, "/ctl/name").as_deref() == Some(NAME);
        wait::until(&what, FORMED_WITHIN, has);
    }
}

/// Makes every node a member; they tell one history.
#[track_caller]
fn fill_slots(cluster: &Cluster) {
    for slot in 1..cluster.count() {
        cluster.make_slot(slot);
    }
    cluster.await_members(FORMED_WITHIN);
    Recorder::new().check(&cluster.tales());
}

/// The `doozer` command, with its arguments.
fn doozer(args: &[&str]) -> Output {
    let mut command = Command::new(binaries::doozer());
    let output = command.env_clear().args(args).output();
    output.expect("doozer can be executed")
}

#[track_caller]
fn check_prints(args: &[&str], want: &str) {
    let output = doozer(args);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), want, "{told}");
}

#[test]
fn of_four_nodes_started_together_one_founds_and_three_attach() {
    let _turn = one_at_a_time();
    let dzns = Dzns::start(1);
    let cluster = start_nodes(4, &dzns.uri());
    await_serving(&cluster);
    assert_eq!(foundings(&cluster), 1);
    fill_slots(&cluster);
    dzns.await_registered(&cluster);
    let founder = dzns.get(&format!("/ctl/boot/{NAME}"));
    assert!(cluster.ids().contains(&founder), "{founder}");
    for node in 0..4 {
        let is_founder = cluster.id(node) == Some(founder.clone());
        let steps = if is_founder {
            [
                "asking the DzNS",
                "won the election: founding",
                "founded a new cluster",
            ]
        } else {
            [
                "asking the DzNS",
                "found the cluster through the DzNS",
                "attached",
            ]
        };
        for step in steps {
            assert!(wait::has_line(cluster.node(node), &[step]), "{step}");
        }
    }
    let uri = dzns.uri();
    check_prints(
        &["-a", "doozer:?cn=app", "-b", &uri, "get", "/ctl/name"],
        NAME,
    );
}

#[test]
fn nodes_that_were_killed_together_go_on_and_found_nothing() {
    let _turn = one_at_a_time();
    let dzns = Dzns::start(1);
    let mut cluster = start_nodes(4, &dzns.uri());
    await_serving(&cluster);
    fill_slots(&cluster);
    cluster.write("/kept", "v");
    for node in 0..4 {
        cluster.kill9(node);
    }
    for node in 0..4 {
        cluster.node_mut(node).spawn_again();
    }
    cluster.await_members(FORMED_WITHIN);
    assert_eq!(foundings(&cluster), 1);
    assert_eq!(cluster.get(0, "/kept").as_deref(), Some("v"));
    dzns.await_registered(&cluster);
}

#[test]
fn a_founder_gone_for_good_is_named_and_cleared_by_a_command_alone() {
    let _turn = one_at_a_time();
    let dzns = Dzns::start(1);
    let mut cluster = start_nodes(3, &dzns.uri());
    await_serving(&cluster);
    fill_slots(&cluster);
    dzns.await_registered(&cluster);
    let (founder, old) = (dzns.get(&format!("/ctl/boot/{NAME}")), cluster.ids());
    let uri = dzns.uri();
    let flags: Vec<&str> = [FLAGS, &["-c", NAME, "-b", &uri]].concat();
    for node in 0..3 {
        cluster.kill9(node);
    }
    for node in 0..3 {
        cluster.node_mut(node).spawn_anew(&flags);
    }
    let command = format!("doozer -a '{uri}' del /ctl/boot/{NAME} -1");
    for node in 0..3 {
        let words = [&founder[..], "/ctl/boot/app", &command];
        wait::until_line(cluster.node(node), &words, FORMED_WITHIN);
    }
    let before = dzns.rev();
    wait::pause(NOT_WITHIN);
    assert_eq!(dzns.rev(), before, "nodes that wait write to the DzNS");
    assert_eq!(foundings(&cluster), 1, "one founded without being told");
    let output = doozer(&["-a", &uri, "del", "/ctl/boot/app", "-1"]);
    assert!(output.status.success(), "{output:?}");
    await_serving(&cluster);
    assert_eq!(foundings(&cluster), 2);
    fill_slots(&cluster);
    dzns.await_registered(&cluster);
    let ids = cluster.ids();
    assert!(old.iter().all(|id| !ids.contains(id)), "an id came back");
}

#[test]
fn a_node_that_dies_at_any_moment_of_its_first_start_comes_back_by_itself() {
    let _turn = one_at_a_time();
    let dzns = Dzns::start(1);
    for after in (0..12).map(|step| Duration::from_millis(step * 20)) {
        let name = format!("app-{}", after.as_millis());
        let mut node = start_node(&dzns.uri(), &["-c", &name]);
        wait::pause(after);
        node.kill9();
        node.spawn_again();
        let cluster = Cluster::of(vec![node]);
        let what = format!("the node killed after {after:?} serves");
        let serves = || cluster.get(0, "/ctl/name").as_deref() == Some(&name[..]);
        wait::until(&what, FORMED_WITHIN, serves);
        let founder = dzns.get(&format!("/ctl/boot/{name}"));
        assert_eq!(cluster.id(0), Some(founder), "{after:?}");
    }
}

#[test]
fn a_founder_that_died_after_its_election_recognises_itself() {
    let _turn = one_at_a_time();
    let dzns = Dzns::start(1);
    let id = "ABCDEFGHIJKLMNOP";
    let (addr, data) = (lasting_addr(), tempfile::TempDir::new().expect("a folder"));
    std::fs::write(data.path().join("candidate"), id).expect("a file");
    dzns.0.write(&format!("/ctl/ns/{NAME}/{id}"), &addr);
    dzns.0.write(&format!("/ctl/boot/{NAME}"), id);
    let other = start_node(&dzns.uri(), &[]);
    wait::until_line(&other, &[id, "no node of it answers"], FORMED_WITHIN);
    let uri = dzns.uri();
    let founder = launch(&uri, &[]).addr(&addr).data(data.path());
    let cluster = Cluster::of(vec![founder.start(), other]);
    let own = cluster.node(0);
    assert!(wait::has_line(own, &["won the election before"]));
    assert_eq!(cluster.id(0).as_deref(), Some(id));
    await_serving(&cluster);
    fill_slots(&cluster);
    dzns.await_registered(&cluster);
}

#[test]
fn a_node_that_died_before_it_was_taken_in_asks_the_dzns_again() {
    let _turn = one_at_a_time();
    let dzns = Dzns::start(1);
    let mut founder = start_node(&dzns.uri(), &[]);
    wait::until_line(&founder, &["serving"], FORMED_WITHIN);
    let other = start_node(&dzns.uri(), &[]);
    wait::until_line(&other, &["attaching to a cluster"], FORMED_WITHIN);
    let mut other = other;
    other.kill9();
    founder.kill9();
    other.spawn_again();
    founder.spawn_again();
    let cluster = Cluster::of(vec![founder, other]);
    await_serving(&cluster);
    fill_slots(&cluster);
}

#[test]
fn a_dzns_of_three_with_one_of_them_down_is_as_good() {
    let _turn = one_at_a_time();
    for dead in 0..2 {
        let mut dzns = Dzns::start(3);
        let uri = dzns.uri();
        dzns.0.kill9(dead);
        let cluster = start_nodes(2, &uri);
        await_serving(&cluster);
        fill_slots(&cluster);
        dzns.await_registered(&cluster);
        assert_eq!(foundings(&cluster), 1);
        check_prints(
            &["-a", "doozer:?cn=app", "-b", &uri, "get", "/ctl/name"],
            NAME,
        );
        // And a member of it that goes later is no trouble either.
        let other = (dead + 1) % 3;
        dzns.0.node_mut(dead).start_again();
        dzns.0.await_members(FORMED_WITHIN);
        dzns.0.kill9(other);
        let mut cluster = cluster;
        let node = cluster.adopt(start_node(&uri, &[]));
        cluster.make_slot(2);
        cluster.await_member(node, FORMED_WITHIN);
        dzns.await_registered(&cluster);
    }
}

#[test]
fn the_entry_of_a_node_that_is_gone_is_removed() {
    let _turn = one_at_a_time();
    let dzns = Dzns::start(1);
    let uri = dzns.uri();
    let node = |_| start_node(&uri, &["-timeout", "2s"]);
    let mut cluster = Cluster::of((0..3).map(node).collect());
    await_serving(&cluster);
    fill_slots(&cluster);
    dzns.await_registered(&cluster);
    let id = cluster.id(2).expect("an id");
    let slot = cluster.slot_of(0, &id).expect("a slot");
    cluster.kill9(2);
    let is_there = || dzns.registered().iter().any(|(there, _)| *there == id);
    wait::until("its entry is removed", FORMED_WITHIN, || !is_there());
    assert_eq!(dzns.registered().len(), 2);
    // Else the next one would take it.
    cluster.remove_slot(&slot);
    // One that has lost its slot is none to be found.
    let id = cluster.id(1).expect("an id");
    let slot = cluster.slot_of(0, &id).expect("a slot");
    cluster.remove_slot(&slot);
    let is_there = || dzns.registered().iter().any(|(there, _)| *there == id);
    wait::until("its entry is removed", FORMED_WITHIN, || !is_there());
}

#[test]
fn addresses_given_come_before_the_dzns() {
    let _turn = one_at_a_time();
    let dzns = Dzns::start(1);
    let founder = Launch::new(FLAGS)
        .flags(&["-c", NAME])
        .addr(&lasting_addr());
    let founder = founder.start();
    let (at, uri) = (founder.addr().to_owned(), dzns.uri());
    let cluster = Cluster::of(vec![founder, start_node(&uri, &["-a", &at])]);
    await_serving(&cluster);
    assert_eq!(dzns.get(&format!("/ctl/boot/{NAME}")), "");
    fill_slots(&cluster);
    // Where nobody answers at the address, the DzNS is asked.
    let nobody = lasting_addr();
    let alone = start_node(&uri, &["-c", "other", "-a", &nobody]);
    wait::until_line(&alone, &[&nobody], FORMED_WITHIN);
    wait::until_line(&alone, &["founded a new cluster"], FORMED_WITHIN);
    assert!(!dzns.get("/ctl/boot/other").is_empty());
}

#[test]
fn a_dzns_may_have_a_secret_or_none() {
    let _turn = one_at_a_time();
    for (theirs, ours, sk) in [
        (SECRET, "", SECRET),
        (SECRET, SECRET, ""),
        ("", SECRET, ""),
        (SECRET, "another", SECRET),
    ] {
        let dzns = Launch::new(FLAGS).addr(&lasting_addr());
        let dzns = dzns.env("DOOZER_RWSECRET", theirs).start();
        let sk = if sk.is_empty() {
            String::new()
        } else {
            format!("&sk={sk}")
        };
        let uri = format!("doozer:?ca={}{sk}", dzns.addr());
        let node = launch(&uri, &[]).env("DOOZER_RWSECRET", ours).start();
        // Registered it is from the election on; an entry that is lost comes back.
        let id = node.call(&Request::new(verb::SELF)).value_text();
        let mut there = dzns.connect();
        there.call(&Request::access(theirs));
        let entry = format!("/ctl/ns/{NAME}/{id}");
        assert_eq!(there.call(&Request::get(&entry)).value_text(), node.addr());
        assert_eq!(there.call(&Request::del(&entry, -1)).err_code, None);
        wait::until_line(&node, &["registered at the DzNS"], FORMED_WITHIN);
        assert!(!node.log().contains(SECRET), "{}", node.log());
    }
}

#[test]
fn a_secret_that_the_dzns_wants_and_does_not_get_is_asked_for() {
    let _turn = one_at_a_time();
    let dzns = Launch::new(FLAGS).addr(&lasting_addr());
    let dzns = dzns.env("DOOZER_RWSECRET", SECRET).start();
    for sk in ["", "&sk=wrong-one"] {
        let uri = format!("doozer:?ca={}{sk}", dzns.addr());
        let mut node = start_node(&uri, &[]);
        let words = ["permission denied", "DOOZER_RWSECRET", dzns.addr()];
        wait::until_line(&node, &words, FORMED_WITHIN);
        assert!(node.is_running());
        assert!(!node.log().contains("wrong-one"), "{}", node.log());
        let refused = Request::set("/x", -1, "v");
        let answer = ask(node.addr(), &refused, Duration::from_secs(1));
        assert_ne!(answer.map(|answer| answer.err_code), Some(None));
    }
    let answer = dzns.call(&Request::set("/x", -1, "v"));
    assert_eq!(answer.err_code, Some(error::OTHER));
}

#[test]
fn a_dzns_that_does_not_answer_is_waited_for() {
    let _turn = one_at_a_time();
    let addr = lasting_addr();
    let uri = format!("doozer:?ca={addr}");
    let cluster = start_nodes(2, &uri);
    for node in 0..2 {
        let words = ["WARN", "DzNS", &addr];
        wait::until_line(cluster.node(node), &words, FORMED_WITHIN);
    }
    let _dzns = Launch::new(FLAGS).addr(&addr).start();
    await_serving(&cluster);
    assert_eq!(foundings(&cluster), 1);
    fill_slots(&cluster);
}
