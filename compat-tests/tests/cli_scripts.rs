//! Scripts of the `doozer` command against running servers: what they do, what is left when they
//! are killed, and the examples that come with them.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use compat_tests::binaries;
use compat_tests::cli::{Cli, Ran, Running};
use compat_tests::cluster::{Cluster, FLAGS, FORMED_WITHIN, one_at_a_time};
use compat_tests::connection::Connection;
use compat_tests::random::Random;
use compat_tests::server::{Launch, STILL, Server, lasting_addr};
use compat_tests::wait;
use compat_tests::wire::{Request, verb};
use rustix::process::Signal;

/// How long something that should happen may take.
const HAPPENS_WITHIN: Duration = Duration::from_secs(60);

/// Starts the script `text`.
fn start(cli: &Cli, text: &str, options: &str) -> Running {
    // Not again for each of many: one of them would find it half written.
    if fs::read(cli.home().join("s.doozer")).ok().as_deref() != Some(text.as_bytes()) {
        cli.file("s.doozer", text);
    }
    cli.start(&format!("run s.doozer {options}"))
}

#[track_caller]
fn run(cli: &Cli, text: &str, options: &str) -> Ran {
    start(cli, text, options).end()
}

/// Runs the script `text` on a server of its own: standard output, a part of standard error, exit
/// status.
#[track_caller]
fn check(text: &str, options: &str, stdout: &str, stderr: &str, code: i32) -> Cli {
    let cli = Cli::new();
    let ran = run(&cli, text, options);
    ran.ends(code).says(stderr);
    assert_eq!(ran.stdout, stdout, "{ran:?}");
    assert_eq!(ran.stderr.is_empty(), stderr.is_empty(), "{ran:?}");
    cli
}

fn kill9(script: Running) {
    script.signal(Signal::KILL);
    assert_eq!(script.end().code, None, "it was killed before its end");
}

fn addr(cli: &Cli) -> &str {
    cli.server().addr()
}

fn get(addr: &str, path: &str) -> String {
    let mut connection = Connection::open(addr).expect("doozerd takes connections");
    connection.call(&Request::get(path)).value_text()
}

fn set(addr: &str, path: &str, value: &str) {
    let mut connection = Connection::open(addr).expect("doozerd takes connections");
    connection.call(&Request::set(path, -1, value)).revision();
}

fn rev(addr: &str) -> i64 {
    let mut connection = Connection::open(addr).expect("doozerd takes connections");
    connection.call(&Request::new(verb::REV)).revision()
}

/// Every file outside /ctl, with its value.
fn files(addr: &str) -> Vec<(String, String)> {
    let mut connection = Connection::open(addr).expect("doozerd takes connections");
    let mut files = Vec::new();
    for offset in 0.. {
        let answer = connection.call(&Request::walk("/**", offset));
        if answer.err_code.is_some() {
            break;
        }
        files.push((answer.path_text(), answer.value_text()));
    }
    files.retain(|(path, _)| !path.starts_with("/ctl/"));
    files
}

fn of(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let files = files.iter();
    files
        .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
        .collect()
}

#[track_caller]
fn await_value(addr: &str, path: &str, value: &str) {
    let what = format!("{path} is {value:?}");
    wait::until(&what, HAPPENS_WITHIN, || get(addr, path) == value);
}

#[test]
fn commands_variables_and_output_are_put_together() {
    check(
        "who=world
ensure /hello = \"good morning, $who\"
echo $(get /hello) ${nobody:-\"and you\"}
for x in a 'b c' $(get /hello) {
    echo \"<$x>\"
}
ensure /text = <<END
of $who,
  with $(get /hello)
END
get /text
ensure /text = <<'END'
as $it is
END
get /text
",
        "",
        "good morning, world and you\n<a>\n<b c>\n<good>\n<morning,>\n<world>\n\
         of world,\n  with good morning, world\nas $it is\n",
        "",
        0,
    );
}

#[test]
fn a_script_is_checked_whole_before_anything_is_done() {
    let cli = check(
        "#!/usr/bin/env -S doozer run
ensure /done = too-early
gte /a
get
echo $unset
retry none every 1s { rev }
",
        "",
        "",
        "Error: s.doozer is not run: nothing was done
  s.doozer:3:1: there is no command \"gte\": did you mean get?
  s.doozer:4:1: wrong number of arguments: use it as doozer get ",
        127,
    );
    assert_eq!(get(addr(&cli), "/done"), "");
    // Not even a connection is made.
    let nowhere = Cli::nowhere();
    let wrong = "\n  s.doozer:1:1: wrong number of arguments: use it as doozer set PATH REV\n";
    run(&nowhere, "set /a\n", "").fails(127, wrong);
    run(&nowhere, "get /a | wc", "").fails(127, "s.doozer:1:8: there are no pipes");
    run(&nowhere, "ensure /a = 1\n", "").fails(7, "Error: s.doozer:1: ensure /a = 1: ");
}

#[test]
fn it_stops_at_the_first_failure_and_says_which() {
    let cli = check(
        "echo one
ensure /a = 1

set /a 1 <<END
x
END
echo two
",
        "",
        "one\n",
        "Error: s.doozer:4: set /a 1: 127.0.0.1:",
        7,
    );
    assert_eq!(get(addr(&cli), "/a"), "1");
    run(&cli, "add /a <<E\nE", "").fails(7, "SET /a rev 0: REV_MISMATCH");
    run(&cli, "stat /nope", "").fails(7, "Error: s.doozer:1: stat /nope: ");
    let text = "if exists /b { echo there } else if \"x y\" != 'x y' { echo no } else {
  fail \"no /b\" for $who
}";
    run(&cli, text, "--var who=me").fails(7, "Error: s.doozer:2: fail: no /b for me\n");
}

#[test]
fn conditions_are_answers_or_the_end() {
    check(
        "ensure /d/f = x
if exists /d { echo d }
if exists /d/f { echo f }
if not exists /nope { echo not }
if stat /nope { echo no } else { echo missing }
if get /d { echo no } else { echo directory }
if get /d/f { echo file }
if $(get /d/f) == x { echo x }
",
        "",
        "d\nf\nnot\nmissing\ndirectory\nfile\nx\n",
        "",
        0,
    );
    let nobody_answers = run(&Cli::nowhere(), "if rev { echo yes } else { echo no }", "");
    nobody_answers.fails(7, "s.doozer:1: rev: ");
}

#[test]
fn on_error_runs_what_was_set_up_the_last_first_and_tells_the_reason() {
    let cli = check(
        "on-error { echo outer: $error }
retry 2 every 1ms {
    on-error { echo a: $error }
    on-error { echo b; ensure /cleaned = yes }
    fail as planned
    on-error { echo never }
}
",
        "",
        "b\na: as planned\nb\na: as planned\nouter: as planned\n",
        "Error: s.doozer:5: fail: as planned\n",
        7,
    );
    assert_eq!(get(addr(&cli), "/cleaned"), "yes");
}

#[test]
fn retry_goes_on_until_it_works() {
    let cli = Cli::new();
    set(addr(&cli), "/lock", "");
    let text = "ensure /ready = yes\nretry 10000 every 10ms { add /lock <<E\nE\n}\necho got it";
    let mut script = start(&cli, text, "");
    await_value(addr(&cli), "/ready", "yes");
    assert!(script.is_running());
    cli.server().call(&Request::del("/lock", -1));
    script.end().ends(0).shows("\ngot it\n");
    run(&cli, "retry 3 every 1ms { add /lock <<E\nE\n}", "").fails(7, "REV_MISMATCH");
}

#[test]
fn ensure_changes_only_what_differs() {
    let cli = Cli::new();
    let text = "ensure /a = 1\nensure-exists /b = 1\nensure-absent /c\nensure-exists /e";
    set(addr(&cli), "/b", "mine");
    set(addr(&cli), "/c", "");
    run(&cli, text, "").prints("");
    let wanted = [("/a", "1"), ("/b", "mine"), ("/e", "")];
    assert_eq!(files(addr(&cli)), of(&wanted));
    let before = rev(addr(&cli));
    run(&cli, text, "").prints("");
    assert_eq!(rev(addr(&cli)), before);
}

#[test]
fn many_that_ensure_at_once_all_come_to_their_end() {
    let cli = Cli::new();
    let text = "for n in 1 2 3 4 5 6 7 8 9 { ensure /n = $n-$me\nensure-absent /n }";
    let scripts: Vec<Running> = (0..6)
        .map(|me| start(&cli, text, &format!("--var me={me}")))
        .collect();
    for script in scripts {
        script.end().prints("");
    }
    assert_eq!(files(addr(&cli)), []);
}

#[test]
fn a_dry_run_tells_what_would_change_and_changes_nothing() {
    let cli = Cli::new();
    let text = "ensure /a = 1
ensure /b = 'x y'
ensure-absent /old
set /c -1 <<E
E
wait-for /d = 1
once /once { ensure /e = $lock_rev }
if stat /b { echo b is there }
if $(get /b) == 'x y' { echo b would be new } else { echo b is old }
for rev in $(add /f) { echo $rev }
echo never
";
    set(addr(&cli), "/a", "1");
    set(addr(&cli), "/b", "old");
    set(addr(&cli), "/old", "1");
    let before = rev(addr(&cli));
    run(&cli, text, "--dry-run").prints(
        "s.doozer:2: would set /b = 'x y', now old
s.doozer:3: would delete /old, now 1
s.doozer:4: would run set /c -1
s.doozer:6: would wait-for /d = 1: /d is missing
s.doozer:7: would hold /once
s.doozer:7: would make /e = 0
b is there
b would be new
s.doozer:10: would run add /f
s.doozer:10: would go on, but the rest depends on what `add /f` prints
",
    );
    assert_eq!(rev(addr(&cli)), before);
}

#[test]
fn a_trace_tells_each_statement_on_standard_error() {
    check(
        "x='a b'\nensure /x = $x\necho $(get /x)",
        "-x",
        "a b\n",
        "+ s.doozer:1: 'x=a b'\n+ s.doozer:2: ensure /x = 'a b'\n+ s.doozer:3: get /x\n",
        0,
    );
}

#[test]
fn what_a_variable_holds_is_no_option_and_no_file() {
    let cli = Cli::new();
    let told = "\"--help\" comes from a variable, and would be an option: write -- before it";
    run(&cli, "get $what", "--var what=--help").fails(7, told);
    run(&cli, "ensure /a = $what", "--var what=@s.doozer").prints("");
    assert_eq!(get(addr(&cli), "/a"), "@s.doozer");
    run(&cli, "ensure /a = @s.doozer", "").prints("");
    assert_eq!(get(addr(&cli), "/a"), "ensure /a = @s.doozer");
    run(&cli, "ensure /a = 1", "--var 1=2").fails(127, "NAME=VALUE");
}

#[test]
fn wait_for_sees_what_others_do() {
    let cli = Cli::new();
    let mut script = start(&cli, "wait-for /a = go\nwait-for /dir\necho went", "");
    set(addr(&cli), "/a", "not yet");
    set(addr(&cli), "/a", "go");
    assert!(script.is_running());
    set(addr(&cli), "/dir/below", "");
    script.end().prints("went\n");
    let told = "s.doozer:1: wait-for /a = stop timeout 50ms: 127.0.0.1:";
    let ran = run(&cli, "wait-for /a = stop timeout 50ms", "");
    ran.fails(7, told).says("waited 50ms in vain: /a is go\n");
}

#[test]
fn wait_for_outlasts_a_restart_of_the_server() {
    let mut server = Launch::new(STILL).addr(&lasting_addr()).start();
    let cli = Cli::at(server.addr());
    let mut script = start(&cli, "ensure /ready = yes\nwait-for /a\necho went", "");
    await_value(server.addr(), "/ready", "yes");
    server.kill9();
    server.start_again();
    assert!(script.is_running());
    set(server.addr(), "/a", "");
    script.end().prints("went\n");
}

#[test]
fn its_time_ends_it_and_what_it_holds_is_given_back() {
    let cli = check(
        "as-leader /l {
    on-error { ensure /why = $error }
    wait-for /never
}",
        "--timeout 300ms",
        "",
        "Error: s.doozer:3: wait-for /never: the script was given 300ms",
        5,
    );
    let why = "the script was given 300ms, and has not come to its end";
    assert_eq!(files(addr(&cli)), of(&[("/why", why)]), "/l is given back");
}

#[test]
fn a_signal_is_a_failure_that_gives_back_what_is_held() {
    for signal in [Signal::INT, Signal::TERM] {
        let cli = Cli::new();
        let script = start(
            &cli,
            "once /o {\nensure /begun = yes\nwait-for /never\n}",
            "",
        );
        await_value(addr(&cli), "/begun", "yes");
        script.signal(signal);
        script.end().fails(7, ": stopped by SIG");
        assert_eq!(files(addr(&cli)), of(&[("/begun", "yes")]));
    }
}

#[test]
fn a_second_signal_ends_the_tidying_up_too() {
    let cli = Cli::new();
    let text = "on-error {
    ensure /tidying = $error
    wait-for /never
}
ensure /begun = yes
wait-for /never";
    let script = start(&cli, text, "");
    await_value(addr(&cli), "/begun", "yes");
    script.signal(Signal::TERM);
    await_value(addr(&cli), "/tidying", "stopped by SIGTERM");
    script.signal(Signal::INT);
    let told =
        "on-error failed too: s.doozer:3: wait-for /never: stopped by SIGINT\nError: s.doozer:";
    script.end().fails(7, told).says(": stopped by SIGTERM\n");
}

#[test]
fn who_is_stopped_while_waiting_for_its_turn_leaves_the_holder_alone() {
    let cli = Cli::new();
    let text = "ensure /here/$me = yes\nas-leader /l {\nensure /in = $me\nwait-for /go\n}";
    let first = start(&cli, text, "--var me=1");
    await_value(addr(&cli), "/in", "1");
    let second = start(&cli, text, "--var me=2");
    await_value(addr(&cli), "/here/2", "yes");
    second.signal(Signal::TERM);
    second.end().fails(7, ": stopped by SIGTERM");
    set(addr(&cli), "/go", "");
    first.end().prints("");
    let left = [
        ("/go", ""),
        ("/here/1", "yes"),
        ("/here/2", "yes"),
        ("/in", "1"),
    ];
    assert_eq!(files(addr(&cli)), of(&left));
}

/// What each of ten contenders runs: the block waits until the test lets it go on.
const CONTENDER: &str = "once /o ttl 1s {
    ensure /began/$me = $lock_rev
    ensure /holder = $me
    wait-for /go
    ensure /ended/$me = $lock_rev
}
echo $(get /o)
";

#[test]
fn of_ten_one_runs_a_once_block_and_a_killed_one_is_taken_over() {
    let cli = Cli::new();
    let at = addr(&cli);
    let holder = || get(at, "/holder").parse::<usize>().ok();
    let mut scripts: Vec<Option<Running>> = (0..10)
        .map(|me| Some(start(&cli, CONTENDER, &format!("--var me={me}"))))
        .collect();
    wait::until("one holds it", HAPPENS_WITHIN, || holder().is_some());
    let first = holder().expect("invariant: waited for");
    kill9(scripts[first].take().expect("one of the ten"));
    wait::until("it is taken over", HAPPENS_WITHIN, || {
        holder() != Some(first)
    });
    let second = holder().expect("another one of the ten");
    set(at, "/go", "");
    for script in scripts.into_iter().flatten() {
        script.end().prints("done\n");
    }
    let token = |path: String| get(at, &path).parse::<i64>().expect("a revision");
    let (before, after) = (
        token(format!("/began/{first}")),
        token(format!("/began/{second}")),
    );
    assert!(before < after, "{before} {after}");
    let mut paths = [format!("/began/{first}"), format!("/began/{second}")];
    paths.sort();
    let ended = format!("/ended/{second}");
    let wanted = [&paths[0], &paths[1], &ended, "/go", "/holder", "/o"];
    let found: Vec<String> = files(at).into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, wanted);
    // Whoever comes later has nothing to do.
    let before = rev(at);
    run(&cli, CONTENDER, "--var me=11").prints("done\n");
    assert_eq!(rev(at), before);
}

#[test]
fn a_holder_that_stood_still_is_taken_over_and_does_no_more() {
    let cli = Cli::new();
    let at = addr(&cli);
    let holder = || get(at, "/holder").parse::<usize>().ok();
    let mut scripts: Vec<Option<Running>> = (0..3)
        .map(|me| Some(start(&cli, CONTENDER, &format!("--var me={me}"))))
        .collect();
    wait::until("one holds it", HAPPENS_WITHIN, || holder().is_some());
    let first = holder().expect("invariant: waited for");
    let stopped = scripts[first].take().expect("one of the three");
    stopped.signal(Signal::STOP);
    wait::until("it is taken over", HAPPENS_WITHIN, || {
        holder() != Some(first)
    });
    set(at, "/go", "");
    for script in scripts.into_iter().flatten() {
        script.end().prints("done\n");
    }
    let before = files(at);
    stopped.signal(Signal::CONT);
    stopped.end().fails(7, "/o");
    assert_eq!(files(at), before);
}

#[test]
fn as_leader_blocks_never_run_two_at_a_time() {
    let cli = Cli::new();
    // Whoever is not alone finds the file of another one, and fails.
    let text = "as-leader /l {\n add /inside <<E\nE\n rev\n ensure-absent /inside\n}";
    let scripts: Vec<Running> = (0..10).map(|_| start(&cli, text, "")).collect();
    for script in scripts {
        script.end().ends(0);
    }
    assert_eq!(files(addr(&cli)), []);
}

#[test]
fn a_once_block_that_fails_is_left_to_the_next() {
    let cli = Cli::new();
    let text = "once /o {\n if $fails == yes { fail no luck }\n}\necho through";
    run(&cli, text, "--var fails=yes").fails(7, "no luck");
    assert_eq!(files(addr(&cli)), []);
    run(&cli, text, "--var fails=no").prints("through\n");
    run(&cli, text, "--var fails=yes").prints("through\n");
}

#[test]
fn a_holder_that_is_overwritten_stops_in_the_middle() {
    let cli = Cli::new();
    let script = start(
        &cli,
        "as-leader /l {\nensure /in = yes\nwait-for /never\n}",
        "",
    );
    await_value(addr(&cli), "/in", "yes");
    set(addr(&cli), "/l", "mine now");
    let told = "s.doozer:3: wait-for /never: /l is not held any more: somebody else has set it";
    script.end().fails(7, told);
    assert_eq!(get(addr(&cli), "/l"), "mine now");
}

#[test]
fn a_script_comes_from_standard_input_too() {
    let cli = Cli::new();
    let text = "echo $x; ensure /a = $x\nif nop { get - }";
    let script = cli.start_with("run - --var x=1", text);
    script.end().prints("1\n");
    assert_eq!(get(addr(&cli), "/a"), "1");
}

fn example(name: &str) -> PathBuf {
    let path = binaries::package_folder().join(format!("../scripts/examples/{name}.doozer"));
    path.canonicalize().expect("an example")
}

fn start_example(at: &str, name: &str, options: &str) -> Running {
    Cli::at(at).start(&format!("run '{}' {options}", example(name).display()))
}

#[track_caller]
fn run_example(at: &str, name: &str, options: &str) -> Ran {
    start_example(at, name, options).end()
}

/// Runs an example on new servers: to its end and again, which changes nothing; and killed at some
/// point and then to its end, which leaves the same.
#[track_caller]
fn check_example(name: &str, options: &str, prints: &str) -> Server {
    let mut random = Random::from_clock();
    let server = Server::start(STILL);
    let begin = Instant::now();
    run_example(server.addr(), name, options).prints(prints);
    let took = begin.elapsed();
    let (wanted, last) = (files(server.addr()), rev(server.addr()));
    run_example(server.addr(), name, options).prints(prints);
    assert_eq!(
        (files(server.addr()), rev(server.addr())),
        (wanted.clone(), last)
    );
    for _ in 0..5 {
        let server = Server::start(STILL);
        let micros = random.below(usize::try_from(took.as_micros()).expect("a short time"));
        let script = start_example(server.addr(), name, options);
        wait::pause(Duration::from_micros(micros as u64));
        script.signal(Signal::KILL);
        script.end();
        run_example(server.addr(), name, options).prints(prints);
        assert_eq!(files(server.addr()), wanted, "killed after {micros} us");
    }
    server
}

#[test]
fn the_example_that_seeds_configuration_ends_in_the_same_state_whatever_happens() {
    let server = check_example("seed-config", "", "seeded: staging, log level info\n");
    set(server.addr(), "/config/log/level", "debug");
    let ran = run_example(server.addr(), "seed-config", "--var env=production");
    ran.prints("seeded: production, log level debug\n");
    assert_eq!(get(server.addr(), "/config/debug"), "off");
}

/// Servers of an application that follow what is wanted of them, until they are dropped.
fn with_servers<T>(at: &str, well: &[&str], work: impl FnOnce() -> T) -> T {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                follow(at, well);
                wait::pause(Duration::from_millis(10));
            }
        });
        let ended = EndOnDrop(&ended);
        let done = work();
        drop(ended);
        done
    })
}

/// Ends the servers also when the test fails.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn follow(at: &str, names: &[&str]) {
    for name in names {
        let path = |file: &str| format!("/app/{name}/{file}");
        let wanted = get(at, &path("wanted"));
        if get(at, &path("running")) != wanted {
            set(at, &path("running"), &wanted);
        }
        if get(at, &path("health")) != "ok" {
            set(at, &path("health"), "ok");
        }
    }
}

/// Three servers that run version 1.0.
fn application() -> Server {
    let server = Server::start(STILL);
    for name in ["web1", "web2", "web3"] {
        set(server.addr(), &format!("/app/{name}/wanted"), "1.0");
        set(server.addr(), &format!("/app/{name}/running"), "1.0");
        set(server.addr(), &format!("/app/{name}/health"), "ok");
    }
    server
}

const ROLLOUT: &str = "--var version=2.0 --var servers='web1 web2 web3' --var ttl=1s";

#[test]
fn the_example_of_a_rolling_change_goes_on_where_it_was_killed() {
    let server = application();
    let at = server.addr();
    with_servers(at, &["web1"], || {
        let script = start_example(at, "rolling-change", ROLLOUT);
        await_value(at, "/app/web2/wanted", "2.0");
        assert_eq!(get(at, "/app/web3/wanted"), "1.0");
        kill9(script);
    });
    let all = ["web1", "web2", "web3"];
    with_servers(at, &all, || {
        let ran = run_example(at, "rolling-change", ROLLOUT);
        ran.ends(0)
            .shows("web1 runs 2.0 already\n")
            .shows("web3 runs 2.0\n");
        let after = files(at);
        let ran = run_example(at, "rolling-change", ROLLOUT);
        ran.prints("web1 runs 2.0 already\nweb2 runs 2.0 already\nweb3 runs 2.0 already\n");
        assert_eq!(files(at), after);
    });
    for name in all {
        assert_eq!(get(at, &format!("/app/{name}/running")), "2.0");
    }
}

#[test]
fn the_example_of_a_rolling_change_stops_at_a_server_that_does_not_come_up() {
    let server = application();
    let at = server.addr();
    with_servers(at, &["web1", "web3"], || {
        let options = format!("{ROLLOUT} --var patience=500ms");
        let ran = run_example(at, "rolling-change", &options);
        ran.ends(7).shows("web1 runs 2.0\nweb2: back to 1.0\n");
        ran.says("wait-for /app/web2/running = 2.0 timeout 500ms");
    });
    assert_eq!(get(at, "/app/web2/wanted"), "1.0");
    assert_eq!(get(at, "/app/web3/running"), "1.0");
}

#[test]
fn the_example_of_an_election_hands_the_mastership_on() {
    let server = Server::start(STILL);
    let at = server.addr();
    let candidate = |me: &str| {
        let options = format!("--var me={me} --var address={me}:5432 --var ttl=1s");
        start_example(at, "db-master", &options)
    };
    let first = candidate("db1");
    await_value(at, "/db/master/name", "db1");
    let term: i64 = get(at, "/db/master/term").parse().expect("a revision");
    let second = candidate("db2");
    kill9(first);
    await_value(at, "/db/master/name", "db2");
    assert_eq!(get(at, "/db/master/address"), "db2:5432");
    assert!(
        get(at, "/db/master/term")
            .parse::<i64>()
            .expect("a revision")
            > term
    );
    let first = candidate("db1");
    set(at, "/db/resign/db2", "");
    second.end().prints("db2 is the master\ndb2 steps down\n");
    await_value(at, "/db/master/name", "db1");
    set(at, "/db/resign/db1", "");
    first.end().prints("db1 is the master\ndb1 steps down\n");
    let left: Vec<String> = files(at).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, ["/db/master/term"]);
}

/// A server with a tree of files, one of which is not text and one of which ends with a blank line.
fn old_place() -> Server {
    let server = Server::start(STILL);
    for n in 0..50 {
        let value = format!("value {n}\n\n");
        set(server.addr(), &format!("/app/{}/file-{n}", n % 7), &value);
    }
    let binary = Request::set("/app/binary", -1, [0xff, 0, 0xfe]);
    server.call(&binary).revision();
    set(server.addr(), "/other", "stays");
    server
}

#[test]
fn the_example_that_moves_a_tree_loses_nothing_wherever_it_is_killed() {
    let mut random = Random::from_clock();
    let mut took = Duration::from_millis(100);
    for round in 0..4 {
        let (old, new) = (old_place(), Server::start(STILL));
        let wanted: Vec<_> = files(old.addr());
        let options = format!("--var from={} --var tree=/app --var ttl=1s", old.addr());
        let begin = Instant::now();
        let script = start_example(new.addr(), "move-tree", &options);
        if round == 0 {
            script.end().ends(0).shows("/app is here: d 8\n");
            took = begin.elapsed();
        } else {
            let micros = random.below(usize::try_from(took.as_micros()).expect("a short time"));
            wait::pause(Duration::from_micros(micros as u64));
            script.signal(Signal::KILL);
            script.end();
        }
        let ran = run_example(new.addr(), "move-tree", &options);
        ran.ends(0).shows("/app is here: d 8\n");
        let (moved, stays) = wanted.split_at(wanted.len() - 1);
        assert_eq!(files(new.addr()), moved, "round {round}");
        assert_eq!(files(old.addr()), stays, "round {round}");
    }
}

/// Runs the example on all nodes at once, up to its end.
#[track_caller]
fn bring_up(cluster: &Cluster) {
    let scripts: Vec<Running> = cluster
        .addrs()
        .iter()
        .map(|at| start_example(at, "cluster-up", ""))
        .collect();
    for script in scripts {
        script.end().ends(0).shows("up: ");
    }
    cluster.await_members(FORMED_WITHIN);
    let slots: Vec<String> = cluster.slots(0).into_iter().map(|(path, _)| path).collect();
    assert_eq!(slots, ["/ctl/cal/0", "/ctl/cal/1", "/ctl/cal/2"]);
}

#[test]
fn the_example_brings_up_three_nodes_from_nothing_on_all_at_once() {
    let _turn = one_at_a_time();
    let addrs = [lasting_addr(), lasting_addr(), lasting_addr()];
    let list: Vec<&str> = addrs
        .iter()
        .flat_map(|addr| ["-a", addr.as_str()])
        .collect();
    let node = |addr: &String| Launch::new(FLAGS).flags(&list).addr(addr).start_unwaited();
    let cluster = Cluster::of(addrs.iter().map(node).collect());
    bring_up(&cluster);
    let ids = cluster.ids();
    let slots = cluster.slots(0);
    bring_up(&cluster);
    assert_eq!(cluster.slots(0), slots);
    cluster.check_not_kicked(&ids);
}

#[test]
fn the_example_brings_a_cluster_up_whose_first_scripts_were_killed() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(1, &[]);
    cluster.attach();
    let scripts: Vec<Running> = cluster
        .addrs()
        .iter()
        .map(|at| start_example(at, "cluster-up", ""))
        .collect();
    cluster.await_member(1, FORMED_WITHIN);
    let slots = || cluster.slots(0).len();
    wait::until("all slots are made", HAPPENS_WITHIN, || slots() == 3);
    // They wait for a third node, which there is none of yet.
    scripts.into_iter().for_each(kill9);
    cluster.attach();
    bring_up(&cluster);
}
