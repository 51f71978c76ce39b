//! `doozer ns …`: a `DzNS` as its users see it.

use compat_tests::cli::Cli;
use compat_tests::cluster::FORMED_WITHIN;
use compat_tests::server::{Launch, STILL, Server, free_addr, lasting_addr};
use compat_tests::wait;
use compat_tests::wire::Request;

/// A `DzNS`, and a node of the cluster "app" that founded it there.
fn start() -> (Server, Server) {
    let dzns = Server::start(STILL);
    let uri = format!("doozer:?ca={}", dzns.addr());
    let launch = Launch::new(STILL).flags(&["-c", "app", "-b", &uri]);
    let node = launch.addr(&lasting_addr()).start();
    wait::until("the node is registered", FORMED_WITHIN, || {
        dzns.call(&Request::walk("/ctl/ns/app/*", 0))
            .err_code
            .is_none()
    });
    (dzns, node)
}

fn id(server: &Server) -> String {
    server.call(&Request::new(20)).value_text()
}

/// Registers a node that does not answer.
fn register_dead(dzns: &Server, id: &str) -> String {
    let addr = free_addr();
    dzns.call(&Request::set(&format!("/ctl/ns/app/{id}"), -1, &addr))
        .revision();
    addr
}

#[test]
fn names_are_listed_and_resolved() {
    let (dzns, node) = start();
    let (addr, id) = (node.addr(), id(&node));
    for cli in [
        Cli::at(dzns.addr()),
        Cli::at("nobody:1").env("DOOZER_BOOT_URI", &format!("doozer:?ca={}", dzns.addr())),
    ] {
        cli.run("ns resolve app").prints(&format!("{addr}\n"));
        cli.run("ns resolve nope").fails(3, "/ctl/ns/nope");
        let rows = cli.run("ns list -o json").json();
        assert_eq!(rows[0]["name"], "app");
        assert_eq!(rows[0]["addresses"][0], addr);
        assert_eq!(rows[0]["founder"], id);
        cli.run("ns list").ends(0).shows("NAME").shows(addr);
    }
}

#[test]
fn clean_removes_the_dead_alone_and_asks_first() {
    let (dzns, node) = start();
    let cli = Cli::at(dzns.addr());
    cli.run("ns clean app").ends(0).says("nothing to remove");
    let dead = register_dead(&dzns, "DEAD");
    cli.run("ns clean app")
        .fails(
            2,
            "Remove 1 entries of app? Nobody can be asked here: pass --force",
        )
        .says(&dead);
    cli.run("ns clean app --force")
        .ends(0)
        .shows("/ctl/ns/app/DEAD\n")
        .says("DEAD at");
    cli.run("ns resolve app")
        .prints(&format!("{}\n", node.addr()));
}

#[test]
fn explain_tells_what_a_node_would_do_and_does_nothing() {
    let (dzns, mut node) = start();
    let cli = Cli::at(dzns.addr());
    let rev = cli.run("rev").stdout;
    let (addr, id) = (node.addr().to_owned(), id(&node));
    cli.run("ns explain app").prints(&format!(
        "1. read /ctl/boot/app: node {id} founded the cluster\n\
         2. ask {addr} for node {id}: it is there, and has the cluster\n\
         it would attach to the cluster through {addr}\n"
    ));
    cli.run("ns explain new")
        .ends(0)
        .shows("nobody founded the cluster")
        .shows("and found the cluster if it is the first");
    node.kill9();
    cli.run("ns explain app")
        .ends(0)
        .shows("nobody: Connection refused")
        .shows("del /ctl/boot/app -1");
    let plan = cli.run("ns explain app -o json").json();
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(2));
    assert_eq!(cli.run("rev").stdout, rev);
}

#[test]
fn doctor_looks_at_the_dzns_too() {
    let (dzns, node) = start();
    let cli = Cli::at(node.addr()).env("DOOZER_BOOT_URI", &format!("doozer:?ca={}", dzns.addr()));
    cli.run("doctor").prints("nothing is wrong with 1 node\n");
    let dead = register_dead(&dzns, "DEAD");
    let ran = cli.run("doctor");
    ran.ends(8).shows(&format!(
        "DEAD: it is registered at {dead} (no: Connection refused"
    ));
    ran.shows("doozer ns clean app");
    dzns.call(&Request::del("/ctl/ns/app/DEAD", -1));
    drop(dzns);
    cli.run("doctor").ends(8).shows("DzNS: it cannot be asked");
}
