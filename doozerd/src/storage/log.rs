//! The engine's log, vote and committed index.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use prost::Message;
use tokio::sync::{oneshot, watch};

use crate::raft_types::{Entry, LogId, TypeConfig, Vote, entry_to_message};

use super::queue::{Done, Queue};
use super::rows::{Change, Recovered, RowReader};
use super::sizes::Sizes;
use super::tail::Tail;

/// Bytes of entries read at once for a peer: below what a message may hold.
const READ_BYTES_MAX: u64 = 2 << 20;

/// What the log holds and what writing it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// The last index that was purged, 0 when none was.
    pub purged_index: u64,
    /// The last index that stands or was purged, 0 when there never was one.
    pub last_index: u64,
    /// Bytes of the entries that stand, as written, to within 64 KiB.
    pub bytes: u64,
    /// Commits since the folder was opened: each is one sync.
    pub commits: u64,
    /// What all of them took together.
    pub commit_time: Duration,
    /// What the slowest took.
    pub commit_time_max: Duration,
}

/// The engine's log, vote and committed index. Clones share one log.
#[derive(Debug, Clone)]
pub struct LogStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Arc<Queue>,
    rows: Arc<dyn RowReader>,
    /// Apart, for what is called on the queue's thread: that must not own the queue.
    state: Arc<Mutex<State>>,
    /// The last index that is on disk; nothing once writing has failed.
    flushed: watch::Sender<Option<u64>>,
}

/// What is asked for most, in memory.
#[derive(Debug, Default)]
pub(super) struct State {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    last: Option<LogId>,
    /// Where the log begins: behind what was purged or, before that, with the first entry.
    first: u64,
    /// The last index that is on disk.
    flushed: u64,
    tail: Tail,
    sizes: Sizes,
}

impl State {
    /// Takes in an entry that was found on disk, of so many bytes.
    pub(super) fn recover_entry(&mut self, entry: Entry, bytes: u64) {
        self.push(entry, bytes)
            .expect("invariant: rows were checked for gaps");
        self.flush(self.last_index());
    }

    /// Takes in the rest that was found on disk.
    pub(super) fn recover(&mut self, recovered: &Recovered) {
        self.vote = recovered.vote;
        self.committed = recovered.committed;
        self.purged = recovered.purged;
        self.first = recovered
            .purged
            .map_or(self.first, |purged| purged.index() + 1);
        self.last = self.last.or(recovered.purged);
        self.flushed = self.last_index();
    }

    /// The last log id that stands or was purged.
    pub(super) fn last(&self) -> Option<LogId> {
        self.last
    }

    fn last_index(&self) -> u64 {
        self.last.as_ref().map_or(0, LogId::index)
    }

    fn push(&mut self, entry: Entry, bytes: u64) -> io::Result<()> {
        if self
            .last
            .is_some_and(|last| last.index() + 1 != entry.index())
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "entry {} does not follow {}",
                    entry.index(),
                    self.last_index()
                ),
            ));
        }
        if self.last.is_none() {
            self.first = entry.index();
        }
        self.last = Some(entry.log_id());
        self.sizes.push(entry.index(), bytes);
        self.tail.push(entry, bytes);
        Ok(())
    }

    /// Entries up to `index` are on disk.
    fn flush(&mut self, index: u64) {
        self.flushed = index;
        self.tail.trim(index);
    }

    fn truncate_from(&mut self, from: u64, last: Option<LogId>) {
        self.tail.truncate_from(from);
        self.sizes.truncate_from(from);
        if self.last_index() >= from {
            self.last = last;
        }
    }

    fn purge(&mut self, log_id: LogId) {
        self.purged = Some(log_id);
        self.first = log_id.index() + 1;
        if self.last.is_none_or(|last| last.index() < log_id.index()) {
            self.last = Some(log_id);
        }
        self.tail.forget_before(log_id.index() + 1);
        self.sizes.forget_to(log_id.index());
    }

    /// The part of a range in which there are entries: its first index and the one past the last.
    fn clip(&self, start: u64, end: u64) -> (u64, u64) {
        let past_last = self.last.as_ref().map_or(0, |id| id.index() + 1);
        (start.max(self.first), end.min(past_last))
    }
}

impl LogStore {
    pub(super) fn new(queue: Arc<Queue>, rows: Arc<dyn RowReader>, state: State) -> Self {
        let flushed = watch::Sender::new(Some(state.flushed));
        let state = Arc::new(Mutex::new(state));
        Self {
            shared: Arc::new(Shared {
                queue,
                rows,
                state,
                flushed,
            }),
        }
    }

    /// The committed index as it was saved last.
    pub fn committed(&self) -> Option<LogId> {
        self.state().committed
    }

    /// Whether whoever asks for a write carries it out from now on, rather than a thread: right for
    /// a node that nobody else waits for, since a change of thread costs as much as a sync.
    pub fn set_by_caller(&self, by_caller: bool) {
        self.shared.queue.set_by_caller(by_caller);
    }

    /// Waits until the entry at `index` is on disk; whether it is, or never will be.
    pub async fn flushed(&self, index: u64) -> bool {
        if self.state().flushed >= index {
            return true;
        }
        let mut flushed = self.shared.flushed.subscribe();
        let reached = flushed.wait_for(|flushed| flushed.is_none_or(|flushed| flushed >= index));
        matches!(reached.await.as_deref(), Ok(Some(_)))
    }

    /// Bytes of the entries after `index`, as written; up to 64 KiB too many.
    pub fn bytes_since(&self, index: u64) -> u64 {
        let state = self.state();
        let purged = state.purged.as_ref().map_or(0, LogId::index);
        state.sizes.after(index.max(purged))
    }

    /// What the log holds and what writing it took.
    pub fn stats(&self) -> LogStats {
        let commits = self.shared.queue.stats();
        let state = self.state();
        let purged_index = state.purged.as_ref().map_or(0, LogId::index);
        LogStats {
            purged_index,
            last_index: state.last_index(),
            bytes: state.sizes.after(purged_index),
            commits: commits.commits,
            commit_time: commits.time,
            commit_time_max: commits.time_max,
        }
    }

    /// Writes what waits (the committed index among it), closes the files and lets the lock go.
    /// Whatever is written later fails. Blocks on the disk.
    pub fn close(&self) -> io::Result<()> {
        self.shared.queue.close()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    /// Asks for a change and waits until it is durable.
    async fn write(&self, change: Change) -> io::Result<()> {
        let (tx, rx) = oneshot::channel();
        let done = move |result| tx.send(result).unwrap_or_default();
        self.shared.queue.push(change, Box::new(done));
        rx.await.map_err(io::Error::other)?
    }

    fn read(&self, start: u64, end: u64, bytes_max: u64) -> io::Result<Vec<Entry>> {
        let (start, tail_first) = {
            let state = self.state();
            let (start, end) = state.clip(start, end);
            if start >= end {
                return Ok(Vec::new());
            }
            let tail_first = state.tail.first().unwrap_or(end).min(end);
            if start >= tail_first {
                return Ok(state.tail.read(start, end, bytes_max));
            }
            (start, tail_first)
        };
        match self.shared.rows.read(start, tail_first, bytes_max) {
            // Purged meanwhile: what is left of it is read.
            Err(_) if self.state().clip(start, end).0 > start => self.read(start, end, bytes_max),
            read => read,
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start_of(range: &impl RangeBounds<u64>) -> u64 {
    match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    }
}

fn end_of(range: &impl RangeBounds<u64>) -> u64 {
    match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    /// Blocks on the disk for entries that are no longer in memory.
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (mut start, end) = (start_of(&range), end_of(&range));
        let mut entries = self.read(start, end, u64::MAX)?;
        // What memory holds follows what only the disk does.
        while let Some(last) = entries
            .last()
            .map(RaftEntry::index)
            .filter(|last| *last >= start)
        {
            start = last + 1;
            entries.extend(self.read(start, end, u64::MAX)?);
        }
        Ok(entries)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.state().vote)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        self.read(start, end, READ_BYTES_MAX)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let state = self.state();
        Ok(LogState {
            last_purged_log_id: state.purged,
            last_log_id: state.last,
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.write(Change::Vote(*vote)).await?;
        self.state().vote = Some(*vote);
        Ok(())
    }

    /// Durable with the next commit, or a second later.
    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        self.state().committed = committed;
        self.shared.queue.set_committed(committed);
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.state().committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut first = None;
        let mut encoded = Vec::new();
        {
            let mut state = self.state();
            for entry in entries {
                let bytes = entry_to_message(&entry).encode_to_vec();
                first.get_or_insert(entry.index());
                state.push(entry, bytes.len() as u64)?;
                encoded.push(bytes);
            }
        }
        let Some(first) = first else {
            callback.io_completed(Ok(()));
            return Ok(());
        };
        let last = first + encoded.len() as u64 - 1;
        let state = Arc::clone(&self.shared.state);
        let flushed = self.shared.flushed.clone();
        let done: Done = Box::new(move |result| {
            if result.is_ok() {
                lock(&state).flush(last);
            }
            flushed.send_replace(result.is_ok().then_some(last));
            callback.io_completed(result);
        });
        self.shared.queue.push(
            Change::Append {
                first,
                entries: encoded,
            },
            done,
        );
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let from = last_log_id.as_ref().map_or(0, |id| id.index() + 1);
        self.state().truncate_from(from, last_log_id);
        self.write(Change::TruncateFrom(from)).await?;
        let flushed = from.saturating_sub(1);
        self.state().flushed = flushed;
        self.shared.flushed.send_replace(Some(flushed));
        Ok(())
    }

    /// Not durable when it returns, and need not be: the snapshot that stands for the entries is.
    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        {
            let mut state = self.state();
            state.purge(log_id);
            state.flushed = state.flushed.max(log_id.index());
        }
        self.shared
            .queue
            .push(Change::Purge(log_id), Box::new(drop));
        Ok(())
    }
}
