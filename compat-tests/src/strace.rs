//! Looking at a server's system calls while it answers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::binaries;
use crate::server::Server;
use crate::wait;

/// The calls that move bytes of sockets or make files durable.
const CALLS: &str = "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,\
                     fsync,fdatasync,sync_file_range,msync";

/// An strace attached to a server.
#[derive(Debug)]
pub struct Strace {
    child: Child,
    folder: TempDir,
}

impl Strace {
    /// Attaches to all threads of `server`; panics saying what to do where that is impossible.
    pub fn attach(server: &Server) -> Self {
        assert!(
            binaries::on_path("strace"),
            "strace is missing: apt-get install strace"
        );
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
