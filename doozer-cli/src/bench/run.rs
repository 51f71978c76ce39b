//! One phase of a benchmark: what its connections share, and its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use doozer_client::Secret;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::load::Load;
use super::progress;
use super::tally::{Tallies, Tally};

/// How long answers are waited for once nothing more is asked.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Where the connections go.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// Connections are spread over them.
    pub(super) addresses: Vec<String>,
    pub(super) secret: Option<Secret>,
}

/// What the connections of a phase share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) load: Arc<Load>,
    pub(super) tallies: Tallies,
    pub(super) begin: Instant,
    endpoint: Endpoint,
    over: AtomicBool,
}

impl Run {
    /// A phase that begins now.
    pub(super) fn begin(load: &Arc<Load>, endpoint: &Endpoint) -> Arc<Self> {
        Arc::new(Self {
            load: Arc::clone(load),
            tallies: Tallies::new(load.connections),
            begin: Instant::now(),
            endpoint: endpoint.clone(),
            over: AtomicBool::new(false),
        })
    }

    /// Whether nothing more shall be asked.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Opens connection number `number`; counts it as an error when that fails.
    pub(super) async fn connect(&self, number: usize) -> Option<Connection> {
        let addresses = &self.endpoint.addresses;
        let address = &addresses[number % addresses.len()];
        let opened = Connection::open(address, self.endpoint.secret.as_ref()).await;
        if opened.is_err() {
            self.tallies.of(number).error("CANNOT_CONNECT", 1);
        }
        opened.ok()
    }

    /// Waits until the tasks are done, `time` is over or `stop` is asked for. What was counted, and
    /// how long it took.
    pub(super) async fn end(
        self: Arc<Self>,
        mut tasks: JoinSet<()>,
        time: Option<Duration>,
        stop: &CancellationToken,
    ) -> (Tally, Duration) {
        let what = if time.is_some() {
            "measuring"
        } else {
            "preparing"
        };
        tokio::select! {
            () = join(&mut tasks) => {}
            () = sleep_or_not(time) => {}
            () = stop.cancelled() => {}
            () = progress::draw(Arc::clone(&self), what) => {}
        }
        self.over.store(true, Ordering::Relaxed);
        let answered = tokio::time::timeout(ANSWERED_WITHIN, join(&mut tasks)).await;
        let took = self.begin.elapsed();
        let mut tally = self.tallies.sum();
        if answered.is_err() {
            tasks.shutdown().await;
            tally.error("UNANSWERED", tally.in_flight);
        }
        (tally, took)
    }
}

async fn join(tasks: &mut JoinSet<()>) {
    while let Some(joined) = tasks.join_next().await {
        joined.expect("invariant: no task of a benchmark panics or is stopped before its end");
    }
}

async fn sleep_or_not(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
