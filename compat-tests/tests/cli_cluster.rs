//! `doozer cluster …` and `doozer doctor` on whole clusters.

use std::time::Duration;

use compat_tests::cli::Cli;
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::server::{Launch, Server};
use compat_tests::wait;
use compat_tests::wire::Request;
use serde_json::Value;

/// A user of the cluster's nodes.
fn user_of(cluster: &Cluster) -> Cli {
    Cli::at(&cluster.addrs().join("&ca="))
}

/// The rows of `cluster status`, as JSON, in the order of the nodes of `cluster`.
#[track_caller]
fn status(cli: &Cli, cluster: &Cluster) -> Vec<Value> {
    let told = cli.run("cluster status -o json").json();
    let rows = told.as_array().expect("a list");
    let row = |addr: &String| {
        let mut found = rows.iter().filter(|row| row["address"] == **addr);
        found.next().cloned().unwrap_or(Value::Null)
    };
    cluster.addrs().iter().map(row).collect()
}

#[test]
fn the_status_tells_voters_learners_and_the_dead() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let cli = user_of(&cluster);
    let learner = cluster.attach();
    wait::until("all have applied all", FORMED_WITHIN, || {
        let rows = status(&cli, &cluster);
        rows.iter()
            .all(|row| row["lag"] == 0 && row["reachable"] == "yes")
    });
    let rows = status(&cli, &cluster);
    for (node, row) in rows.iter().enumerate() {
        let is_voter = node != learner;
        assert_eq!(
            row["role"],
            if is_voter { "voter" } else { "learner" },
            "{row}"
        );
        assert_eq!(row["writable"], is_voter, "{row}");
        assert_eq!(row["slot"].is_null(), !is_voter, "{row}");
        assert_eq!(row["id"], cluster.id(node).expect("an id"), "{row}");
        assert_eq!(row["version"], env!("CARGO_PKG_VERSION"), "{row}");
    }
    cli.run("cluster status")
        .ends(0)
        .shows("ID ")
        .shows("ROLE")
        .shows("learner");
    cluster.kill9(1);
    let rows = status(&cli, &cluster);
    assert_eq!(
        rows[1]["reachable"],
        "no: Connection refused (os error 111)"
    );
    assert!(rows[1]["rev"].is_null() && rows[1]["lag"].is_null());
    assert_eq!(rows[0]["reachable"], "yes");
}

#[test]
fn health_and_doctor_are_quiet_about_what_is_well_and_loud_about_the_dead() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let cli = user_of(&cluster);
    cli.run("cluster health")
        .prints("healthy: 3 of 3 members take writes\n");
    cli.run("cluster health -o json").prints("[]\n");
    cli.run("doctor").prints("nothing is wrong with 3 nodes\n");
    let (dead, slot) = (cluster.id(2).expect("an id"), cluster.slots(0)[2].0.clone());
    cluster.kill9(2);
    let number = slot.rsplit('/').next().expect("a name");
    for command in ["cluster health", "doctor"] {
        let ran = cli.run(command);
        ran.ends(8).shows(&format!("{dead}: the member at"));
        ran.shows("does not answer here (no: Connection refused");
        ran.shows(&format!("doozer cluster slots free {number}"));
    }
    let told = cli.run("doctor -o json");
    told.ends(8);
    let told: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(told[0]["about"], *dead);
    cluster.kill9(1);
    cli.run("cluster health")
        .ends(8)
        .shows("writes: the cluster takes no writes");
}

#[test]
fn doctor_finds_slots_that_nobody_fills() {
    let _turn = one_at_a_time();
    let cluster = Cluster::start(1, &[]);
    let cli = user_of(&cluster);
    cli.run("cluster slots add").prints("1\n");
    let ran = cli.run("doctor");
    ran.ends(8)
        .shows("slot 1: it is free, and no node waits for it");
    ran.shows("cluster: 2 slots bear the loss of no more members than 1 do");
    cli.run("cluster health")
        .ends(8)
        .shows("slot 1")
        .hides("2 slots bear");
    cli.run("cluster slots remove 1").prints("");
    cli.run("doctor").prints("nothing is wrong with 1 node\n");
}

#[test]
fn bootstrap_makes_what_is_missing_and_nothing_the_second_time() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(1, &[]);
    let cli = user_of(&cluster);
    cluster.attach();
    // Two at once, and the third node comes later.
    let commands = ["cluster bootstrap --size 3", "cluster bootstrap --size 3"];
    let running = commands.map(|line| cli.start(line));
    let waiting = cli.start("cluster wait --members 3 --writable");
    wait::until("slots are made", FORMED_WITHIN, || {
        cluster.slots(0).len() == 3
    });
    cluster.attach();
    for running in running {
        let ran = running.end();
        ran.ends(0);
        assert_eq!(ran.stdout, "3 members take writes\n");
    }
    waiting.end().prints("");
    cluster.await_members(Duration::ZERO);
    let rev = cli.run("rev").stdout;
    cli.run("cluster bootstrap --size 3")
        .prints("3 members take writes\n");
    cli.run("cluster wait --writable").prints("");
    assert_eq!(cli.run("rev").stdout, rev);
    cli.run("cluster bootstrap --size 2")
        .ends(0)
        .says("there are 3 slots");
    cli.run("cluster wait --members 4 --timeout 500ms")
        .fails(5, "not done within 500ms");
}

#[test]
fn bootstrap_waits_for_a_server_that_is_not_up_yet() {
    let mut server = Server::start(&[]);
    let cli = Cli::at(server.addr());
    server.kill9();
    let running = cli.start("cluster bootstrap --size 1");
    server.start_again();
    let ran = running.end();
    ran.ends(0);
    assert_eq!(ran.stdout, "1 members take writes\n");
    cli.run("cluster bootstrap").fails(2, "--size is missing");
    cli.run("cluster bootstrap --size 33")
        .fails(2, "a number from 1 to 32 is wanted");
}

#[test]
fn slots_are_made_emptied_and_removed() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(2, &[]);
    let cli = user_of(&cluster);
    let held = |cluster: &Cluster, slot: &str| {
        cluster
            .slots(0)
            .iter()
            .any(|(path, id)| path.ends_with(slot) && !id.is_empty())
    };
    // Nobody can be asked here.
    cli.run("cluster slots free 1").fails(2, "pass --force");
    assert!(held(&cluster, "/1"));
    let before = cluster.id(1).expect("an id");
    let third = cluster.attach();
    cli.run("cluster slots free 1 --force").prints("");
    cluster.await_member(third, FORMED_WITHIN);
    assert!(cluster.slot_of(0, &before).is_none());
    cli.run("cluster slots remove /ctl/cal/1 --force")
        .prints("");
    wait::until("it is a learner", FORMED_WITHIN, || {
        cluster.is_read_only(third)
    });
    cli.run("cluster slots free 7")
        .fails(2, "there is no slot 7; there is 0");
    cli.run("cluster slots frob")
        .fails(127, "remove SLOT is wanted");
    let rows = cli.run("cluster slots -o json").json();
    assert_eq!(rows[0]["slot"], "0");
    assert_eq!(rows[0]["address"], cluster.addrs()[0]);
    // The last member keeps its slot.
    cli.run("cluster slots remove 0 --force")
        .fails(2, "this is the last slot");
}

#[test]
fn secrets_open_every_node() {
    let secret = "open-sesame";
    let server = Launch::new(&[])
        .env("DOOZER_RWSECRET", secret)
        .env("DOOZER_ROSECRET", "ro")
        .start();
    let cli = Cli::at(&format!("{}&sk={secret}", server.addr()));
    cli.run("cluster health")
        .prints("healthy: 1 of 1 members take writes\n");
    let without = Cli::at(server.addr());
    without
        .run("cluster status")
        .fails(6, "permission denied")
        .hides(secret);
    assert!(server.call(&Request::access(secret)).err_code.is_none());
}
