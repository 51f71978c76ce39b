//! The `doozer` command against a running server: arguments, standard input, output, exit status.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use compat_tests::binaries;
use compat_tests::cli::settled_rev;
use compat_tests::connection::Connection;
use compat_tests::server::{Launch, STILL, Server, free_addr};
use compat_tests::wait;
use compat_tests::wire::{Request, verb};
use rustix::process::{Pid, Signal, kill_process};

/// How long a command that should end may take.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// Arguments, standard input, standard output, a part of standard error, exit status.
type Case<'a> = (&'a str, &'a str, &'a str, &'a str, i32);

/// `doozer` for the server at `addr`.
fn doozer(addr: &str, line: &str) -> Command {
    let mut command = Command::new(binaries::doozer());
    command
        .env_clear()
        .env("DOOZER_URI", format!("doozer:?ca={addr}"))
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(addr: &str, line: &str, input: &[u8]) -> Output {
    let mut child = start(addr, line);
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that does not read its input may have ended already.
    drop(stdin.write_all(input));
    drop(stdin);
    child.wait_with_output().expect("the output of a child")
}

fn start(addr: &str, line: &str) -> Child {
    doozer(addr, line).spawn().expect("doozer can be executed")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Puts revisions in place: `{3}` is the third one after `base`.
fn at(base: i64, text: &str) -> String {
    let mut placed = text.to_owned();
    for n in 0..10 {
        placed = placed.replace(&format!("{{{n}}}"), &(base + n).to_string());
    }
    placed
}

/// Runs `cases` one after another on one new server.
#[track_caller]
fn check(cases: &[Case<'_>]) {
    let server = Server::start(STILL);
    let base = settled_rev(&server);
    for case in cases {
        check_at(server.addr(), base, case);
    }
}

#[track_caller]
fn check_at(addr: &str, base: i64, (line, input, stdout, stderr, code): &Case<'_>) {
    let line = at(base, line);
    let output = run(addr, &line, input.as_bytes());
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(*code), "{line}: {told}");
    assert_eq!(text(&output.stdout), at(base, stdout), "{line}: {told}");
    let quiet = stderr.is_empty() && !told.is_empty();
    assert!(!quiet && told.contains(&at(base, stderr)), "{line}: {told}");
}

#[track_caller]
fn await_end(child: &mut Child) -> Option<i32> {
    let ended = |child: &mut Child| child.try_wait().expect("the state of a child");
    wait::until("doozer has ended", ENDS_WITHIN, || ended(child).is_some());
    ended(child).and_then(|status| status.code())
}

#[test]
fn files_are_written_read_and_deleted() {
    check(&[
        ("rev", "", "{0}\n", "", 0),
        ("get /f", "", "", "", 0),
        ("add /f", "one", "{1}\n", "", 0),
        ("get /f", "", "one", "", 0),
        ("set /f {1}", "two\n", "{2}\n", "", 0),
        ("get /f", "", "two\n", "", 0),
        ("get -r {1} /f", "", "one", "", 0),
        ("set /f -1", "", "{3}\n", "", 0),
        ("get /f", "", "", "", 0),
        ("del /f {3}", "", "", "", 0),
        ("stat /f", "", "", "No such file or directory: /f\n", 2),
        ("del /f -1", "", "", "", 0),
        ("rev", "", "{5}\n", "", 0),
        ("nop", "", "", "", 0),
        ("rev", "", "{6}\n", "", 0),
    ]);
}

#[test]
fn refusals_have_names_addresses_and_codes() {
    check(&[
        ("add /d/f", "x", "{1}\n", "", 0),
        ("add /d/f", "y", "", "SET /d/f rev 0: REV_MISMATCH", 1),
        ("add /d/f", "y", "", "Error: 127.0.0.1:", 1),
        ("set /d/f 1", "y", "", "SET /d/f rev 1: REV_MISMATCH", 1),
        ("del /d/f 1", "", "", "DEL /d/f rev 1: REV_MISMATCH", 1),
        ("get /d", "", "", "GET /d: ISDIR", 2),
        ("set /d -1", "y", "", "ISDIR", 2),
        ("touch /d", "", "", "ISDIR", 2),
        ("set /d/f/g -1", "y", "", "NOTDIR", 2),
        ("add /no_such", "y", "", "BAD_PATH", 2),
        ("walk no-glob", "", "", "OTHER: invalid glob pattern", 2),
        ("wait no-glob", "", "", "OTHER: invalid glob pattern", 2),
        ("watch no-glob", "", "", "OTHER: invalid glob pattern", 2),
        ("find /nope", "", "", "NOENT", 2),
        ("find /d/", "", "", "NOENT", 2),
        ("set /x one", "", "", "wrong revision \"one\"", 2),
        ("del /x 1.5", "", "", "wrong revision \"1.5\"", 2),
    ]);
}

#[test]
fn touch_makes_a_file_or_gives_it_a_new_revision() {
    check(&[
        ("touch /t", "", "", "", 0),
        ("stat /t", "", "{1} 0\n", "", 0),
        ("set /t {1}", "abc", "{2}\n", "", 0),
        ("touch /t", "", "", "", 0),
        ("stat /t", "", "{3} 3\n", "", 0),
        ("get /t", "", "abc", "", 0),
    ]);
}

#[test]
fn trees_are_listed_depth_first() {
    check(&[
        ("set /t/b/c -1", "1", "{1}\n", "", 0),
        ("set /t/b-a -1", "22", "{2}\n", "", 0),
        ("set /t/a -1", "3\n3", "{3}\n", "", 0),
        ("set /t/b/d/e -1", "", "{4}\n", "", 0),
        (
            "find /t",
            "",
            "/t\n/t/a\n/t/b\n/t/b/c\n/t/b/d\n/t/b/d/e\n/t/b-a\n",
            "",
            0,
        ),
        ("find /t/a", "", "/t/a\n", "", 0),
        ("find -r {2} /t", "", "/t\n/t/b\n/t/b/c\n/t/b-a\n", "", 0),
        ("stat /t", "", "d 3\n", "", 0),
        ("stat /t/a", "", "{3} 3\n", "", 0),
        (
            "walk /t/*",
            "",
            "/t/a {3} 3\n3\n3\n/t/b-a {2} 2\n22\n",
            "",
            0,
        ),
        (
            "walk /t/b/**",
            "",
            "/t/b/c {1} 1\n1\n/t/b/d/e {4} 0\n\n",
            "",
            0,
        ),
        ("walk -r {1} /t/**", "", "/t/b/c {1} 1\n1\n", "", 0),
        ("walk /none/*", "", "", "", 0),
    ]);
}

#[test]
fn find_of_the_root_begins_with_the_root() {
    let server = Server::start(STILL);
    let output = run(server.addr(), "find /", b"");
    let found = text(&output.stdout);
    assert!(found.starts_with("/\n/ctl\n/ctl/"), "{found}");
    assert!(found.contains("\n/ctl/cal\n/ctl/cal/0\n"), "{found}");
    assert!(!found.contains("//"), "{found}");
}

#[test]
fn self_is_the_id_and_nothing_else() {
    let server = Server::start(STILL);
    let id = server.call(&Request::new(verb::SELF)).value_text();
    assert_eq!(text(&run(server.addr(), "self", b"").stdout), id);
}

#[test]
fn any_bytes_come_back_as_they_were() {
    let server = Server::start(STILL);
    let bytes: Vec<u8> = (0..=255u8).cycle().take(500_001).collect();
    let set = run(server.addr(), "set /bytes 0", &bytes);
    assert!(set.status.success(), "{}", text(&set.stderr));
    assert!(run(server.addr(), "get /bytes", b"").stdout == bytes);
}

#[test]
fn wait_prints_the_first_event_at_or_after_its_revision() {
    check(&[
        ("set /w/a -1", "one\n", "{1}\n", "", 0),
        ("del /w/a {1}", "", "", "", 0),
        ("nop", "", "", "", 0),
        ("wait -r {1} /w/*", "", "/w/a {1} set 4\none\n\n", "", 0),
        ("wait -r {2} /w/*", "", "/w/a {2} del 0\n\n", "", 0),
        ("wait -r {3} /**", "", "/ {3}  0\n\n", "", 0),
        ("wait /**", "", "/ {3}  0\n\n", "", 0),
        ("-t 100ms wait /w/*", "", "", "timeout", 2),
        ("wait -t=100ms -r {4} /**", "", "", "WAIT /** rev {4}", 2),
        ("wait -t 5 /**", "", "", "missing unit", 2),
    ]);
}

#[test]
fn a_revision_no_longer_kept_is_too_late() {
    let server = Launch::new(STILL).flags(&["-hist", "3"]).start();
    let base = settled_rev(&server);
    for _ in 0..10 {
        assert!(run(server.addr(), "nop", b"").status.success());
    }
    let get = || run(server.addr(), "get -r 1 /ctl/name", b"");
    wait::until("history is trimmed", ENDS_WITHIN, || {
        !get().status.success()
    });
    for line in ["wait", "watch", "walk"].map(|command| format!("{command} -r 1 /**")) {
        check_at(server.addr(), base, &(&line, "", "", "TOO_LATE", 2));
    }
    check_at(server.addr(), base, &("find -r 1 /", "", "", "TOO_LATE", 2));
}

#[test]
fn watch_prints_events_as_they_happen_and_ends_quietly_with_its_reader() {
    let server = Server::start(STILL);
    let base = settled_rev(&server);
    let mut watch = start(server.addr(), &at(base, "watch -r {1} /x/*"));
    let mut reader = BufReader::new(watch.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line
    };
    run(server.addr(), "set /x/a 0", b"hello");
    assert_eq!(line() + &line(), at(base, "/x/a {1} set 5\nhello\n"));
    run(server.addr(), "set /other 0", b"");
    run(server.addr(), "del /x/a -1", b"");
    assert_eq!(line() + &line(), at(base, "/x/a {3} del 0\n\n"));
    drop(reader);
    run(server.addr(), "set /x/b 0", b"");
    assert_eq!(await_end(&mut watch), Some(0));
    let mut told = String::new();
    watch.stderr.unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(told, "");
}

#[test]
fn watch_goes_on_over_a_restart_of_the_server() {
    let mut server = Server::start(STILL);
    let base = settled_rev(&server);
    let mut watch = start(server.addr(), &at(base, "watch -r {1} /x"));
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    run(server.addr(), "set /x -1", b"1");
    assert_eq!(lines.next().unwrap().unwrap(), at(base, "/x {1} set 1"));
    assert_eq!(lines.next().unwrap().unwrap(), "1");
    server.kill9();
    server.start_again();
    assert!(run(server.addr(), "set /x -1", b"2").status.success());
    assert!(lines.next().unwrap().unwrap().starts_with("/x "));
    assert_eq!(lines.next().unwrap().unwrap(), "2");
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn wrong_usage_is_told_without_a_server() {
    let addr = free_addr();
    for case in [
        ("", "", "", "Usage: doozer", 127),
        ("gte /x", "", "", "did you mean get?", 127),
        ("frob", "", "", "there is no command \"frob\"", 127),
        ("get", "", "", "use it as doozer get PATH", 127),
        ("set /x", "", "", "doozer set PATH REV", 127),
        ("rev rev", "", "", "wrong number of arguments", 127),
        ("help frobnicate", "", "", "there is no command", 127),
        ("bench frob", "", "", "get, set, mixed, walk or watch", 127),
        ("-x rev", "", "", "there is no option -x", 2),
        ("rev -x", "", "", "there is no option -x", 2),
        ("rev -r", "", "", "option -r needs a value", 2),
        ("find -r x /", "", "", "a whole number is wanted", 2),
        ("wait -t 5 /x", "", "", "missing unit", 2),
        ("-a http://x rev", "", "", "http://x", 2),
        ("-a= rev", "", "", "no address", 2),
        ("bench get --conns 0", "", "", "option -conns", 2),
    ] {
        check_at(&addr, 0, &case);
    }
}

#[test]
fn nothing_listening_is_told_with_the_address() {
    let addr = free_addr();
    check_at(&addr, 0, &("get /x", "", "", &addr, 2));
    check_at(&addr, 0, &("bench get", "", "", &addr, 2));
    let named = format!("-a {addr} rev");
    check_at("127.0.0.1:1", 0, &(&named, "", "", &addr, 2));
}

#[test]
fn help_and_version_are_printed_on_standard_output() {
    let addr = free_addr();
    for line in ["help get", "get -h", "-h get", "get --h /x -r 5"] {
        let output = run(&addr, line, b"");
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert!(
            text(&output.stdout).starts_with("Usage: doozer [OPTIONS] get PATH...\n"),
            "{line}"
        );
        assert_eq!(text(&output.stderr), "");
    }
    let all = run(&addr, "help", b"").stdout;
    assert!(text(&all).starts_with("Usage: doozer [OPTIONS] COMMAND"));
    assert_eq!(run(&addr, "-h", b"").stdout, all);
    let version = text(&run(&addr, "-v", b"").stdout);
    assert!(
        version.starts_with("doozer ") && version.ends_with('\n'),
        "{version}"
    );
}

#[test]
fn options_go_before_the_environment() {
    let server = Server::start(STILL);
    let nowhere = free_addr();
    let uri = format!("doozer:?ca={}", server.addr());
    for line in [
        format!("-a {} self", server.addr()),
        format!("self -a={uri}"),
        format!("--a {uri} self"),
        format!("--a={uri}&cn=local self"),
    ] {
        let output = run(&nowhere, &line, b"");
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    }
}

#[test]
fn a_secret_in_the_uri_opens_the_server() {
    let server = Launch::new(STILL).env("DOOZER_RWSECRET", "s&1").start();
    let addr = server.addr();
    let denied = run(addr, "set /x 0", b"1");
    assert_eq!(denied.status.code(), Some(2));
    assert!(
        text(&denied.stderr).contains("permission denied"),
        "{}",
        text(&denied.stderr)
    );
    let open = format!("-a doozer:?ca={addr}&sk=s%261");
    assert!(
        run(addr, &format!("{open} set /x 0"), b"1")
            .status
            .success()
    );
    let bench = run(addr, &format!("{open} bench get --secs 0.2 --json"), b"");
    assert!(bench.status.success(), "{}", text(&bench.stderr));
    let wrong = run(
        addr,
        &format!("-a doozer:?ca={addr}&sk=wrong set /x -1"),
        b"1",
    );
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        !text(&wrong.stderr).contains("sk="),
        "{}",
        text(&wrong.stderr)
    );
}

#[test]
fn an_address_is_found_by_name() {
    let server = Server::start(STILL);
    let boot = format!("doozer:?ca={}", server.addr());
    let nowhere = free_addr();
    let output = run(&nowhere, &format!("-a doozer:?cn=local -b {boot} rev"), b"");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = run(&nowhere, &format!("-a doozer:?cn=other -b {boot} rev"), b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("`other`"),
        "{}",
        text(&output.stderr)
    );
}

/// Runs a short benchmark and returns what it found.
fn bench(addr: &str, line: &str) -> serde_json::Value {
    let line = format!("bench {line} --secs 0.3 --keys 50 --json");
    let output = run(addr, &line, b"");
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{line}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn every_load_is_measured() {
    let server = Server::start(STILL);
    for line in [
        "get --conns 3 --depth 4",
        "set --conns 2 --size 0",
        "mixed",
        "walk --conns 1 --depth 8",
        "watch --conns 5 --size 100",
    ] {
        let found = bench(server.addr(), line);
        assert!(found["count"].as_u64() > Some(0), "{line}: {found}");
        assert!(found["per_second"].as_f64() > Some(0.0), "{line}: {found}");
        assert!(found["latency_us"]["p99"].as_u64() >= found["latency_us"]["p50"].as_u64());
        assert_eq!(found["errors"].to_string(), "{}", "{line}: {found}");
    }
    let left = text(&run(server.addr(), "stat /bench/00/000000", b"").stdout);
    assert!(left.ends_with(" 100\n"), "{left}");
}

#[test]
fn a_benchmark_cleans_up_when_asked() {
    let server = Server::start(STILL);
    for load in ["get", "set", "watch --conns 2"] {
        bench(
            server.addr(),
            &format!("{load} --prefix /own/place --clean"),
        );
        check_at(server.addr(), 0, &("find /own", "", "", "NOENT", 2));
    }
}

#[test]
fn a_benchmark_that_is_interrupted_prints_what_it_found() {
    let server = Server::start(STILL);
    let mut child = start(server.addr(), "bench get --secs 600");
    let filled = || server.call(&Request::get("/bench/99/000999")).revision() > 0;
    wait::until("the files are made", ENDS_WITHIN, filled);
    wait::pause(Duration::from_millis(300));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(await_end(&mut child), Some(0));
    let mut found = String::new();
    child.stdout.unwrap().read_to_string(&mut found).unwrap();
    assert!(found.contains(", interrupted\nthroughput "), "{found}");
}

#[test]
fn errors_of_a_benchmark_are_counted_by_name() {
    let server = Server::start(STILL);
    let mut plain = Connection::open(server.addr()).unwrap();
    plain.call(&Request::set("/file", -1, "x"));
    let output = run(
        server.addr(),
        "bench set --prefix /file --secs 0.2 --json",
        b"",
    );
    assert_eq!(output.status.code(), Some(2));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found["errors"]["NOTDIR"].as_u64() > Some(0), "{found}");
    let output = run(server.addr(), "bench get --prefix /file --secs 0.2", b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("NOTDIR"),
        "{}",
        text(&output.stderr)
    );
}
