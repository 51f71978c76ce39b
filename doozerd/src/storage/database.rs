//! The metadata in redb: vote, purge point, which snapshots stand, who the node is.
//!
//! Every commit raises the commit number, in the database first and in the watermark after it, so
//! that a commit which redb rolls back is seen at the next start. A commit is in one phase: redb
//! takes the newest of two headers whose whole tree has right checksums, which needs one sync and
//! a reading of the whole file at each start.

use std::fmt;
use std::io;
use std::path::Path;

use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition,
};
use thiserror::Error;
use tracing::debug;

use super::OpenError;
use super::checked::{seal, unseal};
use super::metadata::{self, ValueError};
use super::rows::{Change, Recovered};
use super::vfs::VfsFile;
use super::watermark::Watermark;

/// A name to a sealed value.
const METADATA: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("metadata");

/// Pages kept in memory.
const CACHE_BYTES: usize = 1 << 20;

/// The metadata in one redb file.
pub(super) struct MetadataRows {
    /// Taken away on closing.
    database: Option<Database>,
    watermark: Watermark,
    /// The number of the last commit.
    number: u64,
}

impl fmt::Debug for MetadataRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataRows")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl MetadataRows {
    /// Makes a database in an empty file, closed and durable when this returns.
    pub(super) fn found(file: Box<dyn VfsFile>, identity: &[u8]) -> io::Result<()> {
        let database = builder()
            .create_with_backend(Backend(file))
            .map_err(to_io)?;
        let transaction = database.begin_write().map_err(to_io)?;
        {
            let mut table = transaction.open_table(METADATA).map_err(to_io)?;
            put(&mut table, metadata::IDENTITY, identity)?;
            put(&mut table, metadata::NUMBER, &0u64.to_le_bytes())?;
        }
        transaction.commit().map_err(to_io)?;
        database.close().map_err(to_io)
    }

    /// Opens a database that stands and checks every page and row of it.
    pub(super) fn open(
        path: &Path,
        file: Box<dyn VfsFile>,
        mut watermark: Watermark,
        identity: &[u8],
    ) -> Result<(Self, Recovered), OpenError> {
        let database = open_checked(file).map_err(|flaw| flaw.in_file(path))?;
        let (number, recovered) = read_metadata(&database, identity, path)?;
        watermark.check(path, number)?;
        debug!(number, "database checked");
        let rows = Self {
            database: Some(database),
            watermark,
            number,
        };
        Ok((rows, recovered))
    }

    /// Writes the metadata that changes say, in one commit that is durable when this returns.
    pub(super) fn commit(&mut self, changes: &[&Change]) -> io::Result<()> {
        let database = self.database.as_ref().ok_or_else(closed)?;
        let transaction = database.begin_write().map_err(to_io)?;
        {
            let mut metadata = transaction.open_table(METADATA).map_err(to_io)?;
            for (name, value) in changes.iter().copied().filter_map(metadata::of_change) {
                put(&mut metadata, name, &value)?;
            }
            let number = (self.number + 1).to_le_bytes();
            put(&mut metadata, metadata::NUMBER, &number)?;
        }
        transaction.commit().map_err(to_io)?;
        self.number += 1;
        let durable = changes.iter().any(|change| change.is_weighty());
        self.watermark.raise(self.number, durable)
    }

    /// Makes the watermark durable where it has to be.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.watermark.settle()
    }

    pub(super) fn close(&mut self) -> io::Result<()> {
        let database = self.database.take();
        database.map_or(Ok(()), |database| database.close().map_err(to_io))
    }
}

/// What is wrong with a database.
#[derive(Debug, Error)]
enum Flaw {
    #[error(transparent)]
    Redb(#[from] redb::Error),
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
