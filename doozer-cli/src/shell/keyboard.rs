//! The terminal, as what a command reads, and as it was before programs changed it.

use std::io::{self, Read, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio_util::sync::CancellationToken;

/// How often a reader looks whether its command still runs: 100 ms.
const LOOK_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// What the user types while a command reads it.
#[derive(Debug)]
pub(super) struct Keyboard {
    /// The command has ended: what is typed belongs to others.
    over: CancellationToken,
    told: bool,
}

impl Keyboard {
    pub(super) fn new(over: CancellationToken) -> Self {
        Self { over, told: false }
    }
}

impl Read for Keyboard {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.told, true) {
            // Who cannot be told may know.
            drop(writeln!(
                io::stderr(),
                "(reading the value: end it with Ctrl-D on a new line)"
            ));
        }
        let terminal = io::stdin();
        while !self.over.is_cancelled() {
            let mut waited_for = [PollFd::new(&terminal, PollFlags::IN)];
            let is_typed = poll(&mut waited_for, Some(&LOOK_EVERY))? > 0;
            // What was typed after the end is the shell's.
            if is_typed && !self.over.is_cancelled() {
                return Ok(rustix::io::read(&terminal, bytes)?);
            }
        }
        Ok(0)
    }
}

/// How the terminal was: programs that are killed leave it otherwise. Dropped, it is so again.
#[derive(Debug)]
pub(super) struct Modes(Option<Termios>);

impl Modes {
    pub(super) fn of_terminal() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }

    pub(super) fn restore(&self) {
        if let Self(Some(modes)) = self {
            // Fails when the terminal has gone.
            let _gone = tcsetattr(io::stdin(), OptionalActions::Drain, modes);
        }
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        self.restore();
    }
}
