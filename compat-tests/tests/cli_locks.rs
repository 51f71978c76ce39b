//! `doozer lock` and `doozer elect`: who holds, whose child runs, and what dies with whom.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use compat_tests::binaries;
use compat_tests::cluster::{Cluster, FLAGS, one_at_a_time};
use compat_tests::history::Change;
use compat_tests::history::tale::Tale;
use compat_tests::random::Random;
use compat_tests::server::Server;
use compat_tests::wait;
use compat_tests::wire::Request;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// How long a thing that should happen may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Long enough that a machine under load loses no lock by its slowness.
const TTL: &str = "4s";
const TTL_TIME: Duration = Duration::from_secs(4);

/// Adds one to /counter, in the way that docs/locks.md tells: what stood there when the lock was
/// taken is read, and written under the token. The value is the number and the token.
const COUNT: &str = r#"
old=$("$DOOZER" get -r "$DOOZER_LOCK_REV" /counter) || exit 9
new=$((${old%% *} + 1))
sleep "${PAUSE:-0}"
printf '%s' "$new $DOOZER_LOCK_REV" | "$DOOZER" set /counter "$DOOZER_LOCK_REV" >/dev/null || exit
echo "$new"
"#;

/// A folder of a test's own, where children leave what they have to tell.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What a child has written to the file `name`, once it is there.
    #[track_caller]
    fn await_text(&self, name: &str) -> String {
        let path = self.at(name);
        let read = || fs::read_to_string(&path).unwrap_or_default();
        let what = format!("{} is written", path.display());
        wait::until(&what, WITHIN, || read().ends_with('\n'));
        read().trim().to_owned()
    }

    #[track_caller]
    fn await_id(&self, name: &str) -> Pid {
        let id = self.await_text(name).parse().expect("an id");
        Pid::from_raw(id).expect("an id above 0")
    }
}

/// A `doozer` that runs, in a process group of its own: nothing of it outlives the test.
struct Running(Child);

impl Running {
    /// `doozer` with `words`, then `--` and the shell's `script`, for the server at `addr`.
    fn start(addr: &str, words: &str, script: &str, folder: &Path) -> Self {
        let child = Command::new(binaries::doozer())
            .env_clear()
            .env("DOOZER_URI", format!("doozer:?ca={addr}"))
            .env("DOOZER", binaries::doozer())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .args(words.split_whitespace())
            .args(["--", "sh", "-c", script])
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.expect("doozer can be executed"))
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).expect("a signal to a child");
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("the state of a child").is_some()
    }

    #[track_caller]
    fn await_end(&mut self) -> ExitStatus {
        wait::until("doozer has ended", WITHIN, || self.has_ended());
        self.0.wait().expect("the end of a child")
    }

    /// What it printed, and how it ended; nobody else may hold its output open.
    #[track_caller]
    fn output(mut self) -> Output {
        self.await_end();
        let (stdout, stderr) = (self.0.stdout.take(), self.0.stderr.take());
        Output {
            status: self.0.wait().expect("the end of a child"),
            stdout: read(stdout.expect("a pipe")),
            stderr: read(stderr.expect("a pipe")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // All of these fail when it has ended already.
        kill_process_group(self.id(), Signal::KILL).ok();
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn read(mut from: impl std::io::Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("what a child printed");
    bytes
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn start_server() -> Server {
    Server::start(FLAGS)
}

fn value(server: &Server, path: &str) -> String {
    server.call(&Request::get(path)).value_text()
}

/// Whether a process runs: neither gone nor waiting for its parent to hear of its end.
fn runs(id: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

#[track_caller]
fn await_gone(id: Pid) {
    wait::until(&format!("{id} is gone"), WITHIN, || !runs(id));
}

/// The words of a command line that locks /lock.
fn lock() -> String {
    format!("lock --ttl {TTL} /lock")
}

/// The arguments, a child's script, its standard output, a part of standard error, exit status.
#[track_caller]
fn check(server: &Server, case: (&str, &str, &str, &str, i32)) {
    let (words, script, stdout, stderr, code) = case;
    let folder = Folder::new();
    let output = Running::start(server.addr(), words, script, folder.0.path()).output();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{words}: {told}");
    assert_eq!(text(&output.stdout), stdout, "{words}: {told}");
    let is_quiet = stderr.is_empty() && !told.is_empty();
    assert!(!is_quiet && told.contains(stderr), "{words}: {told}");
}

#[test]
fn the_end_of_a_child_is_the_command_s_and_the_file_is_gone() {
    let server = start_server();
    for (script, stdout, stderr, code) in [
        ("exit 0", "", "", 0),
        ("echo out; echo err >&2; exit 7", "out\n", "err\n", 7),
        ("kill -TERM $$", "", "", 128 + 15),
        ("kill -KILL $$", "", "", 128 + 9),
        ("echo $DOOZER_LOCK_PATH", "/lock\n", "", 0),
    ] {
        check(&server, ("lock /lock", script, stdout, stderr, code));
        assert_eq!(
            server.call(&Request::get("/lock")).revision(),
            0,
            "{script}"
        );
    }
}

#[test]
fn while_it_is_held_the_file_says_by_whom() {
    let server = start_server();
    let script = r#""$DOOZER" get /lock"#;
    let folder = Folder::new();
    let output = Running::start(server.addr(), &lock(), script, folder.0.path()).output();
    let claim = text(&output.stdout);
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    for part in [
        &format!("{{\"host\":\"{host}\",\"pid\":"),
        "\"ttl_ms\":4000}",
    ] {
        assert!(claim.contains(part), "{claim}");
    }
}

#[test]
fn the_token_is_the_revision_at_which_the_lock_was_taken() {
    let server = start_server();
    let script = r#""$DOOZER" stat /lock | cut -d' ' -f1; echo "$DOOZER_LOCK_REV""#;
    let folder = Folder::new();
    let output = Running::start(server.addr(), "lock /lock", script, folder.0.path()).output();
    let told = text(&output.stdout);
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], lines[1], "{told}");
}

#[test]
fn wrong_usage_is_told_before_anything_is_done() {
    let server = start_server();
    let rev = server.call(&Request::new(5)).revision();
    check(
        &server,
        ("lock --ttl 10ms /l", "", "", "from 1s to 24h is wanted", 2),
    );
    check(&server, ("lock --ttl x /l", "", "", "wrong value \"x\"", 2));
    check(&server, ("lock", "", "", "lock PATH -- CMD...", 127));
    check(&server, ("lock /no_such", "", "", "BAD_PATH", 2));
    assert_eq!(server.call(&Request::new(5)).revision(), rev);
}

#[test]
fn a_command_that_cannot_be_run_is_told_as_a_shell_tells_it() {
    let server = start_server();
    let run = |program: &str| {
        let uri = format!("doozer:?ca={}", server.addr());
        let mut command = Command::new(binaries::doozer());
        let command = command
            .env_clear()
            .args(["-a", &uri, "lock", "/lock", "--", program]);
        command.output().expect("doozer can be executed")
    };
    for (program, code) in [("/no/such", 127), ("/etc/passwd", 126)] {
        let output = run(program);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(&format!("cannot run {program}")), "{told}");
        assert_eq!(server.call(&Request::get("/lock")).revision(), 0);
    }
}

#[test]
fn a_file_that_is_no_lock_is_left_alone() {
    let server = start_server();
    server.call(&Request::set("/lock", -1, "precious"));
    check(
        &server,
        ("lock /lock", "echo ran", "", "/lock is no lock", 2),
    );
    server.call(&Request::set("/dir/file", -1, "x"));
    check(&server, ("lock /dir", "echo ran", "", "ISDIR", 2));
    assert_eq!(value(&server, "/lock"), "precious");
}

#[test]
fn a_lock_that_is_held_is_waited_for() {
    let (server, folder) = (start_server(), Folder::new());
    let start =
        |words: &str, script: &str| Running::start(server.addr(), words, script, folder.0.path());
    let script = "echo $$ >first; while [ ! -e go ]; do sleep 0.05; done";
    let first = start(&lock(), script);
    folder.await_id("first");
    for wait in ["0", "300ms"] {
        let words = format!("lock --wait {wait} /lock");
        let pid = first.id();
        let holder = format!(
            "held by {}, pid {pid}",
            rustix::system::uname().nodename().to_string_lossy()
        );
        check(&server, (&words, "echo ran", "", &holder, 5));
    }
    let second = start(&lock(), "echo ran");
    // The second one says whom it waits for after a second, and waits on.
    wait::pause(Duration::from_millis(1500));
    fs::write(folder.at("go"), "").expect("a file");
    assert!(first.output().status.success());
    let output = second.output();
    assert_eq!(text(&output.stdout), "ran\n");
    assert!(text(&output.stderr).contains("waiting for /lock, held by "));
}

#[test]
fn a_signal_is_passed_on_and_the_lock_is_given_back() {
    let (server, folder) = (start_server(), Folder::new());
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::USR1, "USR1"),
    ] {
        let script = format!(
            "trap 'echo {name}; exit 3' {name}; echo $$ >{name}; while :; do sleep 0.05; done"
        );
        let running = Running::start(server.addr(), &lock(), &script, folder.0.path());
        folder.await_id(name);
        running.signal(signal);
        let output = running.output();
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(3), format!("{name}\n"))
        );
        assert_eq!(server.call(&Request::get("/lock")).revision(), 0);
    }
}

#[test]
fn a_signal_ends_one_that_still_waits() {
    let (server, folder) = (start_server(), Folder::new());
    let script = "echo $$ >first; sleep 1000";
    let _first = Running::start(server.addr(), &lock(), script, folder.0.path());
    folder.await_id("first");
    let held = value(&server, "/lock");
    let second = Running::start(server.addr(), &lock(), "echo ran", folder.0.path());
    // Not a moment at which it cannot be ended.
    wait::pause(Duration::from_millis(200));
    second.signal(Signal::TERM);
    let output = second.output();
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(128 + 15), String::new())
    );
    assert_eq!(value(&server, "/lock"), held);
}

/// Starts a lock whose child and grandchild run for long; waits for both.
fn start_family(server: &Server, folder: &Folder) -> (Running, [Pid; 2]) {
    let script = "sleep 1000 & echo $! >grandchild; trap '' TERM; echo $$ >child; while :; do sleep 1000; done";
    let running = Running::start(server.addr(), &lock(), script, folder.0.path());
    let family = ["child", "grandchild"].map(|name| folder.await_id(name));
    (running, family)
}

#[test]
fn kill_9_of_the_parent_ends_the_child_and_what_it_started() {
    let (server, folder) = (start_server(), Folder::new());
    let (mut running, family) = start_family(&server, &folder);
    running.signal(Signal::KILL);
    assert_eq!(running.await_end().signal(), Some(9));
    family.into_iter().for_each(await_gone);
    // Nobody gave it back: it is taken over.
    let begin = Instant::now();
    check(
        &server,
        (&lock(), "echo ran", "ran\n", "waiting for /lock", 0),
    );
    assert!(begin.elapsed() < TTL_TIME * 2, "{:?}", begin.elapsed());
}

#[test]
fn kill_9_of_the_guard_ends_the_child() {
    let (server, folder) = (start_server(), Folder::new());
    let (mut running, [child, _]) = start_family(&server, &folder);
    let stat = fs::read_to_string(format!("/proc/{child}/stat")).expect("a running child");
    let guard = stat
        .split(' ')
        .nth(3)
        .and_then(|id| id.parse().ok())
        .and_then(Pid::from_raw);
    kill_process(guard.expect("a parent"), Signal::KILL).expect("a signal to the guard");
    await_gone(child);
    assert_eq!(running.await_end().code(), Some(128 + 9));
    assert_eq!(server.call(&Request::get("/lock")).revision(), 0);
}

#[test]
fn kill_9_of_the_child_gives_the_lock_back() {
    let (server, folder) = (start_server(), Folder::new());
    let (running, [child, _]) = start_family(&server, &folder);
    kill_process(child, Signal::KILL).expect("a signal to the child");
    let mut running = running;
    assert_eq!(running.await_end().code(), Some(128 + 9));
    assert_eq!(server.call(&Request::get("/lock")).revision(), 0);
}

#[test]
fn a_parent_that_stands_still_loses_its_child_before_the_lock() {
    let (server, folder) = (start_server(), Folder::new());
    let (mut running, family) = start_family(&server, &folder);
    running.signal(Signal::STOP);
    let script = format!(
        "for id in {} {}; do [ -e /proc/$id ] && grep -q '^State:.[RSDT]' /proc/$id/status && echo alive; done; :",
        family[0], family[1]
    );
    check(&server, (&lock(), &script, "", "waiting for /lock", 0));
    running.signal(Signal::CONT);
    assert_eq!(running.await_end().code(), Some(128 + 9));
    assert!(text(&read(running.0.stderr.take().expect("a pipe"))).contains("/lock was lost"));
}

#[test]
fn a_child_that_stands_still_keeps_the_lock_and_is_killed_when_it_is_broken() {
    let (server, folder) = (start_server(), Folder::new());
    let (mut running, family) = start_family(&server, &folder);
    kill_process(family[0], Signal::STOP).expect("a signal to the child");
    let words = format!("lock --wait {}s /lock", TTL_TIME.as_secs() + 2);
    check(&server, (&words, "echo ran", "", "not acquired", 5));
    server.call(&Request::del("/lock", -1));
    assert_eq!(running.await_end().code(), Some(128 + 9));
    family.into_iter().for_each(await_gone);
    let told = text(&read(running.0.stderr.take().expect("a pipe")));
    assert!(
        told.contains("/lock was lost: somebody has deleted it"),
        "{told}"
    );
}

#[test]
fn a_lock_taken_over_by_hand_ends_the_child_and_is_not_deleted() {
    let (server, folder) = (start_server(), Folder::new());
    let script = "trap 'exit 0' TERM; echo $$ >child; while :; do sleep 0.05; done";
    let mut running = Running::start(server.addr(), &lock(), script, folder.0.path());
    folder.await_id("child");
    server.call(&Request::set("/lock", -1, "mine"));
    // The child saw nothing wrong, and yet it is not well.
    assert_eq!(running.await_end().code(), Some(2));
    assert_eq!(value(&server, "/lock"), "mine");
}

#[test]
fn a_server_that_restarts_costs_no_lock() {
    let (mut server, folder) = (start_server(), Folder::new());
    let script = "echo $$ >child; while [ ! -e go ]; do sleep 0.05; done; echo done";
    let running = Running::start(
        server.addr(),
        "lock --ttl 15s /lock",
        script,
        folder.0.path(),
    );
    folder.await_id("child");
    let renewed = |server: &Server| server.call(&Request::get("/lock")).revision();
    for _ in 0..2 {
        server.kill9();
        server.start_again();
        let before = renewed(&server);
        wait::until("the lock is renewed", WITHIN, || renewed(&server) > before);
    }
    fs::write(folder.at("go"), "").expect("a file");
    let output = running.output();
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        ("done\n".to_owned(), String::new())
    );
    assert_eq!(renewed(&server), 0);
}

#[test]
fn a_leader_that_dies_or_freezes_costs_no_lock() {
    let _turn = one_at_a_time();
    let (mut cluster, folder) = (Cluster::start(3, &[]), Folder::new());
    let addrs = cluster.addrs().join("&ca=");
    let script = "echo $$ >child; while [ ! -e go ]; do sleep 0.05; done; echo done";
    let running = Running::start(&addrs, "lock --ttl 12s /lock", script, folder.0.path());
    folder.await_id("child");
    let renewed = |cluster: &Cluster| {
        let reads = (0..3)
            .filter_map(|node| cluster.ask(node, &Request::get("/lock"), Duration::from_secs(1)));
        reads
            .map(|read| read.revision())
            .max()
            .expect("a node that answers")
    };
    let await_renewed = |cluster: &Cluster| {
        let before = renewed(cluster);
        wait::until("the lock is renewed", WITHIN, || renewed(cluster) > before);
    };
    let leader = cluster.leader();
    cluster.kill9(leader);
    await_renewed(&cluster);
    cluster.node_mut(leader).start_again();
    cluster.await_members(WITHIN);
    // The node that the lock's holder talks to is one of the others by now: freeze each in turn.
    for node in 0..3 {
        cluster.freeze(node);
        await_renewed(&cluster);
        cluster.thaw(node);
        cluster.await_members(WITHIN);
    }
    fs::write(folder.at("go"), "").expect("a file");
    assert_eq!(text(&running.output().stdout), "done\n");
}

#[test]
fn an_elected_leader_is_found_in_the_file_and_followed_by_another() {
    let (server, folder) = (start_server(), Folder::new());
    let stand = |name: &str| {
        let words = format!("elect --ttl {TTL} --value {name}:1 /leader");
        let script = format!("echo $DOOZER_LOCK_REV >{name}; sleep 1000");
        Running::start(server.addr(), &words, &script, folder.0.path())
    };
    let first = stand("first");
    let token: i64 = folder.await_text("first").parse().expect("a revision");
    let _second = stand("second");
    assert_eq!(value(&server, "/leader"), "first:1");
    first.signal(Signal::KILL);
    let later: i64 = folder.await_text("second").parse().expect("a revision");
    assert!(later > token);
    assert_eq!(value(&server, "/leader"), "second:1");
}

/// What /counter held, one after another: the number, and the token that it was written under.
fn counts(server: &Server) -> Vec<(u64, i64)> {
    let tale = Tale::read_all(&[server.addr().to_owned()], 1).expect("the history");
    let events = tale.into_iter().flat_map(|tale| tale.events);
    let values = events.filter_map(|(_, event)| match event.change {
        Change::Set(value) if event.path == "/counter" => Some(text(&value)),
        _ => None,
    });
    let parsed = values.map(|value| {
        let (number, token) = value.split_once(' ').expect("two words");
        (
            number.parse().expect("a number"),
            token.parse().expect("a revision"),
        )
    });
    parsed.collect()
}

/// No update was lost, and none accepted from a holder that another one had followed.
#[track_caller]
fn check_counts(counts: &[(u64, i64)]) {
    let numbers: Vec<u64> = counts.iter().map(|(number, _)| *number).collect();
    let expected: Vec<u64> = (1..).take(counts.len()).collect();
    assert_eq!(numbers, expected, "{counts:?}");
    assert!(
        counts.is_sorted_by(|(_, one), (_, next)| one < next),
        "{counts:?}"
    );
}

const CONTENDERS: usize = 10;
/// How often each of them counts.
const ROUNDS: usize = 3;

#[test]
fn of_ten_contenders_one_at_a_time_holds() {
    let (server, folder) = (start_server(), Folder::new());
    let script = format!("mkdir held || echo overlap >overlap\n{COUNT}\nrmdir held");
    let contend = || {
        for _ in 0..ROUNDS {
            let running = Running::start(server.addr(), "lock /lock", &script, folder.0.path());
            let output = running.output();
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..CONTENDERS {
            scope.spawn(contend);
        }
    });
    assert!(!folder.at("overlap").exists());
    let counts = counts(&server);
    assert_eq!(counts.len(), CONTENDERS * ROUNDS);
    check_counts(&counts);
}

/// How long contenders are killed and stopped.
const CHAOS_TIME: Duration = Duration::from_secs(25);

/// Who runs at the moment, by the contender's number, with the name of the file of its child's id.
type Crowd = Mutex<BTreeMap<usize, (Pid, PathBuf)>>;

#[test]
fn whoever_is_killed_or_stopped_no_stale_write_is_accepted() {
    let (server, folder) = (start_server(), Folder::new());
    let (crowd, over, acknowledged) = (Crowd::default(), AtomicBool::new(false), Mutex::default());
    std::thread::scope(|scope| {
        for number in 0..CONTENDERS {
            let (server, folder, crowd, over, acknowledged) =
                (&server, &folder, &crowd, &over, &acknowledged);
            scope.spawn(move || contend(number, (server, folder), (crowd, over), acknowledged));
        }
        disturb(&crowd);
        over.store(true, Ordering::Relaxed);
    });
    let counts = counts(&server);
    check_counts(&counts);
    let mut acknowledged: Vec<u64> = acknowledged.into_inner().expect("no panic");
    acknowledged.sort_unstable();
    assert!(
        acknowledged.is_sorted_by(|one, next| one < next),
        "{acknowledged:?}"
    );
    assert!(acknowledged.len() > 2, "{acknowledged:?}");
    assert!(
        acknowledged
            .last()
            .is_some_and(|last| *last <= counts.len() as u64),
        "{acknowledged:?}"
    );
}

/// Counts again and again until it is `over`.
fn contend(
    number: usize,
    (server, folder): (&Server, &Folder),
    (crowd, over): (&Crowd, &AtomicBool),
    acknowledged: &Mutex<Vec<u64>>,
) {
    let file = folder.at(&format!("child-{number}"));
    let script = format!("echo $$ >child-{number}\nPAUSE=0.3\n{COUNT}");
    while !over.load(Ordering::Relaxed) {
        let mut running = Running::start(
            server.addr(),
            "lock --ttl 1s /lock",
            &script,
            folder.0.path(),
        );
        let entry = (running.id(), file.clone());
        crowd.lock().expect("no panic").insert(number, entry);
        while !running.has_ended() && !over.load(Ordering::Relaxed) {
            wait::pause(Duration::from_millis(10));
        }
        crowd.lock().expect("no panic").remove(&number);
        if !running.has_ended() {
            return;
        }
        let mut said = running.0.stdout.take().expect("a pipe");
        let mut number = String::new();
        // A child that is stopped may hold it open: not more than what is there at the end is read.
        if running.await_end().success() {
            std::io::Read::read_to_string(&mut said, &mut number).expect("what a child printed");
            let number = number.trim().parse().expect("a number");
            acknowledged.lock().expect("no panic").push(number);
        }
    }
}

/// Kills and stops contenders and their children.
fn disturb(crowd: &Crowd) {
    let mut random = Random::from_clock();
    let begin = Instant::now();
    while begin.elapsed() < CHAOS_TIME {
        wait::pause(Duration::from_millis(
            u64::try_from(random.below(400)).expect("small"),
        ));
        let victim = {
            let crowd = crowd.lock().expect("no panic");
            let nth = random.below(CONTENDERS);
            crowd.values().nth(nth).cloned()
        };
        let Some((parent, file)) = victim else {
            continue;
        };
        let child = fs::read_to_string(file)
            .ok()
            .and_then(|id| id.trim().parse().ok());
        let child = child
            .and_then(Pid::from_raw)
            .filter(|child| is_in_group(*child, parent));
        let disturbed = match random.below(5) {
            0 => kill_process(parent, Signal::KILL),
            1 => child.map_or(Ok(()), |child| kill_process(child, Signal::KILL)),
            2 => child.map_or(Ok(()), |child| kill_process(child, Signal::STOP)),
            3 => kill_process(parent, Signal::STOP),
            _ => kill_process_group(parent, Signal::STOP),
        };
        // Of what has ended meanwhile it fails.
        disturbed.ok();
        if random.below(3) == 0 {
            wait::pause(Duration::from_millis(1200));
            for (parent, _) in crowd.lock().expect("no panic").values() {
                kill_process_group(*parent, Signal::CONT).ok();
            }
        }
    }
    for (parent, _) in crowd.lock().expect("no panic").values() {
        kill_process_group(*parent, Signal::CONT).ok();
    }
}

/// Whether a process is one of the group `leader`: ids are used again.
fn is_in_group(id: Pid, leader: Pid) -> bool {
    rustix::process::getpgid(Some(id)).is_ok_and(|group| group == leader)
}
