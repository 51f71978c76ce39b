//! What survives a crash: the log, the vote, the committed index, snapshot files and who this
//! node is.
//!
//! # A folder's states
//! | what stands in it | what it is | on opening |
//! | --- | --- | --- |
//! | nothing, or only `lock` | empty | founded |
//! | `founding`, no `identity` | a founding cut short: nothing was acknowledged | founded anew |
//! | `candidate` alone | empty, of a node that stood for election at a `DzNS` | founded, with that id |
//! | `successor` beside it | another node's, that is to take its place (`succession`) | taken up, or removed |
//! | `identity` | a node's | checked whole, or refused |
//! | anything else | not ours, or robbed of its identity | refused |
//!
//! `lock` is held while it is open. `log-N` hold the log, each commit a checked record
//! (`log_files`). `metadata.redb` holds what is small and changes rarely: vote, purge point, which
//! snapshots stand, the identity again, the number of its commits. `watermark` holds that number
//! too, and `watermark-log` that of the log's commits. `snapshot-N` are whole snapshots,
//! `snapshot-N.aside` one that is being written.
//!
//! # What is durable when
//! | what | when | why then |
//! | --- | --- | --- |
//! | entries | the engine is told that they are flushed; readable at once | only then do they count towards a quorum |
//! | vote, truncation | the call returns | a vote forgotten can elect two leaders |
//! | committed index | with the next commit, or after a quiet second, or on closing | the log alone says what can be committed: an older index only means more to learn from the quorum |
//! | purge | with the next commit, its rows later | it only gives space back; the snapshot is durable before |
//! | snapshot | `finish` returns: content, then name, then its record | a record never names what is not there |
//! | founding | `open` returns: content, then names, `identity` last | |
//!
//! Everything goes through one ordered `queue`: what waits together is one record of the log and
//! one sync, or where votes and purges come between, one after another (`split`), in the order it
//! was asked for, so nothing later is durable without what came before. After a
//! failed write every later one fails with the same error, so that nothing is acknowledged behind
//! a gap; what was acknowledged before stands, and is there after a restart.
//!
//! # What is checked on opening
//! Every page of the database, by redb; every record of the log, each against the one before it;
//! both commit numbers against their watermarks; every snapshot's frames and footer; that identity, database
//! and snapshots belong together. A process that dies in a commit leaves a last record that is not
//! whole, or a database that redb repairs to the commit before or this one: that is its right. But
//! the same is seen when a commit that was durable is damaged afterwards. The watermark tells the
//! two apart: it is raised only after the commit is durable, so a log or a database that ends below
//! it has lost one, and is refused.
//! A damaged newer snapshot is dropped if the older one and the log hold what it held, which they
//! do: the log is purged up to the older of two only.
//!
//! # What may be lost
//! Nothing acknowledged when the process dies, the disk is full or the power goes. Not noticed is
//! a last commit damaged on the disk *and* a power loss before the watermark reached it (it is
//! synced after votes and truncations only, and after they were answered, so that nobody waits for
//! more than one sync). A purge or a committed index may go back to an older one, which is harmless.
//!
//! # Boundaries
//! Files are reached through `vfs` alone: tests lose the power at each of its steps. The queue
//! knows log and database as `rows` only.

mod checked;
mod database;
mod error;
mod folder;
mod identity;
mod log;
mod log_file;
mod log_files;
mod log_index;
mod log_reader;
mod metadata;
mod queue;
mod rows;
mod sizes;
mod slow;
mod snapshot_file;
mod snapshots;
mod split;
mod succession;
mod tail;
#[cfg(test)]
mod tests;
mod vfs;
mod watermark;

pub use error::OpenError;
pub use identity::Identity;
pub use log::{LogStats, LogStore};
pub use snapshot_file::SNAPSHOT_FRAME_BYTES_MAX;
pub use snapshots::{SnapshotFrames, SnapshotRecord, SnapshotWriter, Snapshots};

use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(any(test, feature = "simulation"))]
pub use vfs::{Disk, Draw, Unsynced};

use crate::raft_types::NodeId;
use folder::Folder;
use log::State;
use queue::Queue;
use rows::{Change, Rows};
use split::SplitRows;
use vfs::{MemoryFiles, RealFiles, Vfs};

/// Where a node keeps what must survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this folder, which is made if it is not there.
    Dir(PathBuf),
    /// Nowhere: all is gone when the server stops.
    Memory,
    /// On this disk, which outlives the node.
    #[cfg(any(test, feature = "simulation"))]
    Disk(Disk),
}

impl Place {
    fn folder(&self) -> Folder {
        let (vfs, dir): (Arc<dyn Vfs>, _) = match self {
            Self::Dir(dir) => (Arc::new(RealFiles), dir.as_path()),
            Self::Memory => (Arc::new(MemoryFiles::default()), Path::new("memory")),
            #[cfg(any(test, feature = "simulation"))]
            Self::Disk(disk) => (Arc::new(disk.clone()), Path::new("/data")),
        };
        let dir = dir.to_owned();
        Folder { vfs, dir }
    }
}

/// Who carries out the queue's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Execution {
    /// A thread of the queue's own: several waiting appends share one sync.
    #[default]
    Thread,
    /// The caller, before the call returns: the same order on every run.
    Inline,
}

/// How storage works; the default is right for a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct StorageOptions {
    /// Who carries out the queue's writes.
    pub execution: Execution,
}

/// An open data folder, or its likeness in memory.
#[derive(Debug)]
pub struct Storage {
    /// Who this node is.
    pub identity: Identity,
    /// Whether this call made the folder's content.
    pub founded: bool,
    /// The engine's log, vote and committed index.
    pub log: LogStore,
    /// The snapshot files.
    pub snapshots: Snapshots,
}

impl Storage {
    /// Whether nothing stands at `place` yet, so that [`Storage::open`] would found it.
    pub fn is_fresh(place: &Place) -> Result<bool, OpenError> {
        place.folder().is_fresh()
    }

    /// The id that a node without a cluster goes into an election with: `fresh`, or the one that was
    /// kept in a folder by an earlier start.
    pub fn candidate(place: &Place, fresh: NodeId) -> Result<NodeId, OpenError> {
        let folder = place.folder();
        let kept = folder.candidate(fresh);
        kept.map_err(OpenError::io(&folder.dir, "keeping this node's id"))
    }

    /// Opens what stands at `place`, or founds it as `fresh` says when nothing does. Anything that
    /// stands there is checked whole: this gives all that was acknowledged, or refuses. Blocks on
    /// the disk.
    pub fn open(
        place: &Place,
        fresh: impl FnOnce() -> Identity,
        options: StorageOptions,
    ) -> Result<Self, OpenError> {
        Self::open_in(place.folder(), fresh, options)
    }

    fn open_in(
        folder: Folder,
        fresh: impl FnOnce() -> Identity,
        options: StorageOptions,
    ) -> Result<Self, OpenError> {
        let entered = folder.enter(fresh)?;
        let path = folder.path(folder::DATABASE);
        let mut state = State::default();
        let mut each = |entry, bytes| state.recover_entry(entry, bytes);
        let (mut rows, recovered) = SplitRows::open(&folder, &entered.identity_bytes, &mut each)?;
        state.recover(&recovered);
        let records = snapshots::recover(
            &folder,
            &recovered.snapshots,
            recovered.purged,
            state.last(),
        )?;
        if records != recovered.snapshots {
            let noted = rows.commit(&[Change::Snapshots(records.clone())]);
            noted.map_err(OpenError::io(&path, "noting which snapshots are good"))?;
        }
        let names = records
            .iter()
            .map(|record| &record.name[..])
            .collect::<Vec<_>>();
        folder
            .remove_strays(&names)
            .map_err(OpenError::io(&folder.dir, "removing unfinished snapshots"))?;
        let reader = rows.reader();
        let files = (Arc::clone(&folder.vfs), entered.lock);
        let queue = Queue::start(Box::new(rows), files, options.execution);
        let queue =
            Arc::new(queue.map_err(OpenError::io(&folder.dir, "starting the storage thread"))?);
        Ok(Self {
            identity: entered.identity,
            founded: entered.founded,
            log: LogStore::new(Arc::clone(&queue), reader, state),
            snapshots: Snapshots::new(folder, queue, records),
        })
    }
}
