//! Runs a child while a file is held, and ends it when it no longer is.
//!
//! # Three programs
//! ```text
//! doozer lock          holds the file, renews it, passes signals on
//!   └ doozer (guard)   ends the child in time; outlives its parent for that
//!       └ child        the user's command, with whatever it starts
//! ```
//! All are in one process group, and the child has the terminal, as if it had been started alone.
//! Guard and launcher are this same program, called in a way that no user types ([`play`]).
//!
//! # Who ends the child when
//! | | who | how |
//! | --- | --- | --- |
//! | the file is lost | guard | TERM to the child; KILL to all that it has started when the promise is over |
//! | `doozer lock` is stopped (SIGSTOP), and cannot renew | guard | the same: it knows until when the last promise holds |
//! | `doozer lock` is killed | guard, whose pipe ends | TERM, and KILL within [`guard::ORPHAN_GRACE`] |
//! | the guard is stopped | `doozer lock` | KILL to all below the guard, right after the promise is over |
//! | the guard is killed | the kernel | KILL to the child, which asked for that before it became what it is; what the child had started stays |
//! | both are killed at once | the kernel | the same |
//!
//! The guard is told by lines over a pipe ([`order`]). It opens the pipe through its parent's
//! folder in /proc, so that neither end is inherited by the child. Times are those of the
//! monotonic clock, which all processes of a machine share.
//!
//! What a child has left running when it ends by itself is its own affair, and stays.

mod descendants;
mod guard;
mod launch;
mod order;
mod signals;

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::Context;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until};

use super::{Held, Loss, Promise};
use order::Order;
pub(crate) use signals::{Signals, exit_code};

/// This very program, even when its file has been replaced meanwhile.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How much later than the guard this program acts in its place.
const GUARD_LATE: Duration = Duration::from_millis(50);

/// Plays guard or launcher, when this program was started as one of them.
pub(crate) fn play(words: &[String]) -> Option<ExitCode> {
    let (role, words) = words.split_first()?;
    match role.as_str() {
        guard::ROLE => Some(guard::play(words)),
        launch::ROLE => Some(launch::play(words)),
        _ => None,
    }
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit status; 128 and the signal's number when a signal ended it.
    pub(crate) code: u8,
    /// Why the file was lost, if it was.
    pub(crate) loss: Option<Loss>,
}

/// Runs `words` as a command until it ends, or is ended because `held` is lost.
pub(crate) async fn run(
    words: &[String],
    held: &Held,
    signals: &mut Signals,
) -> anyhow::Result<Ended> {
    let mut guarded = Guarded::start(words, held).context("cannot start the child's guard")?;
    let mut promise = held.promise();
    let mut latest = promise.borrow_and_update().clone();
    guarded.tell(&Order::of(&latest));
    loop {
        tokio::select! {
            ended = guarded.child.wait() => {
                let loss = promise.borrow().loss.clone();
                return Ok(Ended { code: code_of(ended?), loss });
            }
            signal = signals.next() => guarded.pass_on(signal),
            Ok(()) = promise.changed() => {
                latest = promise.borrow_and_update().clone();
                guarded.tell(&Order::of(&latest));
            }
            () = sleep_until(late(&latest)), if !guarded.is_killed => guarded.kill(),
        }
    }
}

/// When the guard must have acted on a promise.
fn late(promise: &Promise) -> Instant {
    promise.over_at.max(promise.lost_at) + GUARD_LATE
}

/// A child under its guard.
struct Guarded {
    child: Child,
    orders: PipeWriter,
    /// The guard opens it from here.
    _reader: PipeReader,
    is_killed: bool,
}

impl Guarded {
    fn start(words: &[String], held: &Held) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        fcntl_setfl(&writer, OFlags::NONBLOCK)?;
        let child = Command::new(OWN_PROGRAM)
            .arg0("doozer")
            .args([guard::ROLE, &std::process::id().to_string()])
            .arg(reader.as_raw_fd().to_string())
            .args(words)
            .env("DOOZER_LOCK_PATH", held.path())
            .env("DOOZER_LOCK_REV", held.rev().to_string())
            .spawn()?;
        Ok(Self {
            child,
            orders: writer,
            _reader: reader,
            is_killed: false,
        })
    }

    /// A guard that takes no orders is stopped, or gone: then this program acts in its place.
    fn tell(&self, order: &Order) {
        rustix::io::write(&self.orders, order.to_string().as_bytes()).ok();
    }

    fn pass_on(&self, signal: i32) {
        if !signals::is_typed(signal) {
            self.tell(&Order::Signal(signal));
        }
    }

    /// Kills all below the guard, and the guard.
    fn kill(&mut self) {
        self.is_killed = true;
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let Some(guard) = id.and_then(Pid::from_raw) else {
            return;
        };
        descendants::kill(guard);
        // It fails only when the guard has ended.
        kill_process(guard, Signal::KILL).ok();
    }
}

fn code_of(status: ExitStatus) -> u8 {
    let signal = || status.signal().map(exit_code);
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.or_else(signal).unwrap_or(u8::MAX)
}
