//! What ends a script's waiting from outside: its time, a signal, the loss of a file that it holds.

use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared, select_all};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::failure::Stopped;
use super::limits::ON_ERROR_MAX;
use crate::hold::Held;

/// Ends with the name of the first signal that asks the program to end.
type Signalled = Shared<LocalBoxFuture<'static, &'static str>>;

/// What ends a script's waiting.
#[derive(Clone)]
pub(super) struct Guards {
    limit: Option<(Instant, Duration)>,
    signalled: Signalled,
    holds: Vec<Rc<Held>>,
}

impl Guards {
    /// Those of a script that may take `limit`. It must be within a runtime.
    pub(super) fn new(limit: Option<Duration>) -> anyhow::Result<Self> {
        Ok(Self {
            limit: limit.and_then(until),
            signalled: next_signal()?,
            holds: Vec::new(),
        })
    }

    /// None: who waits sees to that.
    pub(super) fn none() -> Self {
        Self {
            limit: None,
            signalled: pending().boxed_local().shared(),
            holds: Vec::new(),
        }
    }

    /// Those under which a script that failed tidies up: neither what stopped it nor what it lost
    /// counts any more, but a time of its own, and another signal.
    pub(super) fn after_failure() -> anyhow::Result<Self> {
        Self::new(Some(ON_ERROR_MAX))
    }

    /// From now on the loss of `held` ends the script.
    pub(super) fn hold(&mut self, held: Rc<Held>) {
        self.holds.push(held);
    }

    /// The last one held does not matter any more.
    pub(super) fn let_go(&mut self) {
        self.holds.pop();
    }

    /// What `work` comes to, unless something ends it first.
    pub(super) async fn run<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            stopped = self.stopped() => Err(stopped.into()),
            done = work => done,
        }
    }

    /// Ends when something ends the script.
    pub(super) async fn stopped(&self) -> Stopped {
        tokio::select! {
            limit = self.late() => Stopped::Late(limit),
            name = self.signalled.clone() => Stopped::Signal(name),
            lost = self.lost() => lost,
        }
    }

    async fn late(&self) -> Duration {
        match self.limit {
            Some((at, limit)) => {
                sleep_until(at).await;
                limit
            }
            None => pending().await,
        }
    }

    async fn lost(&self) -> Stopped {
        if self.holds.is_empty() {
            return pending().await;
        }
        let losses = self.holds.iter().map(|held| {
            let lost = async { (held.path().to_owned(), held.lost().await) };
            lost.boxed_local()
        });
        let ((path, loss), ..) = select_all(losses).await;
        Stopped::Lost { path, loss }
    }
}

fn next_signal() -> anyhow::Result<Signalled> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let signalled = async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    };
    Ok(signalled.boxed_local().shared())
}

/// The end of `limit` from now; one too far to be told counts as none.
fn until(limit: Duration) -> Option<(Instant, Duration)> {
    let at = Instant::now().checked_add(limit)?;
    Some((at, limit))
}
