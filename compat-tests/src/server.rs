//! A running `doozerd` of a test's own: started on a free port with a data folder of its own, and
//! gone when the test ends, however it ends.

use std::fs::{self, File, OpenOptions};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use tempfile::TempDir;

use crate::binaries;
use crate::connection::{Connection, Received};
use crate::strace;
use crate::wait;
use crate::wire::{Request, Response, verb};

/// Flags that keep the server from writing revisions of its own once it is up.
pub const STILL: &[&str] = &["-pulse", "1000000"];

/// What a server is not to find where the tests run.
const VARIABLES: [&str; 5] = [
    "DOOZER_BOOT_URI",
    "DOOZER_RWSECRET",
    "DOOZER_ROSECRET",
    "DOOZER_PEERSECRET",
    "DOOZER_PEERSECRET_OLD",
];

/// How long a start may take before the test fails.
const START_WITHIN: Duration = Duration::from_secs(30);

/// How long a stop may take: five seconds are promised.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Ports below those that Linux gives to connections (32768 and more).
const LASTING_PORT_FIRST: u16 = 20_000;
const LASTING_PORTS: u16 = 12_000;

/// How much of the log a failed test shows.
const LOG_TAIL_LINES: usize = 30;

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    flags: Vec<String>,
    env: Vec<(String, String)>,
    data: Option<PathBuf>,
    addr: Option<String>,
    web: Web,
    tls: bool,
    ready: Ready,
    /// The words before the server's own: a program that becomes it.
    before: Vec<String>,
}

/// When a server counts as started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ready {
    #[default]
    TakesWrites,
    Answers,
}

/// Where the status page is.
#[derive(Clone, Debug, Default)]
enum Web {
    #[default]
    Off,
    ByDefault,
    At(String),
}

/// A server that did not come up.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit code; `None` if it was still running when the time was up, or died by a signal.
    pub code: Option<i32>,
    /// All it wrote to standard error.
    pub log: String,
}

impl Launch {
    pub fn new(flags: &[&str]) -> Self {
        Self::default().flags(flags)
    }

    #[must_use]
    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(ToString::to_string));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes back every [`Self::env`] of that name.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.env.retain(|(set, _)| set != name);
        self
    }

    /// Keeps the data in `folder` instead of in one of the server's own.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// Listens at `addr` instead of at a free port of 127.0.0.1.
    #[must_use]
    pub fn addr(mut self, addr: &str) -> Self {
        self.addr = Some(addr.to_owned());
        self
    }

    /// Serves the status page at `addr` (`-w`), which is otherwise switched off.
    #[must_use]
    pub fn web(mut self, addr: &str) -> Self {
        self.web = Web::At(addr.to_owned());
        self
    }

    /// Gives no `-w`: the status page is where it is by default.
    #[must_use]
    pub fn web_by_default(mut self) -> Self {
        self.web = Web::ByDefault;
        self
    }

    /// Speaks TLS: the server counts as started once its port is open.
    #[must_use]
    pub fn tls(mut self, certificate: &Path, key: &Path) -> Self {
        self.tls = true;
        let paths = [certificate, key].map(|path| path.display().to_string());
        self.flags(&["-tlscert", &paths[0], "-tlskey", &paths[1]])
    }

    /// Counts as started once it answers, be it a member or not.
    #[must_use]
    pub fn learner(mut self) -> Self {
        self.ready = Ready::Answers;
        self
    }

    /// Runs in the network namespace `name`.
    #[must_use]
    pub fn inside(mut self, name: &str) -> Self {
        let before = ["ip", "netns", "exec", name];
        self.before.extend(before.map(str::to_owned));
        self
    }

    /// Has a disk that takes `delay` longer for every sync; nothing: a quick one again.
    #[must_use]
    pub fn slow_disk(mut self, delay: Option<Duration>) -> Self {
        self.before = delay.map(strace::delay_syncs).unwrap_or_default();
        self
    }

    /// Starts the server and waits until it takes writes, or until it answers if it is a learner.
    pub fn start(self) -> Server {
        self.try_start()
            .unwrap_or_else(|refusal| panic!("doozerd did not start: {refusal:?}"))
    }

    /// Starts the server, which may refuse.
    pub fn try_start(self) -> Result<Server, Refusal> {
        let mut server = self.start_unwaited();
        server.await_start().map(|()| server)
    }

    /// Starts the server and does not look whether it comes up.
    pub fn start_unwaited(self) -> Server {
        let home = Arc::new(TempDir::new().expect("a temporary folder"));
        let data = self
            .data
            .clone()
            .unwrap_or_else(|| home.path().join("data"));
        let addr = self.addr.clone().unwrap_or_else(free_addr);
        let child = self.spawn(&home, &addr, &data);
        Server {
            child,
            addr,
            data,
            home,
            launch: self,
        }
    }

    fn spawn(&self, home: &TempDir, addr: &str, data: &Path) -> Child {
        let mut command = self.program();
        command
            .args(["-l", addr, "-c", "local", "--data-dir"])
            .arg(data);
        match &self.web {
            Web::Off => command.args(["-w", "false"]),
            Web::At(addr) => command.args(["-w", addr]),
            Web::ByDefault => &mut command,
        };
        command.args(&self.flags).current_dir(home.path());
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(log_file(home))
            .stderr(log_file(home));
        command.spawn().expect("doozerd can be executed")
    }

    /// The server's program, or what becomes it, so that the process is the same.
    fn program(&self) -> Command {
        let Some((first, rest)) = self.before.split_first() else {
            return Command::new(binaries::doozerd());
        };
        let mut command = Command::new(first);
        command.args(rest).arg(binaries::doozerd());
        command
    }

    fn secret(&self) -> Option<&str> {
        let of = |wanted: &str| self.env.iter().find(|(name, _)| name == wanted);
        let found = of("DOOZER_RWSECRET").or_else(|| of("DOOZER_ROSECRET"));
        found.map(|(_, value)| value.as_str())
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    addr: String,
    data: PathBuf,
    home: Arc<TempDir>,
    launch: Launch,
}

impl Server {
    /// A server with `flags` that takes writes.
    pub fn start(flags: &[&str]) -> Self {
        Launch::new(flags).start()
    }

    /// HOST:PORT.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> Connection {
        Connection::open(&self.addr).expect("doozerd takes connections")
    }

    /// The answer to one request on a connection of its own.
    pub fn call(&self, request: &Request) -> Response {
        self.connect().call(request)
    }

    /// All it has written to standard output and error, over all its starts.
    pub fn log(&self) -> String {
        read_log(&self.home)
    }

    /// How many syncs its [`Launch::slow_disk`] has delayed since its last start.
    pub fn delayed_syncs(&self) -> usize {
        let calls = fs::read_to_string(self.home.path().join(strace::SYNCS));
        calls.unwrap_or_default().matches("DELAYED").count()
    }

    /// Its resident memory.
    pub fn rss_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("a status of a running server");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.expect("a VmRSS line")
            .parse::<u64>()
            .expect("a number of kB")
            << 10
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a signal to a child");
    }

    /// True while the process has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the state of a child")
            .is_none()
    }

    /// Waits until the process has ended by itself.
    pub fn await_exit(&mut self) -> ExitStatus {
        wait::until("doozerd has ended", STOP_WITHIN, || !self.is_running());
        self.child.wait().expect("the end of a child")
    }

    /// Ends it by SIGTERM.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.await_exit()
    }

    /// Ends it by SIGKILL.
    pub fn kill9(&mut self) {
        self.child.kill().expect("SIGKILL to a child");
        self.child.wait().expect("the end of a child");
    }

    /// Starts it again after its end: same flags, address and data.
    pub fn start_again(&mut self) {
        self.try_start_again()
            .unwrap_or_else(|refusal| panic!("no second start: {refusal:?}"));
    }

    /// [`Self::start_again`], which may be refused.
    pub fn try_start_again(&mut self) -> Result<(), Refusal> {
        assert!(!self.is_running(), "it still runs");
        self.child = self.launch.spawn(&self.home, &self.addr, &self.data);
        self.await_start()
    }

    /// Starts it again after its end without waiting for anything.
    pub fn spawn_again(&mut self) {
        assert!(!self.is_running(), "it still runs");
        self.child = self.launch.spawn(&self.home, &self.addr, &self.data);
    }

    /// Starts it after its end on an empty folder, with other flags, without waiting.
    pub fn spawn_anew(&mut self, flags: &[&str]) {
        assert!(!self.is_running(), "it still runs");
        fs::remove_dir_all(&self.data).expect("a data folder that can be removed");
        self.launch.flags = flags.iter().map(ToString::to_string).collect();
        self.spawn_again();
    }

    /// Where its next start is to listen.
    pub fn move_to(&mut self, addr: &str) {
        addr.clone_into(&mut self.addr);
    }

    /// What its next start is to be like.
    pub fn change(&mut self, change: impl FnOnce(Launch) -> Launch) {
        self.launch = change(std::mem::take(&mut self.launch));
    }

    /// Starts it again after its end and kills it in the middle of its start.
    pub fn start_and_kill(&mut self, after: Duration) {
        assert!(!self.is_running(), "it still runs");
        self.child = self.launch.spawn(&self.home, &self.addr, &self.data);
        wait::pause(after);
        self.kill9();
    }

    fn await_start(&mut self) -> Result<(), Refusal> {
        let begin = Instant::now();
        while begin.elapsed() < START_WITHIN {
            let ended = self.child.try_wait().expect("the state of a child");
            if ended.is_some() {
                return Err(self.refusal(ended.and_then(|status| status.code())));
            }
            if self.is_ready() {
                return Ok(());
            }
            wait::pause(Duration::from_millis(5));
        }
        Err(self.refusal(None))
    }

    fn refusal(&self, code: Option<i32>) -> Refusal {
        Refusal {
            code,
            log: self.log(),
        }
    }

    fn is_ready(&self) -> bool {
        if self.launch.tls {
            return TcpStream::connect(&self.addr).is_ok();
        }
        let connection = Connection::open(&self.addr);
        connection.is_ok_and(|connection| self.serves(connection))
    }

    fn serves(&self, mut connection: Connection) -> bool {
        match self.launch.ready {
            Ready::TakesWrites => self.takes_writes(connection),
            Ready::Answers => answer(&mut connection, &Request::new(verb::SELF)).is_some(),
        }
    }

    fn takes_writes(&self, mut connection: Connection) -> bool {
        if let Some(secret) = self.launch.secret() {
            answer(&mut connection, &Request::access(secret));
        }
        let Some(id) = answer(&mut connection, &Request::new(verb::SELF)) else {
            return false;
        };
        let writable = format!("/ctl/node/{}/writable", id.value_text());
        let answer = answer(&mut connection, &Request::get(&writable));
        answer.is_some_and(|answer| answer.value_text() == "true")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            show_tail(&self.addr, &self.log());
        }
    }
}

fn answer(connection: &mut Connection, request: &Request) -> Option<Response> {
    connection.send(request).ok()?;
    match connection.receive(Duration::from_secs(5)) {
        Ok(Received::Response(response)) => Some(response),
        _ => None,
    }
}

/// An address of 127.0.0.1 that the system has just given and taken back.
pub fn free_addr() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .local_addr()
        .expect("the address of a listener")
        .to_string()
}

/// Lets this test, and the servers it starts, have `count` files and sockets open.
pub fn raise_open_files(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        hard >= count,
        "at most {hard} open files here: raise it with `ulimit -Hn {count}`"
    );
    let current = Some(limit.current.unwrap_or(u64::MAX).max(count));
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current,
            maximum: limit.maximum,
        },
    )
    .expect("the limit on open files up to the hard one");
}

/// An address of 127.0.0.1 that stays free while nobody listens there: its port is none of those
/// that the system gives to connections, so that a node can be started there again.
pub fn lasting_addr() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 1000).expect("invariant: below 1000") * 12;
    loop {
        let offset = (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % LASTING_PORTS;
        let addr = format!("127.0.0.1:{}", LASTING_PORT_FIRST + offset);
        if TcpListener::bind(&addr).is_ok() {
            return addr;
        }
    }
}

fn log_file(home: &TempDir) -> File {
    let path = home.path().join("log");
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("a file for the log")
}

fn read_log(home: &TempDir) -> String {
    let bytes = fs::read(home.path().join("log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[expect(clippy::print_stderr, reason = "what a failed test has to show")]
fn show_tail(addr: &str, log: &str) {
    let lines: Vec<_> = log.lines().collect();
    let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
    eprintln!(
        "---- the end of the log of doozerd at {addr}\n{}\n----",
        tail.join("\n")
    );
}
