//! Reads entries of the log, from any thread, while it is written.

use std::io;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use doozer_proto::peer;
use openraft::entry::RaftEntry;
use prost::Message;

use crate::raft_types::{Entry, entry_from_message};

use super::OpenError;
use super::folder::Folder;
use super::log_file::is_entry;
use super::log_index::{Index, Place};
use super::rows::RowReader;

/// What a log file's name begins with.
pub(super) const NAME: &str = "log-";
/// The first file's number.
pub(super) const FIRST: u64 = 1;

/// What the log's reader and its writer share.
#[derive(Debug)]
pub(super) struct LogReader {
    pub(super) folder: Folder,
    pub(super) index: RwLock<Index>,
}

impl LogReader {
    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read_one(&self, index: u64) -> io::Result<(Entry, u64)> {
        let (place, file) = {
            let known = self.index();
            let place = known.place(index);
            (place, place.and_then(|place| known.file(place.file)))
        };
        let (Some(place), Some(file)) = (place, file) else {
            return Err(self.flaw(None, format!("log entry {index} is missing")));
        };
        let wrong = |what: &str| self.flaw(Some(place), format!("log entry {index} {what}"));
        let mut bytes = vec![0; place.len as usize + 4];
        file.read_at(place.at - 4, &mut bytes)?;
        if !is_entry(index, &bytes) {
            return Err(wrong("has a wrong checksum"));
        }
        let message = peer::Entry::decode(&bytes[4..]).map_err(|_flaw| wrong("makes no sense"))?;
        let entry = entry_from_message(message).map_err(|_flaw| wrong("makes no sense"))?;
        if entry.index() != index {
            return Err(wrong("is another one"));
        }
        Ok((entry, u64::from(place.len)))
    }

    fn flaw(&self, place: Option<Place>, what: String) -> io::Error {
        let file = place.map_or(FIRST, |place| place.file);
        let path = path(&self.folder, file);
        io::Error::new(
            io::ErrorKind::InvalidData,
            OpenError::Damaged { path, what },
        )
    }
}

impl RowReader for LogReader {
    fn read(&self, start: u64, end: u64, bytes_max: u64) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        for index in start..end {
            let len = self.index().place(index).map_or(0, |place| place.len);
            bytes += u64::from(len);
            if bytes > bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(self.read_one(index)?.0);
        }
        Ok(entries)
    }
}

/// The file of that number.
pub(super) fn path(folder: &Folder, number: u64) -> PathBuf {
    folder.path(&format!("{NAME}{number:08}"))
}
