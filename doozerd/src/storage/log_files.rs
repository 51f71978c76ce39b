//! The log's files: where entries are appended, truncated, read and let go of.
//!
//! # What stands on the disk
//! `log-N`, numbered without a gap; the last one is written. Each commit is one record, one write
//! and one sync. A file is made aside, with its header and its first zeros, synced and renamed
//! before its first record. Zeros are written ahead of the records, [`AHEAD_BYTES`] at a time, so
//! that a sync has no change of the file's length or blocks to write as well.
//!
//! # Opening
//! Records are read from the first file on, each checked against the one before it. The first that
//! is not whole ends the log: a commit that was cut short when the process or the power went, and
//! that nobody was told of. If a later commit was made, the watermark knows of it, and the folder is
//! refused. What lies behind the end is cut off, durably, before anything is written there.
//!
//! # Letting go
//! A file all of whose entries are purged is removed, oldest first, and only after the purge point
//! is durable in the metadata: a start finds either the files or the reason why they are not there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use doozer_proto::peer;
use prost::Message;

use crate::raft_types::{Entry, LogId, log_id_from_message, log_id_to_message};

use super::OpenError;
use super::folder::Folder;
use super::log_file::{
    Chain, HEADER_BYTES, Item, LogFlaw, RECORD_HEADER_BYTES, RecordWriter, VERSION, check_record,
    header, items, read_header, record_bytes,
};
use super::log_index::{Index, Place};
use super::log_reader::{FIRST, LogReader, NAME, path};
use super::rows::{Change, RowReader};
use super::vfs::VfsFile;

const ASIDE: &str = ".aside";
/// A file that has reached this is the last no more.
const FILE_BYTES: u64 = if cfg!(test) { 4 << 10 } else { 16 << 20 };
/// Zeros that are written ahead at once.
const AHEAD_BYTES: u64 = if cfg!(test) { 1 << 10 } else { 1 << 20 };

/// The log's files, and who writes them.
#[derive(Debug)]
pub(super) struct LogFiles {
    shared: Arc<LogReader>,
    chain: Chain,
    /// Where the next record goes in the last file.
    end: u64,
    /// How far that file is written, with zeros at least.
    ahead: u64,
    committed: Option<LogId>,
    /// The file that says so.
    committed_in: u64,
}

/// How a search for records ended.
struct Scanned {
    chain: Chain,
    end: u64,
}

impl LogFiles {
    /// Opens the files that stand, checked, or makes the first. Entries up to `purged` are not
    /// wanted any more.
    pub(super) fn open(folder: &Folder, purged: Option<&LogId>) -> Result<Self, OpenError> {
        remove_aside(folder)
            .map_err(OpenError::io(&folder.dir, "removing unfinished log files"))?;
        let numbers = numbers(folder).map_err(OpenError::io(&folder.dir, "listing the log"))?;
        let shared = Arc::new(LogReader {
            folder: folder.clone(),
            index: RwLock::default(),
        });
        let mut files = Self {
            shared,
            chain: Chain {
                number: 0,
                checksum: 0,
            },
            end: HEADER_BYTES,
            ahead: HEADER_BYTES,
            committed: None,
            committed_in: 0,
        };
        let is_purged = purged.is_some();
        if let Some(first) = numbers
            .first()
            .filter(|first| **first > FIRST && !is_purged)
        {
            let path = path(folder, first - 1);
            return Err(OpenError::Missing { path });
        }
        for (at, number) in numbers.iter().enumerate() {
            let expected = numbers[0] + at as u64;
            if *number != expected {
                return Err(OpenError::Missing {
                    path: path(folder, expected),
                });
            }
            files.take_in(*number, at == 0, at + 1 == numbers.len())?;
        }
        if files.index().files.is_empty() {
            let made = files.next_file();
            made.map_err(OpenError::io(path(folder, FIRST), "making the log"))?;
        }
        files.check_beginning(&numbers, purged)?;
        if let Some(purged) = purged {
            files.index_mut().purge_to(purged.index());
        }
        Ok(files)
    }

    /// Entries behind the purge point must not begin later than right behind it.
    fn check_beginning(&self, numbers: &[u64], purged: Option<&LogId>) -> Result<(), OpenError> {
        let index = self.index();
        let Some(first) = numbers.first().filter(|_| !index.places.is_empty()) else {
            return Ok(());
        };
        if purged.is_none_or(|purged| index.first <= purged.index() + 1) {
            return Ok(());
        }
        let path = path(&self.shared.folder, first.saturating_sub(1));
        Err(OpenError::Missing { path })
    }

    /// The number of the last commit.
    pub(super) fn number(&self) -> u64 {
        self.chain.number
    }

    /// The committed index as the log says it.
    pub(super) fn committed(&self) -> Option<LogId> {
        self.committed
    }

    /// The file that the last commit is in, or would be.
    pub(super) fn last_path(&self) -> PathBuf {
        let last = self
            .index()
            .files
            .back()
            .map_or(FIRST, |(number, _)| *number);
        path(&self.shared.folder, last)
    }

    /// Gives each entry that stands, in order, and its bytes, to `each`.
    pub(super) fn each(&self, each: &mut dyn FnMut(Entry, u64)) -> Result<(), OpenError> {
        let (first, next) = {
            let index = self.index();
            (index.first, index.next())
        };
        for index in first..next {
            let (entry, len) = self
                .shared
                .read_one(index)
                .map_err(OpenError::io(self.last_path(), "reading the log"))?;
            each(entry, len);
        }
        Ok(())
    }

    /// The file that would follow, if the last one is as full as one that is followed.
    pub(super) fn next_path_if_full(&self) -> Option<PathBuf> {
        let last = self.index().files.back().map(|(number, _)| *number)?;
        (self.end >= FILE_BYTES).then(|| path(&self.shared.folder, last + 1))
    }

    pub(super) fn reader(&self) -> Arc<dyn RowReader> {
        Arc::clone(&self.shared) as Arc<dyn RowReader>
    }

    /// Carries out appends, truncations and committed indexes, in one commit that is durable when
    /// this returns.
    pub(super) fn commit(&mut self, changes: &[&Change]) -> io::Result<()> {
        if self.end >= FILE_BYTES {
            self.next_file()?;
        }
        let (record, within) = encode(changes);
        let (bytes, chain) = record.finish(self.chain);
        let (number, file) = self.index().last_file().ok_or_else(closed)?;
        self.write(&*file, &bytes)?;
        let start = self.end;
        self.end += bytes.len() as u64;
        self.chain = chain;
        let mut places = within.into_iter().map(|(at, len)| Place {
            file: number,
            at: start + at,
            len,
        });
        for change in changes {
            self.note(change, number, &mut places);
        }
        Ok(())
    }

    /// Takes note of a change that is durable, in the file of that number.
    fn note(&mut self, change: &Change, file: u64, places: &mut impl Iterator<Item = Place>) {
        match change {
            Change::Append { first, entries } => {
                let mut index = self.index_mut();
                for (entry, place) in (*first..).zip(places.take(entries.len())) {
                    index.append(entry, place);
                }
            }
            Change::TruncateFrom(from) => self.index_mut().truncate_from(*from),
            Change::Committed(id) => (self.committed, self.committed_in) = (*id, file),
            Change::Purge(_) | Change::Vote(_) | Change::Snapshots(_) => {}
        }
    }

    /// What has to be said again before entries up to `id` are let go of, with the file that says it.
    pub(super) fn to_be_said_again(&self, id: &LogId) -> Option<Change> {
        let index = self.index();
        let last = index.files.back().map_or(FIRST, |(number, _)| *number);
        let kept = index.place(id.index() + 1).map_or(last, |place| place.file);
        let is_lost = self.committed.is_some() && self.committed_in < kept;
        is_lost.then_some(Change::Committed(self.committed))
    }

    /// Lets go of entries up to `id`, whose purge is durable, and of files that hold none besides.
    pub(super) fn purge(&mut self, id: &LogId) -> io::Result<()> {
        let unneeded = {
            let mut index = self.index_mut();
            index.purge_to(id.index());
            let last = index.files.back().map_or(FIRST, |(number, _)| *number);
            let needed = index.places.front().map_or(last, |place| place.file);
            let mut unneeded = Vec::new();
            while index.files.front().is_some_and(|(n, _)| *n < needed) {
                unneeded.extend(index.files.pop_front());
            }
            unneeded
        };
        let folder = &self.shared.folder;
        for (number, file) in unneeded {
            drop(file);
            folder.vfs.remove_file(&path(folder, number))?;
            // One after another, so that the files that stand have no gap.
            folder.vfs.sync_dir(&folder.dir)?;
        }
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.index_mut().files.clear();
    }

    /// Writes a record at the end, and zeros ahead of it where they run out, and syncs.
    fn write(&mut self, file: &dyn VfsFile, record: &[u8]) -> io::Result<()> {
        let end = self.end + record.len() as u64;
        if end > self.ahead {
            let ahead = end + AHEAD_BYTES;
            let zeros = usize::try_from(ahead - self.ahead).map_err(io::Error::other)?;
            file.write_at(self.ahead, &vec![0; zeros])?;
            self.ahead = ahead;
        }
        file.write_at(self.end, record)?;
        file.sync()
    }

    /// Begins the next file.
    fn next_file(&mut self) -> io::Result<()> {
        let folder = self.shared.folder.clone();
        let last = self.index().files.back().map(|(number, _)| *number);
        let number = last.map_or(FIRST, |last| last + 1);
        let path = path(&folder, number);
        let aside = path.with_extension(&ASIDE[1..]);
        let file = folder.vfs.create(&aside)?;
        let mut bytes = header(number, self.chain);
        bytes.resize(usize::try_from(AHEAD_BYTES).map_err(io::Error::other)?, 0);
        file.write_at(0, &bytes)?;
        file.sync()?;
        folder.vfs.rename(&aside, &path)?;
        folder.vfs.sync_dir(&folder.dir)?;
        self.index_mut().files.push_back((number, Arc::from(file)));
        self.end = HEADER_BYTES;
        self.ahead = AHEAD_BYTES;
        Ok(())
    }

    /// Takes in what a file holds.
    fn take_in(&mut self, number: u64, is_first: bool, is_last: bool) -> Result<(), OpenError> {
        let folder = self.shared.folder.clone();
        let path = path(&folder, number);
        let flaw = |flaw: LogFlaw| match flaw {
            LogFlaw::Version(found) => OpenError::NewerFormat {
                path: path.clone(),
                found,
                known: VERSION,
            },
            flaw => OpenError::Damaged {
                path: path.clone(),
                what: flaw.to_string(),
            },
        };
        let failed = |error| OpenError::io(&path, "reading the log")(error);
        let file: Arc<dyn VfsFile> = Arc::from(folder.vfs.open(&path).map_err(failed)?);
        let len = file.len().map_err(failed)?;
        let head = read_up_to(&*file, 0, HEADER_BYTES, len).map_err(failed)?;
        let chain = read_header(&head, number).map_err(flaw)?;
        if is_first {
            self.chain = chain;
        } else if chain != self.chain {
            // A file is begun where the one before it ends: that one has lost its end.
            return Err(OpenError::Damaged {
                path: self.last_path(),
                what: LogFlaw::Record(self.end).to_string(),
            });
        }
        self.index_mut()
            .files
            .push_back((number, Arc::clone(&file)));
        let scanned = self
            .scan(&*file, (number, len))
            .map_err(|error| match error {
                ScanError::Io(error) => failed(error),
                ScanError::Flaw(found) => flaw(found),
            })?;
        self.chain = scanned.chain;
        self.end = scanned.end;
        self.ahead = len;
        if is_last {
            self.cut_off(&*file, len).map_err(failed)?;
        }
        Ok(())
    }

    /// Reads records until one is not whole.
    fn scan(
        &mut self,
        file: &dyn VfsFile,
        (number, len): (u64, u64),
    ) -> Result<Scanned, ScanError> {
        let mut scanned = Scanned {
            chain: self.chain,
            end: HEADER_BYTES,
        };
        loop {
            let head = read_up_to(file, scanned.end, RECORD_HEADER_BYTES, len)?;
            let Some(bytes) = record_bytes(&head).filter(|bytes| scanned.end + bytes <= len) else {
                return Ok(scanned);
            };
            let record = read_up_to(file, scanned.end, bytes, len)?;
            let Some(chain) = check_record(scanned.chain, &record) else {
                return Ok(scanned);
            };
            for item in items(&record, scanned.end)? {
                self.recover(item, number, scanned.end)?;
            }
            scanned.chain = chain;
            scanned.end += bytes;
        }
    }

    fn recover(&mut self, item: Item<'_>, file: u64, record: u64) -> Result<(), LogFlaw> {
        match item {
            Item::Entry { index, at, len } => {
                let at = record + at;
                let mut known = self.index_mut();
                // Behind an installed snapshot the log begins anew.
                if index > known.next() && !known.places.is_empty() {
                    known.places.clear();
                }
                if !known.append(index, Place { file, at, len }) {
                    return Err(LogFlaw::Items(record));
                }
            }
            Item::Truncate(index) => self.index_mut().truncate_from(index),
            Item::Committed([]) => (self.committed, self.committed_in) = (None, file),
            Item::Committed(id) => {
                self.committed_in = file;
                let id = peer::LogId::decode(id).ok();
                let id = id.and_then(|id| log_id_from_message(&id).ok());
                self.committed = Some(id.ok_or(LogFlaw::Items(record))?);
            }
        }
        Ok(())
    }

    /// Makes what lies behind the end of the last file zeros, durably.
    fn cut_off(&mut self, file: &dyn VfsFile, len: u64) -> io::Result<()> {
        if is_zero(file, self.end, len)? {
            return Ok(());
        }
        file.set_len(self.end)?;
        file.sync()?;
        self.ahead = self.end;
        Ok(())
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.shared.index()
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.shared
            .index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A record of changes, and where in it each entry stands, and how long it is.
fn encode(changes: &[&Change]) -> (RecordWriter, Vec<(u64, u32)>) {
    let mut record = RecordWriter::new();
    let mut places = Vec::new();
    for change in changes {
        match change {
            Change::Append { first, entries } => {
                let entries = (*first..).zip(entries);
                places.extend(entries.map(|(index, entry)| record.entry(index, entry)));
            }
            Change::TruncateFrom(index) => record.truncate(*index),
            Change::Committed(id) => {
                let id = id.as_ref().map(|id| log_id_to_message(id).encode_to_vec());
                record.committed(&id.unwrap_or_default());
            }
            Change::Purge(_) | Change::Vote(_) | Change::Snapshots(_) => {}
        }
    }
    (record, places)
}

enum ScanError {
    Io(io::Error),
    Flaw(LogFlaw),
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<LogFlaw> for ScanError {
    fn from(flaw: LogFlaw) -> Self {
        Self::Flaw(flaw)
    }
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(NAME)?.parse().ok()
}

fn numbers(folder: &Folder) -> io::Result<Vec<u64>> {
    let names = folder.vfs.list(&folder.dir)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn remove_aside(folder: &Folder) -> io::Result<()> {
    for name in folder.vfs.list(&folder.dir)? {
        if name.starts_with(NAME) && name.ends_with(ASIDE) {
            folder.vfs.remove_file(Path::new(&folder.path(&name)))?;
        }
    }
    Ok(())
}

/// The bytes from `at` on, `bytes` of them or as many as there are.
fn read_up_to(file: &dyn VfsFile, at: u64, bytes: u64, len: u64) -> io::Result<Vec<u8>> {
    let bytes = bytes.min(len.saturating_sub(at));
    let mut read = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    file.read_at(at, &mut read)?;
    Ok(read)
}

fn is_zero(file: &dyn VfsFile, mut at: u64, len: u64) -> io::Result<bool> {
    while at < len {
        let bytes = read_up_to(file, at, AHEAD_BYTES, len)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += bytes.len() as u64;
    }
    Ok(true)
}

fn closed() -> io::Error {
    io::Error::other("the log is closed")
}
