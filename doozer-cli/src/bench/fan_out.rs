//! Many connections that wait for one file, and one that sets it: each set is told to all of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use doozer_proto::{REV_CLOBBER, Request, Response, Verb};
use tokio::sync::Notify;

use super::connection::Connection;
use super::run::Run;

/// How long all watchers together may take to be told of a set.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// What the watchers tell the setter.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Watchers still there.
    watching: AtomicU64,
    /// Notifications in all rounds.
    told: AtomicU64,
    /// Notifications after which the round is over.
    awaited: AtomicU64,
    over: Notify,
}

impl Round {
    /// A round for that many watchers.
    pub(super) fn new(watchers: usize) -> Self {
        Self {
            watching: AtomicU64::new(watchers as u64),
            ..Self::default()
        }
    }

    fn one_told(&self) {
        let told = self.told.fetch_add(1, Ordering::AcqRel) + 1;
        if told >= self.awaited.load(Ordering::Acquire) {
            self.over.notify_one();
        }
    }

    fn one_gone(&self) {
        self.watching.fetch_sub(1, Ordering::AcqRel);
        self.over.notify_one();
    }

    /// Whether all were told, or nobody is left to tell.
    fn all_told(&self) -> bool {
        let told = self.told.load(Ordering::Acquire);
        told >= self.awaited.load(Ordering::Acquire) || self.watching.load(Ordering::Acquire) == 0
    }

    fn begin(&self) {
        let watching = self.watching.load(Ordering::Acquire);
        let told = self.told.load(Ordering::Acquire);
        self.awaited.store(told + watching, Ordering::Release);
    }

    /// Waits until all were told; whether that came to pass.
    async fn wait(&self) -> bool {
        let all = async {
            while !self.all_told() {
                self.over.notified().await;
            }
        };
        tokio::time::timeout(TOLD_WITHIN, all).await.is_ok()
    }
}

/// Waits for event after event from revision `rev` on, over connection number `number`.
pub(super) async fn watch(run: Arc<Run>, number: usize, round: Arc<Round>, rev: i64) {
    if let Some(mut connection) = run.connect(number).await {
        let ended = watch_over(&run, number, &round, &mut connection, rev).await;
        if ended.is_err() {
            run.tallies.of(number).error("CONNECTION_LOST", 1);
        }
    }
    round.one_gone();
}

async fn watch_over(
    run: &Run,
    number: usize,
    round: &Round,
    connection: &mut Connection,
    mut rev: i64,
) -> io::Result<()> {
    let path = Bytes::from(run.load.path(0));
    loop {
        let request = Request {
            verb: Some(Verb::Wait.into()),
            path: Some(path.clone()),
            rev: Some(rev),
            ..Request::default()
        };
        let response = connection.ask(&request).await?;
        let set = sent_at(&response, run.begin);
        let latency = set.map(|set| Instant::now().saturating_duration_since(set));
        run.tallies
            .of(number)
            .answer(&response, latency.unwrap_or_default());
        let Some(told_rev) = response.rev.filter(|_| response.err_code.is_none()) else {
            return Ok(());
        };
        round.one_told();
        rev = told_rev + 1;
    }
}

/// Sets the file again each time that all watchers were told of the last one.
pub(super) async fn set(run: Arc<Run>, round: Arc<Round>) {
    let Some(mut connection) = run.connect(0).await else {
        return;
    };
    while !run.is_over() && round.watching.load(Ordering::Acquire) > 0 {
        round.begin();
        let request = Request {
            verb: Some(Verb::Set.into()),
            path: Some(Bytes::from(run.load.path(0))),
            value: Some(value_now(&run)),
            rev: Some(REV_CLOBBER),
            ..Request::default()
        };
        match connection.ask(&request).await {
            Ok(response) if response.err_code.is_none() => {}
            Ok(response) => {
                // Counted as an error, as it has a code.
                run.tallies.of(0).answer(&response, Duration::ZERO);
                return;
            }
            Err(_) => {
                run.tallies.of(0).error("CONNECTION_LOST", 1);
                return;
            }
        }
        if !round.wait().await {
            run.tallies.of(0).error("NOT_TOLD", 1);
        }
    }
}

/// A value that begins with the time, as microseconds since the run began.
fn value_now(run: &Run) -> Bytes {
    let micros = u64::try_from(run.begin.elapsed().as_micros()).unwrap_or(u64::MAX);
    let mut value = BytesMut::with_capacity(run.load.value_bytes.max(size_of::<u64>()));
    value.put_u64(micros);
    value.resize(run.load.value_bytes.max(size_of::<u64>()), b'x');
    value.freeze()
}

fn sent_at(response: &Response, begin: Instant) -> Option<Instant> {
    let micros = response.value.as_deref()?.first_chunk()?;
    begin.checked_add(Duration::from_micros(u64::from_be_bytes(*micros)))
}
