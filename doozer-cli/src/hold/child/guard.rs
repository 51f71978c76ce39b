//! The guard: starts the child, and ends it when its parent orders it, or is silent, or is gone.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, getppid, kill_process, set_child_subreaper, wait,
};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until};

use super::order::{Order, instant};
use super::{OWN_PROGRAM, Signals, descendants, launch, signals};

/// How this program is called to be a guard: then the parent's id, its pipe, and the command.
pub(super) const ROLE: &str = "__guard";

/// How long a child has to end when nobody holds for it any more.
pub(super) const ORPHAN_GRACE: Duration = Duration::from_secs(2);
/// Between two rounds of killing.
const KILL_EVERY: Duration = Duration::from_millis(10);
/// Rounds of killing: what is not dead by then hangs in the kernel.
const KILLS_MAX: u32 = 200;
/// The exit status when the guard itself fails.
const EXIT_FAILED: u8 = 125;

/// Runs until the child has ended; the exit status is the child's.
pub(super) fn play(words: &[String]) -> ExitCode {
    match guard(words) {
        Ok(code) => ExitCode::from(code),
        Err(error) => launch::complain(&format!("{error:#}"), EXIT_FAILED),
    }
}

fn guard(words: &[String]) -> anyhow::Result<u8> {
    let [parent, pipe, command @ ..] = words else {
        anyhow::bail!("this is called by doozer itself alone");
    };
    // One thread: the child is told of the death of the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let path = format!("/proc/{parent}/fd/{pipe}");
        let pipe = File::open(&path).with_context(|| format!("cannot open {path}"))?;
        let is_there = getppid().is_some_and(|now| now.to_string() == *parent);
        ensure!(is_there, "doozer has ended");
        let orders = BufReader::new(pipe::Receiver::from_file(pipe)?).lines();
        Guard::start(command, orders).await?.watch().await
    })
}

struct Guard {
    child: Pid,
    orders: Orders,
    lost_at: Instant,
    over_at: Instant,
    /// Whether the child was told to end.
    is_ending: bool,
}

impl Guard {
    async fn start(
        command: &[String],
        lines: Lines<BufReader<pipe::Receiver>>,
    ) -> anyhow::Result<Self> {
        let mut orders = Orders(Some(lines));
        let Some(Order::Lease(lost, over)) = orders.next().await else {
            anyhow::bail!("doozer has ended");
        };
        // What the child leaves behind becomes the guard's own, so that it is found below it.
        set_child_subreaper(Some(getpid()))?;
        let child = Command::new(OWN_PROGRAM)
            .arg0("doozer")
            .args([launch::ROLE, &getpid().to_string()])
            .args(command)
            .spawn()?;
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(Self {
            child: id.context("the child has no id")?,
            orders,
            lost_at: instant(lost),
            over_at: instant(over),
            is_ending: false,
        })
    }

    /// Waits for the child's end; its exit status.
    async fn watch(mut self) -> anyhow::Result<u8> {
        let mut ended = signal(SignalKind::child())?;
        // What the whole process group is told, the child hears itself.
        let mut others = Signals::catch()?;
        loop {
            if let Some(code) = self.reap() {
                self.leave().await;
                return Ok(code);
            }
            tokio::select! {
                biased;
                _ = ended.recv() => {}
                order = self.orders.next() => self.obey(order),
                _ = others.next() => {}
                () = sleep_until(self.over_at) => self.kill_all().await,
                () = sleep_until(self.lost_at), if !self.is_ending => self.end(),
            }
        }
    }

    fn obey(&mut self, order: Option<Order>) {
        match order {
            Some(Order::Lease(lost, over)) => {
                (self.lost_at, self.over_at) = (instant(lost), instant(over));
            }
            Some(Order::Signal(number)) => {
                if let Some(signal) = Signal::from_named_raw(number) {
                    self.send(signal);
                }
            }
            None => {
                self.over_at = self.over_at.min(Instant::now() + ORPHAN_GRACE);
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.is_ending = true;
        self.send(Signal::TERM);
    }

    fn send(&self, signal: Signal) {
        // It fails only when the child has ended, and that is seen elsewhere.
        kill_process(self.child, signal).ok();
    }

    /// Kills the child and all that it has started, until nothing is left.
    async fn kill_all(&mut self) {
        self.is_ending = true;
        for _ in 0..KILLS_MAX {
            if !descendants::kill(getpid()) {
                break;
            }
            sleep(KILL_EVERY).await;
        }
        self.over_at = Instant::now() + KILL_EVERY;
    }

    /// The child has ended: when it was told to, so has all that it has started.
    async fn leave(&mut self) {
        if self.is_ending {
            self.kill_all().await;
        }
    }

    /// Takes in who has ended; the child's exit status, if it has.
    fn reap(&self) -> Option<u8> {
        while let Ok(Some((id, status))) = wait(WaitOptions::NOHANG) {
            if id == self.child {
                return Some(code_of(status));
            }
        }
        None
    }
}

fn code_of(status: WaitStatus) -> u8 {
    let signal = || status.terminating_signal().map(signals::exit_code);
    let code = status
        .exit_status()
        .and_then(|code| u8::try_from(code).ok());
    code.or_else(signal).unwrap_or(u8::MAX)
}

/// What the parent sends; after its end, nothing.
struct Orders(Option<Lines<BufReader<pipe::Receiver>>>);

impl Orders {
    /// The next order; once `None`, when the parent has ended.
    async fn next(&mut self) -> Option<Order> {
        let Some(lines) = &mut self.0 else {
            return std::future::pending().await;
        };
        loop {
            let line: io::Result<Option<String>> = lines.next_line().await;
            let Ok(Some(line)) = line else {
                self.0 = None;
                return None;
            };
            if let Ok(order) = line.parse() {
                return Some(order);
            }
        }
    }
}
