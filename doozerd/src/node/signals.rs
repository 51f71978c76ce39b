//! What the system tells this process to do.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// SIGHUP: read again what can be read again.
    Reload,
    /// SIGTERM, SIGINT: finish and stop.
    Stop,
}

/// The signals that this process listens to.
#[derive(Debug)]
pub struct Signals(Option<Listened>);

#[derive(Debug)]
struct Listened {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("listen to signals");
        Ok(Self(Some(Listened {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })))
    }

    /// None: for a simulated node, which is no process.
    pub fn none() -> Self {
        Self(None)
    }

    /// Waits until this process is told to stop.
    pub(super) async fn stopped(&mut self) {
        while self.next().await != Told::Stop {}
    }

    pub(super) async fn next(&mut self) -> Told {
        let Some(listened) = &mut self.0 else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = listened.terminate.recv() => Told::Stop,
            _ = listened.interrupt.recv() => Told::Stop,
            _ = listened.hangup.recv() => Told::Reload,
        }
    }
}
