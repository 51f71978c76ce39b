//! Looking at a server's system calls while it starts, and while it answers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::binaries;
use crate::connection::Connection;
use crate::server::{Server, free_addr};
use crate::wait;
use crate::wire::{Request, verb};

/// The calls that move bytes of sockets or make files durable.
const CALLS: &str = "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,\
                     fsync,fdatasync,sync_file_range,msync";

/// How long a start under strace, and its end, may each take.
const START_WITHIN: Duration = Duration::from_secs(30);

/// The syncs of a server that starts on the folder `data` and is stopped when it answers, one a
/// line, with the names of what was synced.
pub fn syncs_of_a_start(data: &Path) -> Vec<String> {
    require_strace();
    let folder = TempDir::new().expect("a temporary folder");
    let (calls, addr) = (folder.path().join("calls"), free_addr());
    // The server is the child, and strace is nobody's: a signal reaches the server.
    let mut server = Command::new("strace")
        .args(["-D", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o"])
        .arg(&calls)
        .arg(binaries::doozerd())
        .args(["-l", &addr, "-w", "false", "--data-dir"])
        .arg(data)
        .stderr(Stdio::null())
        .spawn()
        .expect("strace can be executed");
    wait::until("the server answers", START_WITHIN, || {
        let rev = |mut server: Connection| server.ask(&Request::new(verb::REV));
        Connection::open(&addr).and_then(rev).is_ok()
    });
    kill_process(Pid::from_child(&server), Signal::TERM).expect("a signal to the server");
    server.wait().expect("the end of the server");
    let mut text = String::new();
    wait::until("strace has seen the end", START_WITHIN, || {
        text = fs::read_to_string(&calls).expect("strace's output");
        let process = format!("{} ", server.id());
        text.lines()
            .any(|line| line.starts_with(&process) && line.contains("+++ exited"))
    });
    text.lines().map(str::to_owned).collect()
}

/// Where a program behind [`delay_syncs`] has its syncs listed: in its working folder.
pub(crate) const SYNCS: &str = "syncs";

/// The words before a program's own that make each of its syncs take `delay` longer, and stop it
/// at nothing else. The program is the child, and strace is nobody's: it ends with the program.
pub(crate) fn delay_syncs(delay: Duration) -> Vec<String> {
    require_strace();
    let inject = format!("inject=fsync,fdatasync:delay_exit={}", delay.as_micros());
    let words = ["strace", "-D", "-f", "-q", "--seccomp-bpf", "-o", SYNCS];
    let calls = ["-e", "trace=fsync,fdatasync", "-e", &inject];
    let words = words.iter().chain(&calls);
    words.map(ToString::to_string).collect()
}

fn require_strace() {
    assert!(
        binaries::on_path("strace"),
        "strace is missing: apt-get install strace"
    );
}

/// An strace attached to a server.
#[derive(Debug)]
pub struct Strace {
    child: Child,
    folder: TempDir,
}

impl Strace {
    /// Attaches to all threads of `server`; panics saying what to do where that is impossible.
    pub fn attach(server: &Server) -> Self {
        require_strace();
        let folder = TempDir::new().expect("a temporary folder");
        let mut child = Command::new("strace")
            .args([
                "-f",
                "-s",
                "256",
                "-e",
                CALLS,
                "-p",
                &server.pid().to_string(),
                "-o",
            ])
            .arg(folder.path().join("calls"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace can be executed");
        let stderr = child.stderr.take().expect("invariant: piped above");
        let mut line = String::new();
        BufReader::new(stderr)
            .read_line(&mut line)
            .expect("what strace says");
        // Threads that sleep in a call are interrupted one by one.
        wait::pause(Duration::from_millis(500));
        assert!(
            line.contains("attached"),
            "strace cannot attach (be root?): {line}"
        );
        Self { child, folder }
    }

    /// Detaches and returns the calls in their order, one a line. Of a call that another thread
    /// interrupted, a send stands where it began (with its bytes), any other where it ended.
    pub fn finish(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a signal to strace");
        self.child.wait().expect("the end of strace");
        let text = fs::read(self.folder.path().join("calls")).expect("strace's output");
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines()
            .filter(|line| is_kept(line))
            .map(str::to_owned)
            .collect()
    }
}

fn is_kept(line: &str) -> bool {
    let is_send = ["write", "send"].iter().any(|name| line.contains(name));
    if line.contains("<unfinished") {
        is_send
    } else if line.contains("resumed>") {
        !is_send
    } else {
        true
    }
}
