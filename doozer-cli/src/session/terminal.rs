//! What the standard streams of this program are.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio_util::sync::CancellationToken;

use crate::args::Environment;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1024;
/// How often somebody who waits for an answer looks whether that is still wanted: 100 ms.
const LOOK_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// What the standard streams of this program are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Whether standard input is a terminal.
    input: bool,
    /// Whether standard output is.
    output: bool,
    /// Whether standard error is.
    errors: bool,
    colours: Colours,
}

/// Whether the user, and the terminal, are for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colours {
    Wanted,
    Unwanted,
}

impl Terminal {
    /// Those of this program.
    pub(super) fn of_program(environment: &Environment) -> Self {
        Self {
            input: io::stdin().is_terminal(),
            output: io::stdout().is_terminal(),
            errors: io::stderr().is_terminal(),
            colours: if environment.no_colour {
                Colours::Unwanted
            } else {
                Colours::Wanted
            },
        }
    }

    /// Whether standard input is a terminal.
    pub(crate) fn is_typed_at(self) -> bool {
        self.input
    }

    /// Whether standard output is a terminal.
    pub(crate) fn is_looked_at(self) -> bool {
        self.output
    }

    /// Whether standard output may be coloured.
    pub(crate) fn colours_output(self) -> bool {
        self.output && self.colours == Colours::Wanted
    }

    /// Whether standard error may be coloured.
    pub(crate) fn colours_errors(self) -> bool {
        self.errors && self.colours == Colours::Wanted
    }

    /// Whether a bar may be drawn on standard error.
    pub(crate) fn shows_progress(self) -> bool {
        self.errors
    }

    /// Whether there is somebody who reads questions and answers them.
    pub(crate) fn may_ask(self) -> bool {
        self.input && self.errors
    }

    /// Asks yes or no.
    pub(super) async fn confirm(self, question: &str, instead: &str) -> anyhow::Result<bool> {
        if !self.may_ask() {
            bail!("{question} Nobody can be asked here: pass {instead} to go on");
        }
        let answer = self.ask(&format!("{question} [y/N]")).await?;
        let answer = answer.trim().to_lowercase();
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    /// Asks what takes a word for an answer.
    pub(super) async fn ask(self, question: &str) -> anyhow::Result<String> {
        if !self.may_ask() {
            bail!("{question} Nobody can be asked here");
        }
        write!(io::stderr(), "{question} ").context("cannot ask on standard error")?;
        answer().await.context("cannot read the answer")
    }
}

/// A line from the terminal. Nobody waits for it any more when this is dropped, as Ctrl-C does.
async fn answer() -> io::Result<String> {
    let over = CancellationToken::new();
    let _over_on_drop = over.clone().drop_guard();
    tokio::task::spawn_blocking(move || read_line(&over)).await?
}

/// Reads a line, unless that is `over` before one is there.
fn read_line(over: &CancellationToken) -> io::Result<String> {
    let terminal = io::stdin();
    loop {
        if over.is_cancelled() {
            return Ok(String::new());
        }
        let mut waited_for = [PollFd::new(&terminal, PollFlags::IN)];
        let is_typed = poll(&mut waited_for, Some(&LOOK_EVERY))? > 0;
        // What was typed after the end is for others.
        if is_typed && !over.is_cancelled() {
            break;
        }
    }
    let mut line = [0; ANSWER_BYTES_MAX];
    // Not through the buffer of `Stdin`: what is typed ahead belongs to others.
    let length = rustix::io::read(&terminal, &mut line)?;
    Ok(String::from_utf8_lossy(&line[..length]).into_owned())
}
