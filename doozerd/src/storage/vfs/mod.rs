//! The files that storage stands on. Everything that reaches a disk goes through here, so that a
//! test can lose the power, fill the disk or slow it down.

mod memory;
mod real;
#[cfg(any(test, feature = "simulation"))]
pub(super) mod simulated;

pub(super) use memory::MemoryFiles;
pub(super) use real::RealFiles;
#[cfg(any(test, feature = "simulation"))]
pub use simulated::{Disk, Draw, Unsynced};

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Folders and the names in them.
pub(super) trait Vfs: Debug + Send + Sync + 'static {
    /// Makes a folder, and those above it, durably. Of one that stands the name alone is made
    /// durable, where the folder above may be read.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// The names in a folder, in order; `NotFound` when it is not there.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes an empty file, in place of one that stands.
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Opens a file that stands.
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Gives a file another name, in place of whatever bears it. Durable after [`Vfs::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Durable after [`Vfs::sync_dir`].
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder. Durable after [`Vfs::sync_dir`] of the one above.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes a folder's names durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Locks a file, which is made if it is not there, against other holders; `None` when there is
    /// one. The lock ends with the guard, or the process.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn LockGuard>>>;
    /// How long the next commit is to take beside what it takes: a slow disk's is simulated.
    fn slowness(&self) -> Duration {
        Duration::ZERO
    }
}

/// One open file. Closed by dropping it.
pub(super) trait VfsFile: Debug + Send + Sync + 'static {
    /// The file's bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills `out` from `offset`, or fails with `UnexpectedEof`.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`; the file grows if it must.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file, or grows it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the file's content durable.
    fn sync(&self) -> io::Result<()>;
}

/// Holds a lock until it is dropped.
pub(super) trait LockGuard: Debug + Send + Sync + 'static {}

/// Reads a whole file that is at most `bytes_max` long.
pub(super) fn read_small(file: &dyn VfsFile, bytes_max: u64) -> io::Result<Vec<u8>> {
    let len = file.len()?;
    if len > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{len} bytes where at most {bytes_max} can be"),
        ));
    }
    let mut bytes = vec![0; usize::try_from(len).expect("invariant: small")];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}
