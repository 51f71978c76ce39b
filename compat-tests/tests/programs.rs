//! The server as a program: flags, exit codes, ports that are taken, signals.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use compat_tests::binaries;
use compat_tests::connection::{Connection, Received};
use compat_tests::server::{Launch, STILL, Server, free_addr};
use compat_tests::wire::{Request, error, verb};
use rustix::process::{Pid, Signal, kill_process};

fn run(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binaries::doozerd());
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear();
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn check_refused(arguments: &[&str], names: &str) {
    let output = run(arguments);
    let line = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
    assert_eq!(line.lines().count(), 1, "{arguments:?}: {line}");
    assert!(
        line.contains(names),
        "{arguments:?} does not name {names}: {line}"
    );
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn the_version_is_printed_after_the_same_first_word() {
    for flag in ["-v", "--v", "-v=true"] {
        let output = run(&[flag]);
        let line = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0));
        let version = line.strip_prefix("doozerd ").unwrap().trim_end();
        assert!(
            version.starts_with(|first: char| first.is_ascii_digit()),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
        assert!(line.ends_with('\n'), "{line:?}");
    }
}

#[test]
fn help_names_every_flag() {
    let output = run(&["-h"]);
    let help = text(&output.stdout) + &text(&output.stderr);
    assert!(help.ends_with(".\n"), "{help:?}");
    for flag in [
        "-a",
        "-b",
        "-c",
        "-l",
        "-w",
        "-fill",
        "-hist",
        "-pulse",
        "-timeout",
        "-tlscert",
        "-tlskey",
        "-v",
        "-h",
        "data-dir",
        "history-bytes",
        "store-bytes",
        "log-format",
    ] {
        assert!(help.contains(flag), "no {flag} in\n{help}");
    }
}

#[test]
fn a_wrong_flag_or_value_is_one_clear_line_and_exit_2() {
    check_refused(&["-nosuch"], "nosuch");
    check_refused(&["--nosuch=1"], "nosuch");
    check_refused(&["-timeout", "soon"], "timeout");
    check_refused(&["-timeout=soon"], "soon");
    check_refused(&["-hist", "many"], "hist");
    check_refused(&["-hist"], "hist");
    check_refused(&["-pulse", "-1"], "pulse");
    check_refused(&["-l", "127.0.0.1:nowhere"], "nowhere");
    check_refused(&["-c", "a/b"], "a/b");
    check_refused(&["stray"], "stray");
    check_refused(&["-tlscert", "only.pem"], "tlskey");
}

#[test]
fn flags_are_read_the_go_way() {
    for flags in [
        ["-hist", "7"].as_slice(),
        &["-hist=7"],
        &["--hist", "7"],
        &["--hist=7"],
    ] {
        let server = Launch::new(STILL)
            .flags(flags)
            .flags(&["-fill", ".5", "-timeout=5"])
            .start();
        let mut connection = server.connect();
        for _ in 0..20 {
            connection.call(&Request::set("/x", -1, "v")).revision();
        }
        compat_tests::wait::until("history is trimmed", Duration::from_secs(5), || {
            connection.call(&Request::get("/x").rev(8)).err_code == Some(error::TOO_LATE)
        });
    }
}

#[test]
fn every_spelling_of_a_go_boolean_switches_the_status_page_off() {
    for spelling in ["0", "f", "F", "FALSE", "False", "1", "t", "TRUE", "true"] {
        let server = Launch::new(STILL).web(spelling).start();
        server.call(&Request::new(verb::REV)).revision();
    }
}

#[test]
fn a_listen_port_that_is_taken_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let refusal = Launch::new(STILL).addr(&addr).try_start().unwrap_err();
    assert_eq!(refusal.code, Some(1), "{}", refusal.log);
    assert!(
        refusal.log.contains(&addr) && refusal.log.contains("in use"),
        "{}",
        refusal.log
    );
    assert!(!refusal.log.contains("panicked"), "{}", refusal.log);
}

#[test]
fn a_given_web_port_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let refusal = Launch::new(STILL).web(&addr).try_start().unwrap_err();
    assert_eq!(refusal.code, Some(1), "{}", refusal.log);
    assert!(refusal.log.contains(&addr), "{}", refusal.log);
}

#[test]
fn the_default_web_port_that_is_taken_is_a_warning() {
    // An address of the loopback network that no other test uses, for its port 8000.
    let _taken = TcpListener::bind("127.83.21.7:8000").unwrap();
    let port = free_addr().rsplit_once(':').unwrap().1.to_owned();
    let server = Launch::new(STILL)
        .addr(&format!("127.83.21.7:{port}"))
        .web_by_default()
        .start();
    assert!(
        server.log().contains("127.83.21.7:8000"),
        "{}",
        server.log()
    );
}

#[test]
fn the_status_page_answers_at_the_address_given() {
    let addr = free_addr();
    let server = Launch::new(STILL).web(&addr).start();
    for path in ["/", "/healthz"] {
        let mut page = Connection::open(&addr).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
        page.send_bytes(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        std::io::Read::read_to_end(&mut page.stream(), &mut answer).unwrap();
        assert!(
            text(&answer).starts_with("HTTP/1.1 200"),
            "{path}: {}",
            text(&answer)
        );
    }
    drop(server);
}

#[test]
fn sigterm_ends_an_idle_server_at_once_with_exit_0_whoever_waits() {
    let mut server = Server::start(STILL);
    let mut waiter = server.connect();
    waiter.send(&Request::wait("/never", 1).tag(1)).unwrap();
    let begin = Instant::now();
    assert_eq!(server.stop().code(), Some(0));
    println!("stopped after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(7));
    assert_eq!(
        waiter.receive(Duration::from_secs(5)).unwrap(),
        Received::Closed
    );
}

/// What happened to SETs that were sent one after another until the connection ended.
#[derive(Debug, Default)]
struct Sent {
    acknowledged: Vec<String>,
    read_only: Vec<String>,
}

fn set_until_the_end(mut connection: Connection) -> Sent {
    let mut sent = Sent::default();
    for number in 0.. {
        let path = format!("/term/{number}");
        match connection.ask(&Request::set(&path, 0, "v")) {
            Err(_ended) => break,
            Ok(answer) if answer.err_code.is_none() => sent.acknowledged.push(path),
            Ok(answer) => {
                assert_eq!(answer.err_code, Some(error::READONLY), "{answer:?}");
                sent.read_only.push(path);
            }
        }
    }
    sent
}

#[test]
fn sigterm_under_load_answers_read_only_and_loses_nothing() {
    let mut server = Server::start(STILL);
    let connection = server.connect();
    let writer = thread::spawn(move || set_until_the_end(connection));
    compat_tests::wait::until("the load is on", Duration::from_secs(5), || {
        server.call(&Request::stat("/term")).len.unwrap_or_default() > 20
    });
    let begin = Instant::now();
    assert_eq!(server.stop().code(), Some(0));
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(8), "stopped after {took:?}");
    let sent = writer.join().unwrap();
    println!(
        "stopped after {took:?}; {} acknowledged, {} refused",
        sent.acknowledged.len(),
        sent.read_only.len()
    );
    server.start_again();
    let mut connection = server.connect();
    for path in &sent.acknowledged {
        assert!(
            connection.call(&Request::get(path)).revision() > 0,
            "{path} was acknowledged"
        );
    }
    for path in &sent.read_only {
        assert_eq!(
            connection.call(&Request::get(path)).rev,
            Some(0),
            "{path} was refused"
        );
    }
}

#[test]
fn sighup_ends_nothing() {
    let mut server = Server::start(STILL);
    let mut connection = server.connect();
    server.signal(Signal::HUP);
    compat_tests::wait::pause(Duration::from_millis(300));
    assert!(server.is_running());
    connection.call(&Request::set("/x", -1, "v")).revision();
}

/// Starts a server, sends `signal` when it has begun and cannot serve yet, and then stops it;
/// returns what it logged, and its exit code.
fn signal_while_starting(signal: Signal) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(binaries::doozerd())
        .args(["-l", &free_addr(), "-w", "false", "--data-dir"])
        .arg(folder.path().join("data"))
        .env_clear()
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&server);
    let mut log = String::new();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    for (number, line) in (&mut lines).map_while(Result::ok).enumerate() {
        if number == 0 {
            kill_process(pid, signal).unwrap();
        }
        if line.contains("serving") {
            kill_process(pid, Signal::TERM).unwrap();
        }
        log += &(line + "\n");
    }
    (log, server.wait().unwrap().code())
}

#[test]
fn a_signal_while_starting_is_heeded() {
    let (log, code) = signal_while_starting(Signal::HUP);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("serving"), "{log}");
    let (log, code) = signal_while_starting(Signal::TERM);
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let server = Server::start(STILL);
    let refusal = Launch::new(STILL)
        .data(server.data())
        .try_start()
        .unwrap_err();
    assert_eq!(refusal.code, Some(1), "{}", refusal.log);
    let folder = server.data().display().to_string();
    assert!(refusal.log.contains(&folder), "{}", refusal.log);
    server.call(&Request::set("/x", -1, "v")).revision();
}

#[test]
fn a_server_in_memory_has_a_new_id_at_every_start_and_leaves_no_folder() {
    let mut server = Launch::new(STILL).data("memory".as_ref()).start();
    let first = server.call(&Request::new(verb::SELF)).value_text();
    server.call(&Request::set("/x", -1, "v")).revision();
    server.stop();
    server.start_again();
    assert_ne!(server.call(&Request::new(verb::SELF)).value_text(), first);
    assert_eq!(server.call(&Request::get("/x")).rev, Some(0));
}
