//! The one ordered queue that everything durable goes through.
//!
//! Whatever waits is carried out in the order it was asked for, as much as is waiting in one
//! commit: several appends share one sync. The committed index alone asks for no commit of its
//! own: it goes with the next one, or by itself when the queue has been quiet for a while.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::error;

use crate::raft_types::LogId;

use super::Execution;
use super::rows::{Change, Rows};
use super::slow::Slow;
use super::vfs::{LockGuard, Vfs};

/// Bytes of appended entries that one commit takes, or one append of any size.
const COMMIT_BYTES_MAX: usize = 8 << 20;
/// How long nothing must have been asked for before the committed index is written by itself.
const QUIET: Duration = Duration::from_secs(1);

/// What is called once a change is durable, or failed.
pub(super) type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// What commits took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CommitStats {
    pub(super) commits: u64,
    pub(super) time: Duration,
    pub(super) time_max: Duration,
}

/// The one ordered queue. Closed when it is dropped.
#[derive(Debug)]
pub(super) struct Queue {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
pub(super) struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    writer: Mutex<Writer>,
    /// A copy of the writer's, that can be read while it writes.
    stats: Mutex<CommitStats>,
    execution: Execution,
    /// With a thread: whether the caller writes all the same.
    by_caller: AtomicBool,
    pub(super) slow: Slow,
}

/// What was asked for and is not begun.
#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// The newest committed index, if it is not yet written.
    committed: Option<Change>,
    closing: bool,
}

struct Job {
    change: Change,
    done: Done,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.change, f)
    }
}

impl Queue {
    /// A queue whose writes go to `rows`, which the lock keeps others from.
    pub(super) fn start(
        rows: Box<dyn Rows>,
        (vfs, lock): (Arc<dyn Vfs>, Box<dyn LockGuard>),
        execution: Execution,
    ) -> io::Result<Self> {
        let writer = Writer {
            rows,
            lock: Some(lock),
            failed: None,
            stats: CommitStats::default(),
        };
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            writer: Mutex::new(writer),
            stats: Mutex::default(),
            execution,
            by_caller: AtomicBool::new(false),
            slow: Slow::new(vfs),
        });
        let thread = match execution {
            Execution::Inline => None,
            Execution::Thread => {
                let shared = Arc::clone(&shared);
                let thread = thread::Builder::new().name("storage".to_owned());
                Some(thread.spawn(move || shared.run())?)
            }
        };
        Ok(Self {
            shared,
            thread: Mutex::new(thread),
        })
    }

    /// Asks for a change. `done` is called when it is durable, on the queue's thread or this one.
    pub(super) fn push(&self, change: Change, done: Done) {
        let mut waiting = self.shared.waiting();
        if waiting.closing {
            drop(waiting);
            return done(Err(closed()));
        }
        waiting.jobs.push_back(Job { change, done });
        drop(waiting);
        self.shared.wake();
    }

    /// Whether whoever asks for a change carries it out from now on, or the thread, where there is
    /// one. The order of changes is the same either way.
    pub(super) fn set_by_caller(&self, by_caller: bool) {
        self.shared.by_caller.store(by_caller, Ordering::Relaxed);
    }

    /// The committed index is now this: written with the next commit.
    pub(super) fn set_committed(&self, committed: Option<LogId>) {
        let mut waiting = self.shared.waiting();
        let was_clean = waiting
            .committed
            .replace(Change::Committed(committed))
            .is_none();
        drop(waiting);
        // A sleeping thread has to set its alarm; one that is awake looks anyway.
        if was_clean && self.shared.thread_writes() {
            self.shared.wake.notify_one();
        }
    }

    /// Asks for a change and waits until it is durable.
    pub(super) fn push_and_wait(&self, change: Change) -> io::Result<()> {
        let (tx, rx) = std::sync::mpsc::sync_channel(1);
        let done = move |result| tx.send(result).unwrap_or_default();
        self.push(change, Box::new(done));
        if self.shared.execution == Execution::Inline {
            // Nobody else would, while this one waits.
            self.shared.drain();
        }
        rx.recv().map_err(|_gone| closed())?
    }

    /// What commits took so far.
    pub(super) fn stats(&self) -> CommitStats {
        *self
            .shared
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out what waits, the committed index too, and closes the files. What is asked for
    /// later fails.
    pub(super) fn close(&self) -> io::Result<()> {
        self.shared.waiting().closing = true;
        self.shared.wake.notify_one();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            thread
                .join()
                .expect("invariant: the storage thread does not panic");
        }
        self.shared.drain();
        let mut writer = self.shared.writer();
        let (jobs, committed) = self.shared.take();
        if committed.is_some() {
            writer.carry_out(jobs, committed);
        }
        let closed = writer.rows.close();
        writer.lock = None;
        closed
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            error!(%error, "closing the log failed");
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn thread_writes(&self) -> bool {
        self.execution == Execution::Thread && !self.by_caller.load(Ordering::Relaxed)
    }

    fn wake(self: &Arc<Self>) {
        if self.thread_writes() {
            self.wake.notify_one();
        } else if self.by_caller.load(Ordering::Relaxed) || !self.slow.takes_over(self) {
            self.drain();
        }
    }

    /// The storage thread.
    fn run(&self) {
        loop {
            self.drain();
            let waiting = self.waiting();
            if !waiting.jobs.is_empty() {
                continue;
            }
            if waiting.closing {
                return;
            }
            if waiting.committed.is_none() {
                drop(
                    self.wake
                        .wait(waiting)
                        .unwrap_or_else(PoisonError::into_inner),
                );
                continue;
            }
            let woken = self.wake.wait_timeout(waiting, QUIET);
            let (waiting, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
            drop(waiting);
            if timeout.timed_out() {
                self.tidy();
            }
        }
    }

    /// Carries out all that waits.
    pub(super) fn drain(&self) {
        // Held throughout, so that two callers cannot carry out what they took in another order.
        let mut writer = self.writer();
        loop {
            let (jobs, committed) = self.take();
            if jobs.is_empty() {
                // It asks for no commit of its own.
                self.put_back(committed);
                return;
            }
            writer.carry_out(jobs, committed);
            self.stats
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone_from(&writer.stats);
        }
    }

    /// Writes what asks for no commit of its own.
    fn tidy(&self) {
        let mut writer = self.writer();
        let (jobs, committed) = self.take();
        if !jobs.is_empty() || committed.is_some() {
            writer.carry_out(jobs, committed);
        }
    }

    /// As many jobs as go into one commit and, if that is all of them, the committed index: it is
    /// never ahead of the entries.
    fn take(&self) -> (Vec<Job>, Option<Change>) {
        let mut waiting = self.waiting();
        let mut jobs = Vec::new();
        let mut bytes = 0;
        while let Some(job) = waiting.jobs.front() {
            bytes += job.change.bytes();
            if bytes > COMMIT_BYTES_MAX && !jobs.is_empty() {
                return (jobs, None);
            }
            jobs.extend(waiting.jobs.pop_front());
        }
        (jobs, waiting.committed.take())
    }

    fn put_back(&self, committed: Option<Change>) {
        let mut waiting = self.waiting();
        if waiting.committed.is_none() {
            waiting.committed = committed;
        }
    }
}

/// What carries out changes.
#[derive(Debug)]
struct Writer {
    rows: Box<dyn Rows>,
    /// Let go on closing.
    lock: Option<Box<dyn LockGuard>>,
    /// The first error: every later change gets it too.
    failed: Option<(io::ErrorKind, String)>,
    stats: CommitStats,
}

impl Writer {
    fn carry_out(&mut self, jobs: Vec<Job>, committed: Option<Change>) {
        let (mut changes, dones): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.change, job.done)).unzip();
        changes.extend(committed);
        self.unless_failed(|writer| writer.commit(&changes));
        for done in dones {
            done(
                self.failed
                    .clone()
                    .map_or(Ok(()), |(kind, text)| Err(io::Error::new(kind, text))),
            );
        }
        // Whoever waits for a vote waits for one sync alone: on a slow disk, two take longer than
        // an election has time for.
        self.unless_failed(|writer| writer.rows.settle());
    }

    fn unless_failed(&mut self, step: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.failed.is_some() {
            return;
        }
        self.failed = step(self).err().map(|error| {
            error!(%error, "writing the log failed");
            (error.kind(), error.to_string())
        });
    }

    fn commit(&mut self, changes: &[Change]) -> io::Result<()> {
        let begun = Instant::now();
        self.rows.commit(changes)?;
        let took = begun.elapsed();
        self.stats.commits += 1;
        self.stats.time += took;
        self.stats.time_max = self.stats.time_max.max(took);
        Ok(())
    }
}

fn closed() -> io::Error {
    io::Error::other("the log is closed")
}
