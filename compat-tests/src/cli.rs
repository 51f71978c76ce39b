//! The built `doozer` command as a user has it: a home, a server, command lines, and what came of
//! them.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries;
use crate::server::{STILL, Server, free_addr};
use crate::wait;
use crate::wire::{Request, verb};

/// How long a command that should end may take.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// How long no revision is made by a server that has come to rest.
const RESTS_FOR: Duration = Duration::from_millis(200);

/// A user: a home folder of their own, in which commands run, and a server that `DOOZER_URI` names.
#[derive(Debug)]
pub struct Cli {
    home: TempDir,
    env: Vec<(String, String)>,
    /// `{n}` in a command line or an expected text is the n-th revision after this one.
    base: i64,
    server: Option<Server>,
}

impl Cli {
    /// With a server of their own, which makes no revisions by itself.
    pub fn new() -> Self {
        Self::of(Server::start(STILL))
    }

    /// With this server.
    pub fn of(server: Server) -> Self {
        let mut cli = Self::at(server.addr());
        cli.base = settled_rev(&server);
        cli.server = Some(server);
        cli
    }

    /// With an address where nobody listens.
    pub fn nowhere() -> Self {
        Self::at(&free_addr())
    }

    /// With the server at `addr`, which is somebody else's.
    pub fn at(addr: &str) -> Self {
        Self {
            home: TempDir::new().expect("a temporary folder"),
            env: Vec::new(),
            base: 0,
            server: None,
        }
        .env("DOOZER_URI", &format!("doozer:?ca={addr}"))
    }

    /// With another variable in the environment, which has nothing but `HOME` and `PATH` otherwise.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(set, _)| set != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a variable.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.env.retain(|(set, _)| set != name);
        self
    }

    /// The user's own server.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("a server was started")
    }

    /// The user's own server, to be stopped or started.
    pub fn server_mut(&mut self) -> &mut Server {
        self.server.as_mut().expect("a server was started")
    }

    /// The folder that commands run in, which is the user's home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file below the home; its path.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a folder of the test's own");
        fs::write(&path, text).expect("a file of the test's own");
        path
    }

    /// Puts revisions in place: `{3}` is the third one after the server came to rest.
    pub fn place(&self, text: &str) -> String {
        place(self.base, text)
    }

    /// Runs `doozer` with the words of `line`, which are as a shell reads them: `get '/a b'`.
    #[track_caller]
    pub fn run(&self, line: &str) -> Ran {
        self.run_with(line, b"")
    }

    /// Runs `doozer`, which reads `input`.
    #[track_caller]
    pub fn run_with(&self, line: &str, input: impl AsRef<[u8]>) -> Ran {
        self.start_with(line, input).end()
    }

    /// Starts `doozer`, which has nothing to read.
    pub fn start(&self, line: &str) -> Running {
        self.start_with(line, b"")
    }

    /// Starts `doozer`, which reads `input`.
    pub fn start_with(&self, line: &str, input: impl AsRef<[u8]>) -> Running {
        let line = self.place(line);
        let mut child = self.command(&line).spawn().expect("doozer can be executed");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.as_ref().to_owned();
        // A command that does not read its input may have ended already.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        Running {
            stdout: child.stdout.take().map(collect),
            stderr: child.stderr.take().map(collect),
            writer: Some(writer),
            child,
            line,
            base: self.base,
        }
    }

    /// `doozer` with the words of `line`, all its streams pipes, for what is not run like that.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(binaries::doozer());
        command
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", binaries::path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .args(words(line))
            .current_dir(self.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Default for Cli {
    fn default() -> Self {
        Self::new()
    }
}

/// A command on its way; killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    line: String,
    base: i64,
    writer: Option<JoinHandle<()>>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    /// Sends a signal, as Ctrl-C does.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child of ours");
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// What came of it, once it has ended; killed where it does not in time.
    #[track_caller]
    pub fn end(mut self) -> Ran {
        let begin = Instant::now();
        while self.is_running() && begin.elapsed() < ENDS_WITHIN {
            wait::pause(Duration::from_millis(3));
        }
        let in_time = !self.is_running();
        drop(self.child.kill());
        let status = self.child.wait().expect("the status of a child");
        let ran = Ran {
            code: status.code(),
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
            line: self.line.clone(),
            base: self.base,
        };
        assert!(in_time, "it does not end: {ran:?}");
        ran
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of a child")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(self.writer.take().map(JoinHandle::join));
    }
}

/// What came of a command line. Bytes that are no text are shown as such.
#[derive(Debug)]
pub struct Ran {
    /// The words as they were typed, revisions in place.
    pub line: String,
    /// The exit status; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    base: i64,
}

impl Ran {
    /// It printed just this, said nothing else, and ended well.
    #[track_caller]
    pub fn prints(&self, expected: &str) -> &Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        assert_eq!(self.stdout, self.place(expected), "{}", self.line);
        self
    }

    /// It printed nothing, ended with this status, and what it said has this part.
    #[track_caller]
    pub fn fails(&self, code: i32, part: &str) -> &Self {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (Some(code), ""),
            "{self:?}"
        );
        self.says(part)
    }

    /// It ended with this status.
    #[track_caller]
    pub fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Its standard error has this part.
    #[track_caller]
    pub fn says(&self, part: &str) -> &Self {
        assert!(
            self.stderr.contains(&self.place(part)),
            "not {part:?}: {self:?}"
        );
        self
    }

    /// Its standard output has this part.
    #[track_caller]
    pub fn shows(&self, part: &str) -> &Self {
        assert!(
            self.stdout.contains(&self.place(part)),
            "not {part:?}: {self:?}"
        );
        self
    }

    /// Neither stream has this part.
    #[track_caller]
    pub fn hides(&self, part: &str) -> &Self {
        let shown = self.stdout.contains(part) || self.stderr.contains(part);
        assert!(!shown, "{part:?}: {self:?}");
        self
    }

    /// Standard output as JSON, of a command that ended well.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn place(&self, text: &str) -> String {
        place(self.base, text)
    }
}

/// The revision at which a server that has just started comes to rest.
pub fn settled_rev(server: &Server) -> i64 {
    let rev = || server.call(&Request::new(verb::REV)).revision();
    let mut last = rev();
    let mut since = Instant::now();
    wait::until("no more revisions are made", ENDS_WITHIN, || {
        let now = rev();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        since.elapsed() > RESTS_FOR
    });
    last
}

fn place(base: i64, text: &str) -> String {
    let mut placed = text.to_owned();
    for n in 0..10 {
        placed = placed.replace(&format!("{{{n}}}"), &(base + n).to_string());
    }
    placed
}

/// The words of a line: spaces part them, but within quotation marks of either kind.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

fn text(stream: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = stream.expect("collected once").join().expect("a reader");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_quoted() {
        let expected = ["put", "/a", "two words", "", "it's", "a\"b"];
        assert_eq!(words("put  /a 'two words' '' \"it's\" a'\"'b "), expected);
    }
}
