//! What the write queue asks of whatever holds the log's rows and the metadata: the boundary at
//! which another kind of file could take the database's place.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use crate::raft_types::{Entry, LogId, Vote};

use super::SnapshotRecord;

/// One change, as the queue orders them.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// Entries, encoded, that follow the last one.
    Append {
        /// The first one's index.
        first: u64,
        /// `peer.Entry`s, encoded.
        entries: Vec<Vec<u8>>,
    },
    /// Entries from this index on go.
    TruncateFrom(u64),
    /// Entries up to this one are no longer wanted; they go as it suits.
    Purge(LogId),
    /// The vote is this.
    Vote(Vote),
    /// The committed index is this.
    Committed(Option<LogId>),
    /// The snapshots that stand are these, the older first.
    Snapshots(Vec<SnapshotRecord>),
}

impl Change {
    /// The bytes of the entries in it.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Append { entries, .. } => entries.iter().map(Vec::len).sum(),
            _ => 0,
        }
    }

    /// Whether it is the log's own, and not metadata.
    pub(super) fn is_of_log(&self) -> bool {
        matches!(
            self,
            Self::Append { .. } | Self::TruncateFrom(_) | Self::Committed(_)
        )
    }

    /// Whether a commit with this in it must be proof against loss of power in the watermark too.
    pub(super) fn is_weighty(&self) -> bool {
        matches!(self, Self::TruncateFrom(_) | Self::Vote(_))
    }
}

/// Rows that are written by one, in commits.
pub(super) trait Rows: Debug + Send {
    /// Carries out `changes` in order; all are durable when this returns. A part of them, from the
    /// first on, may be when it fails or the process dies. After an error every later commit fails
    /// too.
    fn commit(&mut self, changes: &[Change]) -> io::Result<()>;

    /// Makes durable what guards the commits before, and nobody waits for.
    fn settle(&mut self) -> io::Result<()>;

    /// What reads them, from any thread, while they are written.
    fn reader(&self) -> Arc<dyn RowReader>;

    /// Closes the files cleanly.
    fn close(&mut self) -> io::Result<()>;
}

/// Reads entries that were committed.
pub(super) trait RowReader: Debug + Send + Sync {
    /// The entries from `start` on and before `end`, fewer when they exceed `bytes_max` but at
    /// least one. An entry that is damaged or not there is an error that names the file and it.
    fn read(&self, start: u64, end: u64, bytes_max: u64) -> io::Result<Vec<Entry>>;
}

/// What stood when the rows were opened, checked.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) vote: Option<Vote>,
    pub(super) committed: Option<LogId>,
    pub(super) purged: Option<LogId>,
    pub(super) snapshots: Vec<SnapshotRecord>,
}
