//! The snapshot files of a data folder: the two newest stand.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{debug, warn};

use crate::raft_types::{LogId, SnapshotMeta};

use super::OpenError;
use super::folder::{self, Folder};
use super::queue::Queue;
use super::rows::Change;
use super::snapshot_file::{self, Depth, FrameReader, FrameWriter, SnapshotFlaw};

/// What a snapshot file's name begins with.
pub(super) const NAME: &str = "snapshot-";
/// What the name of a file that is being written ends with.
pub(super) const ASIDE: &str = ".aside";
/// Snapshots that stand at once.
const KEPT: usize = 2;

/// One snapshot file that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// The file's name within the folder.
    pub name: String,
    /// What it stands for in the log.
    pub meta: SnapshotMeta,
    /// The file's bytes.
    pub bytes: u64,
    /// The SHA-256 of all before the footer.
    pub hash: [u8; 32],
}

/// The snapshot files of a data folder. Clones share them. All that writes or reads blocks on the
/// disk.
#[derive(Debug, Clone)]
pub struct Snapshots {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: Folder,
    queue: Arc<Queue>,
    /// Those that stand, the older first.
    records: Mutex<Vec<SnapshotRecord>>,
    /// The number in the next file's name.
    next: AtomicU64,
}

impl Snapshots {
    pub(super) fn new(folder: Folder, queue: Arc<Queue>, records: Vec<SnapshotRecord>) -> Self {
        let numbers = records.iter().filter_map(|record| number_of(&record.name));
        let next = AtomicU64::new(numbers.max().map_or(1, |last| last + 1));
        let records = Mutex::new(records);
        Self {
            shared: Arc::new(Shared {
                folder,
                queue,
                records,
                next,
            }),
        }
    }

    /// The folder that they stand in.
    pub(super) fn folder(&self) -> &Folder {
        &self.shared.folder
    }

    /// Begins a file aside.
    pub fn begin(&self) -> io::Result<SnapshotWriter> {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{NAME}{number:08}");
        let aside = self.shared.folder.path(&format!("{name}{ASIDE}"));
        let file = self.shared.folder.vfs.create(&aside)?;
        Ok(SnapshotWriter {
            snapshots: self.clone(),
            frames: Some(FrameWriter::new(file)),
            name,
            aside,
        })
    }

    /// The newest snapshot, if there is one.
    pub fn latest(&self) -> Option<SnapshotRecord> {
        self.records().last().cloned()
    }

    /// What the log may be purged up to: the last log id of the older of two snapshots, `None`
    /// while there is but one.
    pub fn purge_to(&self) -> Option<LogId> {
        let records = self.records();
        let older = records.first().filter(|_| records.len() == KEPT)?;
        older.meta.last_log_id
    }

    /// The frames of a snapshot, each checked. The whole is checked behind the last one: frames
    /// are worth nothing before the iterator has ended without an error.
    pub fn read(&self, record: &SnapshotRecord) -> io::Result<SnapshotFrames> {
        let file = self
            .shared
            .folder
            .vfs
            .open(&self.shared.folder.path(&record.name))?;
        Ok(SnapshotFrames(FrameReader::new(
            file,
            record.hash,
            Depth::Hash,
        )?))
    }

    fn records(&self) -> MutexGuard<'_, Vec<SnapshotRecord>> {
        self.shared
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a file that stands under its name one of those that count, and removes what counts no
    /// more.
    fn admit(&self, record: SnapshotRecord, kept: usize) -> io::Result<SnapshotRecord> {
        let mut records = self.records();
        if let Some(newest) = records.last().filter(|newest| is_older(&record, newest)) {
            // Overtaken by one that a leader sent.
            self.shared
                .folder
                .vfs
                .remove_file(&self.shared.folder.path(&record.name))?;
            return Ok(newest.clone());
        }
        let mut admitted = records.clone();
        admitted.push(record.clone());
        let dropped = admitted
            .drain(..admitted.len().saturating_sub(kept))
            .collect::<Vec<_>>();
        self.shared
            .queue
            .push_and_wait(Change::Snapshots(admitted.clone()))?;
        *records = admitted;
        for old in dropped {
            // One that stays behind is removed at the next start.
            let removed = self
                .shared
                .folder
                .vfs
                .remove_file(&self.shared.folder.path(&old.name));
            if let Err(error) = removed {
                debug!(name = old.name, %error, "old snapshot not removed");
            }
        }
        Ok(record)
    }
}

/// A snapshot being written aside; dropped, it leaves nothing.
#[derive(Debug)]
pub struct SnapshotWriter {
    snapshots: Snapshots,
    /// Taken away on finishing.
    frames: Option<FrameWriter>,
    name: String,
    aside: PathBuf,
}

impl SnapshotWriter {
    /// Writes one frame, at most `SNAPSHOT_FRAME_BYTES_MAX` long.
    pub fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        self.frames
            .as_mut()
            .ok_or_else(finished)?
            .write_frame(frame)
    }

    /// Makes a snapshot of this node's own stand durably. The two newest are kept. Gives the one
    /// that stands already if it is newer than this.
    pub fn finish(self, meta: &SnapshotMeta) -> io::Result<SnapshotRecord> {
        self.finish_keeping(meta, KEPT)
    }

    /// Makes a snapshot that came from a leader stand durably, alone.
    pub fn finish_installed(self, meta: &SnapshotMeta) -> io::Result<SnapshotRecord> {
        self.finish_keeping(meta, 1)
    }

    fn finish_keeping(mut self, meta: &SnapshotMeta, kept: usize) -> io::Result<SnapshotRecord> {
        let (bytes, hash) = self.frames.take().ok_or_else(finished)?.finish()?;
        let folder = &self.snapshots.shared.folder;
        folder.vfs.rename(&self.aside, &folder.path(&self.name))?;
        folder.vfs.sync_dir(&folder.dir)?;
        let record = SnapshotRecord {
            name: self.name.clone(),
            meta: meta.clone(),
            bytes,
            hash,
        };
        self.snapshots.admit(record, kept)
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        self.frames = None;
        // Gone already when it was finished; one that stays is removed at the next start.
        match self.snapshots.shared.folder.vfs.remove_file(&self.aside) {
            Ok(()) => debug!(name = self.name, "snapshot abandoned"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => debug!(name = self.name, %error, "abandoned snapshot not removed"),
        }
    }
}

fn finished() -> io::Error {
    io::Error::other("the snapshot is finished")
}

/// The frames of a snapshot.
#[derive(Debug)]
pub struct SnapshotFrames(FrameReader);

impl Iterator for SnapshotFrames {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// The snapshots of those noted that are good, given where the log was purged up to and ends.
/// What is dropped, log and older snapshots still hold; otherwise this refuses.
pub(super) fn recover(
    folder: &Folder,
    noted: &[SnapshotRecord],
    purged: Option<LogId>,
    log_end: Option<LogId>,
) -> Result<Vec<SnapshotRecord>, OpenError> {
    let mut good = Vec::new();
    let mut lost = None;
    for record in noted {
        match check(folder, record) {
            Ok(()) => good.push(record.clone()),
            Err(flaw) => lost = Some((record, flaw)),
        }
    }
    let reaches = |record: &SnapshotRecord| record.meta.last_log_id >= purged;
    let base = good.last().map_or(purged.is_none(), reaches);
    let Some((record, flaw)) = lost else {
        let none = || OpenError::SnapshotUnnoted {
            path: folder.path(folder::DATABASE),
        };
        return if base { Ok(good) } else { Err(none()) };
    };
    let newest = good.last().and_then(|good| good.meta.last_log_id);
    let covered = newest.max(log_end) >= record.meta.last_log_id;
    let path = folder.path(&record.name);
    if let SnapshotFlaw::Version(found) = flaw {
        return Err(OpenError::NewerFormat {
            path,
            found,
            known: snapshot_file::VERSION,
        });
    }
    if base && covered {
        warn!(path = %path.display(), %flaw, "snapshot damaged, the log stands in for it");
        return Ok(good);
    }
    Err(OpenError::SnapshotLost {
        path,
        what: flaw.to_string(),
    })
}

fn check(folder: &Folder, record: &SnapshotRecord) -> Result<(), SnapshotFlaw> {
    let file = folder
        .vfs
        .open(&folder.path(&record.name))
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SnapshotFlaw::Missing,
            _ => SnapshotFlaw::Io(error),
        })?;
    let mut reader = FrameReader::new(file, record.hash, Depth::Checksums)?;
    while reader.next_frame()?.is_some() {}
    Ok(())
}

fn is_older(record: &SnapshotRecord, newest: &SnapshotRecord) -> bool {
    record.meta.last_log_id < newest.meta.last_log_id
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(NAME)?.parse().ok()
}
