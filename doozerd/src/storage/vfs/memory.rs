//! Files in memory, for a node that keeps nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{LockGuard, Vfs, VfsFile};

type Content = Arc<Mutex<Vec<u8>>>;

/// Files in memory. Folders are whatever files' paths say.
#[derive(Debug, Default)]
pub(in crate::storage) struct MemoryFiles {
    files: Mutex<BTreeMap<PathBuf, Content>>,
}

impl MemoryFiles {
    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Content>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vfs for MemoryFiles {
    fn make_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let files = self.files();
        let names = files.keys().filter(|path| path.parent() == Some(dir));
        let names = names.filter_map(|path| path.file_name());
        Ok(names
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let content = Content::default();
        self.files().insert(path.to_owned(), Arc::clone(&content));
        Ok(Box::new(MemoryFile { content }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let content = self.files().get(path).cloned().ok_or_else(not_found)?;
        Ok(Box::new(MemoryFile { content }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files();
        let content = files.remove(from).ok_or_else(not_found)?;
        files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.files().remove(path).map(drop).ok_or_else(not_found)
    }

    fn remove_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<Box<dyn LockGuard>>> {
        Ok(Some(Box::new(NoLock)))
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

/// Nobody else reaches this process's memory.
#[derive(Debug)]
struct NoLock;

impl LockGuard for NoLock {}

#[derive(Debug)]
struct MemoryFile {
    content: Content,
}

impl MemoryFile {
    fn content(&self) -> MutexGuard<'_, Vec<u8>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VfsFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.content().len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        read_from(&self.content(), offset, out)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        write_into(&mut self.content(), offset, bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.content().resize(in_memory(len), 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Fills `out` from `content`, as a file is read.
pub(super) fn read_from(content: &[u8], offset: u64, out: &mut [u8]) -> io::Result<()> {
    let start = in_memory(offset);
    let from = content.get(start..start.saturating_add(out.len()));
    out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

/// Writes into `content`, as a file is written.
pub(super) fn write_into(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = in_memory(offset);
    let end = start + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

pub(super) fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).expect("invariant: what is in memory fits the address space")
}
