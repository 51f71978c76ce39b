//! What commands say when they fail, what they suggest, and which exit status they end with.

use compat_tests::cli::Cli;
use compat_tests::server::{Launch, STILL};

#[test]
fn what_cannot_be_reached_is_named() {
    let cli = Cli::nowhere();
    cli.run("put /a 1")
        .fails(4, "Error: put /a VALUE: cannot connect to 127.0.0.1:")
        .says("\nTry: another address with -a or DOOZER_URI");
    cli.run("version").ends(4).shows("doozer   ");
    // The original's commands keep its exit status.
    cli.run("get /a").fails(2, "cannot connect to 127.0.0.1:");
}

#[test]
fn a_mismatch_ends_with_one_and_tells_how_to_find_the_revision() {
    let cli = Cli::new();
    cli.run("put /a 1").prints("{1}\n");
    cli.run_with("set /a 1", "x")
        .fails(1, "SET /a rev 1: REV_MISMATCH\nTry: doozer stat /a");
}

#[test]
fn a_wrong_path_is_told_what_a_right_one_is() {
    let cli = Cli::new();
    cli.run("put /a_b 1")
        .fails(2, "SET /a_b at any revision: BAD_PATH\nTry: a path as /a");
    cli.run("put /ctl 1")
        .fails(2, "ISDIR\nTry: doozer find /ctl");
}

#[test]
fn refused_access_has_a_status_of_its_own() {
    let server = Launch::new(STILL).env("DOOZER_RWSECRET", "s").start();
    let cli = Cli::at(server.addr());
    cli.run("put /a 1")
        .fails(6, "permission denied\nTry: the secret in the URI");
    cli.run_with("set /a 0", "1").fails(2, "permission denied");
    let uri = format!("doozer:?ca={}&sk=s", server.addr());
    cli.run(&format!("-a '{uri}' put /a 1")).ends(0);
}

#[test]
fn a_timeout_ends_any_command() {
    let cli = Cli::new();
    for line in [
        "watch /x",
        "wait /x",
        "get -r {9} /x",
        "bench get --secs 60",
    ] {
        cli.run(&format!("{line} --timeout 300ms"))
            .fails(5, "not done within 300ms");
    }
    cli.run("wait /x -r {9} -t 100ms")
        .fails(2, "no event within 100ms");
}

#[test]
fn what_is_misspelt_is_answered_with_the_nearest() {
    let cli = Cli::nowhere();
    cli.run("gte /a").fails(127, "did you mean get?");
    cli.run("get /a --tiemout 3s")
        .fails(2, "did you mean --timeout?");
    cli.run("bench get --cons 3")
        .fails(2, "did you mean --conns?");
    cli.run("frobnicate")
        .fails(127, "there is no command \"frobnicate\"\nTry: doozer help");
    cli.run("help exit-code")
        .fails(127, "did you mean exit-codes?");
}

#[test]
fn help_tells_of_everything() {
    let cli = Cli::nowhere();
    let all = cli.run("help").stdout;
    for word in [
        "put PATH VALUE",
        "exit-codes",
        "--timeout DURATION",
        "globs",
    ] {
        assert!(all.contains(word), "{word}: {all}");
    }
    cli.run("help exit-codes")
        .shows("    4  no server could be reached");
    cli.run("help formats").shows("jsonl");
    cli.run("help put")
        .shows("Usage: doozer [OPTIONS] put PATH VALUE");
    cli.run("put -h").shows("@FILE");
}

#[test]
fn the_version_is_the_client_s_and_the_server_s() {
    let cli = Cli::new();
    let id = cli.run("self").stdout;
    cli.run("version")
        .shows("doozer   ")
        .shows("doozerd  ")
        .shows(&id);
    let version = cli.run("version -o json").json();
    assert_eq!(
        (&version["client"], &version["node"]),
        (&version["server"], &id.into())
    );
}
