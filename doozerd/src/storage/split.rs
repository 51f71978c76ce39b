//! Log and metadata in files of their own: each change goes where it belongs, in order.
//!
//! Changes that wait together are carried out run by run: those of the log in one record, those of
//! the metadata in one commit of the database, each durable before the next is begun. So nothing is
//! durable without what was asked for before it. Runs are long where it matters: votes and purges
//! are rare.

use std::io;
use std::sync::Arc;

use crate::raft_types::Entry;

use super::OpenError;
use super::database::MetadataRows;
use super::folder::{self, Folder};
use super::log_files::LogFiles;
use super::rows::{Change, Recovered, RowReader, Rows};
use super::watermark::Watermark;

/// Log and metadata.
#[derive(Debug)]
pub(super) struct SplitRows {
    log: LogFiles,
    log_watermark: Watermark,
    metadata: MetadataRows,
}

impl SplitRows {
    /// Opens what stands in a folder and checks it. Gives each entry that is not purged, in order,
    /// and its bytes to `each`.
    pub(super) fn open(
        folder: &Folder,
        identity: &[u8],
        each: &mut dyn FnMut(Entry, u64),
    ) -> Result<(Self, Recovered), OpenError> {
        let path = folder.path(folder::DATABASE);
        let file = folder::open_file(&*folder.vfs, &path)?;
        let vfs = &*folder.vfs;
        let watermark = Watermark::open(vfs, &folder.path(folder::WATERMARK))?;
        let (metadata, mut recovered) = MetadataRows::open(&path, file, watermark, identity)?;
        let log = LogFiles::open(folder, recovered.purged.as_ref())?;
        let mut log_watermark = Watermark::open(vfs, &folder.path(folder::LOG_WATERMARK))?;
        let checked = log_watermark.check(&log.last_path(), log.number());
        checked.map_err(|flaw| match (flaw, log.next_path_if_full()) {
            (OpenError::RolledBack { .. }, Some(path)) => OpenError::Missing { path },
            (flaw, _) => flaw,
        })?;
        log.each(each)?;
        recovered.committed = log.committed();
        let rows = Self {
            log,
            log_watermark,
            metadata,
        };
        Ok((rows, recovered))
    }

    fn commit_log(&mut self, changes: &[&Change]) -> io::Result<()> {
        self.log.commit(changes)?;
        let durable = changes.iter().any(|change| change.is_weighty());
        self.log_watermark.raise(self.log.number(), durable)
    }

    fn commit_metadata(&mut self, changes: &[&Change]) -> io::Result<()> {
        self.metadata.commit(changes)?;
        let purged = changes.iter().rev().find_map(|change| match change {
            Change::Purge(id) => Some(id),
            _ => None,
        });
        let Some(id) = purged else { return Ok(()) };
        if let Some(change) = self.log.to_be_said_again(id) {
            self.commit_log(&[&change])?;
        }
        self.log.purge(id)
    }
}

impl Rows for SplitRows {
    fn commit(&mut self, changes: &[Change]) -> io::Result<()> {
        let changes: Vec<&Change> = changes.iter().collect();
        for run in changes.chunk_by(|one, next| one.is_of_log() == next.is_of_log()) {
            if run.iter().all(|change| change.is_of_log()) {
                self.commit_log(run)?;
            } else {
                self.commit_metadata(run)?;
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        self.log_watermark.settle()?;
        self.metadata.settle()
    }

    fn reader(&self) -> Arc<dyn RowReader> {
        self.log.reader()
    }

    fn close(&mut self) -> io::Result<()> {
        self.log.close();
        self.metadata.close()
    }
}
