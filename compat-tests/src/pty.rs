//! A program at a terminal: keys go in, a screen comes out.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::screen::Screen;
use crate::wait;

/// How long something may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(20);
/// How long between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Wide enough that no line of a test is broken.
const SIZE: Winsize = Winsize {
    ws_row: 40,
    ws_col: 160,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_R: &str = "\x12";
pub const ENTER: &str = "\r";
pub const RIGHT: &str = "\x1b[C";
pub const TAB: &str = "\t";

/// A program at a terminal of its own; killed when it is dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keys: File,
    seen: Arc<Mutex<Seen>>,
    _reader: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    screen: Screen,
    bytes: Vec<u8>,
}

impl Terminal {
    /// Starts `command` at a terminal: its streams are that, and Ctrl-C reaches it.
    pub fn start(command: &Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&ours).expect("a pseudo-terminal that may be used");
        unlockpt(&ours).expect("a pseudo-terminal that may be opened");
        let path = ptsname(&ours, Vec::new()).expect("the name of a pseudo-terminal");
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(OsString::from_vec(path.into_bytes()))
            .expect("the other end of a pseudo-terminal");
        tcsetwinsize(&theirs, SIZE).expect("a terminal's size");
        let stream = || theirs.try_clone().expect("the other end once more");
        // Becomes the program, as the leader of a session that has this terminal.
        let child = in_session(command)
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .expect("setsid can be executed");
        let keys = File::from(ours);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reader = read(&keys, Arc::clone(&seen));
        Self {
            child,
            keys,
            seen,
            _reader: reader,
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("a program that reads its terminal");
    }

    /// Types a line.
    pub fn enter(&mut self, line: &str) {
        self.press(&format!("{line}{ENTER}"));
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn await_text(&self, text: &str) {
        self.await_screen(&format!("{text:?}"), |screen| screen.text().contains(text));
    }

    /// Waits until the line with the cursor is `line`, blanks at its end left out.
    #[track_caller]
    pub fn await_line(&self, line: &str) {
        let what = format!("the line {line:?}");
        self.await_screen(&what, |screen| screen.current().trim_end() == line);
    }

    /// Waits until the screen is as `is` wants it.
    #[track_caller]
    pub fn await_screen(&self, what: &str, is: impl Fn(&Screen) -> bool) {
        let begin = Instant::now();
        while !is(&self.seen.lock().expect("a reader that lives").screen) {
            let late = begin.elapsed() > SEEN_WITHIN;
            assert!(!late, "waited in vain for {what} on\n{}", self.text());
            wait::pause(LOOK_EVERY);
        }
    }

    /// All that the screen shows.
    pub fn text(&self) -> String {
        self.seen.lock().expect("a reader that lives").screen.text()
    }

    /// All that was written, with colours and movements.
    pub fn raw(&self) -> String {
        let seen = self.seen.lock().expect("a reader that lives");
        String::from_utf8_lossy(&seen.bytes).into_owned()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child of ours");
    }

    /// Waits until it has ended; its exit status, if no signal has killed it.
    #[track_caller]
    pub fn await_end(&mut self) -> Option<i32> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the state of a child") {
                return status.code();
            }
            let late = begin.elapsed() > SEEN_WITHIN;
            assert!(!late, "it does not end:\n{}", self.text());
            wait::pause(LOOK_EVERY);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `command`, started by `setsid`.
fn in_session(command: &Command) -> Command {
    let mut started = Command::new("setsid");
    started.arg("--ctty").arg(command.get_program());
    started.args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            started.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        started.current_dir(folder);
    }
    started
}

/// Shows what the program writes, until it has ended.
fn read(terminal: &File, seen: Arc<Mutex<Seen>>) -> JoinHandle<()> {
    let mut terminal = terminal.try_clone().expect("our end once more");
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = terminal.read(&mut bytes) {
            let mut seen = seen.lock().expect("a screen");
            seen.screen.show(&bytes[..length]);
            seen.bytes.extend_from_slice(&bytes[..length]);
        }
    })
}
