//! The log's rows and the metadata in redb.
//!
//! Every commit raises the commit number, in the database first and in the watermark after it, so
//! that a commit which redb rolls back is seen at the next start. A commit is in one phase: redb
//! takes the newest of two headers whose whole tree has right checksums, which needs one sync and
//! a reading of the whole file at each start.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use doozer_proto::peer;
use openraft::entry::RaftEntry;
use prost::Message;
use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition,
};
use thiserror::Error;
use tracing::debug;

use crate::raft_types::{Entry, entry_from_message};

use super::OpenError;
use super::checked::{seal, unseal};
use super::metadata::{self, ValueError};
use super::rows::{Change, Recovered, RowReader, Rows};
use super::vfs::VfsFile;
use super::watermark::Watermark;

/// The log: an index to a sealed `peer.Entry`.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Everything else: a name to a sealed value.
const METADATA: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("metadata");

/// Pages kept in memory. The newest entries are served from elsewhere, so little is read.
const CACHE_BYTES: usize = 16 << 20;
/// Purged rows that a commit takes along, so that no one commit is long.
const PURGE_ROWS_MAX: u64 = 1024;
/// Purged rows that are worth a commit's while.
const PURGE_ROWS_MIN: u64 = 256;

/// The log's rows and the metadata in one redb file.
#[derive(Debug)]
pub(super) struct RedbRows {
    shared: Arc<Shared>,
    watermark: Watermark,
    /// The number of the last commit.
    number: u64,
    /// Rows below the purge point that still stand.
    purged: Range<u64>,
}

struct Shared {
    path: PathBuf,
    /// Taken away on closing.
    database: RwLock<Option<Database>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl RedbRows {
    /// Makes a database in an empty file, closed and durable when this returns.
    pub(super) fn found(file: Box<dyn VfsFile>, identity: &[u8]) -> io::Result<()> {
        let database = builder()
            .create_with_backend(Backend(file))
            .map_err(to_io)?;
        let transaction = database.begin_write().map_err(to_io)?;
        {
            transaction.open_table(LOG).map_err(to_io)?;
            let mut table = transaction.open_table(METADATA).map_err(to_io)?;
            put(&mut table, metadata::IDENTITY, identity)?;
            put(&mut table, metadata::NUMBER, &0u64.to_le_bytes())?;
        }
        transaction.commit().map_err(to_io)?;
        database.close().map_err(to_io)
    }

    /// Opens a database that stands and checks every page and row of it. Gives each entry that is
    /// not purged, in order, and its bytes to `each`.
    pub(super) fn open(
        path: &Path,
        file: Box<dyn VfsFile>,
        mut watermark: Watermark,
        identity: &[u8],
        each: &mut dyn FnMut(Entry, u64),
    ) -> Result<(Self, Recovered), OpenError> {
        let database = open_checked(file).map_err(|flaw| flaw.in_file(path))?;
        let (number, recovered) = read_metadata(&database, identity, path)?;
        watermark.check(path, number)?;
        let unwanted = recovered.purged.as_ref().map_or(0, |id| id.index() + 1);
        let purged = scan(&database, unwanted, each).map_err(|flaw| flaw.in_file(path))?;
        debug!(number, "database checked");
        let shared = Shared {
            path: path.to_owned(),
            database: RwLock::new(Some(database)),
        };
        let rows = Self {
            shared: Arc::new(shared),
            watermark,
            number,
            purged,
        };
        Ok((rows, recovered))
    }

    fn write(&mut self, changes: &[Change]) -> io::Result<()> {
        let guard = self
            .shared
            .database
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().ok_or_else(closed)?;
        let transaction = database.begin_write().map_err(to_io)?;
        {
            let mut log = transaction.open_table(LOG).map_err(to_io)?;
            let mut metadata = transaction.open_table(METADATA).map_err(to_io)?;
            for change in changes {
                change_log(&mut log, change, &mut self.purged)?;
                match metadata::of_change(change) {
                    Some((name, Some(value))) => put(&mut metadata, name, &value)?,
                    Some((name, None)) => drop(metadata.remove(name).map_err(to_io)?),
                    None => (),
                }
            }
            if changes.is_empty() || self.purged.end - self.purged.start >= PURGE_ROWS_MIN {
                remove_purged(&mut log, &mut self.purged)?;
            }
            put(
                &mut metadata,
                metadata::NUMBER,
                &(self.number + 1).to_le_bytes(),
            )?;
        }
        transaction.commit().map_err(to_io)
    }
}

impl Rows for RedbRows {
    fn commit(&mut self, changes: &[Change]) -> io::Result<()> {
        self.write(changes)?;
        self.number += 1;
        let durable = changes.iter().any(Change::is_weighty);
        self.watermark.raise(self.number, durable)
    }

    fn is_untidy(&self) -> bool {
        !self.purged.is_empty()
    }

    fn reader(&self) -> Arc<dyn RowReader> {
        Arc::clone(&self.shared) as Arc<dyn RowReader>
    }

    fn close(&mut self) -> io::Result<()> {
        let database = self
            .shared
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        database.map_or(Ok(()), |database| database.close().map_err(to_io))
    }
}

impl RowReader for Shared {
    fn read(&self, start: u64, end: u64, bytes_max: u64) -> io::Result<Vec<Entry>> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let read = guard
            .as_ref()
            .ok_or_else(closed)?
            .begin_read()
            .map_err(to_io)?;
        let log = read.open_table(LOG).map_err(to_io)?;
        let mut rows = log.range(start..end).map_err(to_io)?;
        let mut entries = Vec::new();
        let mut bytes = 0;
        for expected in start..end {
            let row = rows.next().transpose().map_err(to_io)?;
            let row = row.filter(|(index, _)| index.value() == expected);
            let (_, row) = row.ok_or_else(|| Flaw::Absent(expected).in_io(&self.path))?;
            bytes += row.value().len() as u64;
            if bytes > bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(decode(expected, row.value()).map_err(|flaw| flaw.in_io(&self.path))?);
        }
        Ok(entries)
    }
}

/// What is wrong with a database.
#[derive(Debug, Error)]
enum Flaw {
    #[error(transparent)]
    Redb(#[from] redb::Error),
    #[error("log entry {0} has a wrong checksum")]
    Checksum(u64),
    #[error("log entry {0} is missing")]
    Absent(u64),
    #[error("log entry {0} makes no sense")]
    Entry(u64, #[source] ValueError),
    #[error("its {0} has a wrong checksum")]
    Metadata(String),
    #[error("its commit number is missing")]
    NoNumber,
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl Flaw {
    fn in_file(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Redb(redb::Error::Io(source)) if source.raw_os_error().is_some() => {
                OpenError::Io {
                    path,
                    doing: "reading the database",
                    source,
                }
            }
            flaw => OpenError::Damaged {
                path,
                what: flaw.to_string(),
            },
        }
    }

    fn in_io(self, path: &Path) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self.in_file(path))
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Opens and has redb verify every page.
fn open_checked(file: Box<dyn VfsFile>) -> Result<Database, Flaw> {
    if file.len().map_err(redb::Error::Io)? == 0 {
        return Err(Flaw::NoNumber);
    }
    let mut builder = builder();
    builder.set_check_integrity_on_open(true);
    Ok(builder
        .create_with_backend(Backend(file))
        .map_err(redb::Error::from)?)
}

fn read_metadata(
    database: &Database,
    identity: &[u8],
    path: &Path,
) -> Result<(u64, Recovered), OpenError> {
    let read = || {
        let read = database.begin_read().map_err(redb::Error::from)?;
        let table = read.open_table(METADATA).map_err(redb::Error::from)?;
        let value = |name: &str| get(&table, name);
        let same = value(metadata::IDENTITY)?.as_deref() == Some(identity);
        let number = value(metadata::NUMBER)?.and_then(|bytes| bytes.try_into().ok());
        let number = number.map(u64::from_le_bytes).ok_or(Flaw::NoNumber)?;
        Ok((same, number, metadata::recover(value)?))
    };
    let (same, number, recovered) = read().map_err(|flaw: Flaw| flaw.in_file(path))?;
    if same {
        Ok((number, recovered))
    } else {
        Err(OpenError::IdentitiesDiffer {
            path: path.to_owned(),
        })
    }
}

/// Checks every row of the log and gives those from `unwanted` on; which ones are below it.
fn scan(
    database: &Database,
    unwanted: u64,
    each: &mut dyn FnMut(Entry, u64),
) -> Result<Range<u64>, Flaw> {
    let read = database.begin_read().map_err(redb::Error::from)?;
    let log = read.open_table(LOG).map_err(redb::Error::from)?;
    let mut first_purged = unwanted;
    let mut next = None;
    for row in log.iter().map_err(redb::Error::from)? {
        let (index, row) = row.map_err(redb::Error::from)?;
        let index = index.value();
        let entry = decode(index, row.value())?;
        if index < unwanted {
            first_purged = first_purged.min(index);
            continue;
        }
        let expected = next.unwrap_or(if unwanted == 0 { index } else { unwanted });
        if index != expected {
            return Err(Flaw::Absent(expected));
        }
        next = Some(index + 1);
        each(entry, row.value().len() as u64);
    }
    Ok(first_purged..unwanted)
}

fn decode(index: u64, row: &[u8]) -> Result<Entry, Flaw> {
    let value = unseal(&index.to_be_bytes(), row).ok_or(Flaw::Checksum(index))?;
    let message = peer::Entry::decode(value).map_err(|error| Flaw::Entry(index, error.into()))?;
    let entry = entry_from_message(message);
    let entry = entry.map_err(|error| Flaw::Entry(index, error.into()))?;
    if entry.index() == index {
        Ok(entry)
    } else {
        Err(Flaw::Absent(index))
    }
}

fn change_log(
    log: &mut Table<'_, u64, &'static [u8]>,
    change: &Change,
    purged: &mut Range<u64>,
) -> io::Result<()> {
    match change {
        Change::Append { first, entries } => {
            for (index, entry) in (*first..).zip(entries) {
                let row = seal(&index.to_be_bytes(), entry);
                log.insert(index, &row[..]).map_err(to_io)?;
            }
        }
        Change::TruncateFrom(index) => {
            log.retain_in(*index.., |_, _| false).map_err(to_io)?;
        }
        Change::Purge(id) => purged.end = id.index() + 1,
        Change::Vote(_) | Change::Committed(_) | Change::Snapshots(_) => (),
    }
    Ok(())
}

fn remove_purged(
    log: &mut Table<'_, u64, &'static [u8]>,
    purged: &mut Range<u64>,
) -> io::Result<()> {
    let first = log
        .first()
        .map_err(to_io)?
        .map_or(u64::MAX, |(index, _)| index.value());
    let start = first.clamp(purged.start, purged.end);
    let end = purged.end.min(start.saturating_add(PURGE_ROWS_MAX));
    log.retain_in(start..end, |_, _| false).map_err(to_io)?;
    purged.start = end;
    Ok(())
}

fn get(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    name: &str,
) -> Result<Option<Vec<u8>>, Flaw> {
    let Some(row) = table.get(name).map_err(redb::Error::from)? else {
        return Ok(None);
    };
    let value = unseal(name.as_bytes(), row.value());
    let value = value.ok_or_else(|| Flaw::Metadata(name.to_owned()))?;
    Ok(Some(value.to_vec()))
}

fn put(
    table: &mut Table<'_, &'static str, &'static [u8]>,
    name: &str,
    value: &[u8],
) -> io::Result<()> {
    let row = seal(name.as_bytes(), value);
    table.insert(name, &row[..]).map_err(to_io)?;
    Ok(())
}

/// The system's error, if that is what it was, as it was.
fn to_io(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

fn closed() -> io::Error {
    io::Error::other("the log is closed")
}

/// One of our files as redb wants it.
#[derive(Debug)]
struct Backend(Box<dyn VfsFile>);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, bytes)
    }
}
