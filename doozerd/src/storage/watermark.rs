//! The watermark: the number of the last commit, in a file of its own beside the database. A
//! database that ends below it has lost a commit.
//!
//! It is one write in place after each commit, so it is never ahead of what is durable. It is
//! synced only after a vote or a truncation, and after those were answered: a process that dies is
//! covered fully, a lost power supply as far as the watermark had reached the disk.

use std::io;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::OpenError;
use super::checked::{seal, unseal};
use super::vfs::{Vfs, VfsFile, read_small};

const KEY: &[u8] = b"watermark 1";
const BYTES_MAX: u64 = 4096;

/// The watermark's file.
#[derive(Debug)]
pub(super) struct Watermark {
    path: PathBuf,
    file: Box<dyn VfsFile>,
    number: Option<u64>,
    /// It was raised for what a loss of power must not hide, and not synced since.
    is_due: bool,
}

impl Watermark {
    /// Makes the file, durable when this returns but for its name.
    pub(super) fn found(vfs: &dyn Vfs, path: &Path) -> io::Result<()> {
        let file = vfs.create(path)?;
        file.write_at(0, &seal(KEY, &0u64.to_le_bytes()))?;
        file.sync()
    }

    /// Opens the file; one that is missing or unreadable is made anew.
    pub(super) fn open(vfs: &dyn Vfs, path: &Path) -> Result<Self, OpenError> {
        let opened = match vfs.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => vfs.create(path),
            opened => opened,
        };
        let file = opened.map_err(OpenError::io(path, "opening the watermark"))?;
        let number = read_small(&*file, BYTES_MAX).ok().and_then(|row| {
            let number = unseal(KEY, &row)?.try_into().ok()?;
            Some(u64::from_le_bytes(number))
        });
        Ok(Self {
            path: path.to_owned(),
            file,
            number,
            is_due: false,
        })
    }

    /// Refuses a database whose last commit is `number` when a later one was made. Brings the
    /// watermark up to it otherwise.
    pub(super) fn check(&mut self, database: &Path, number: u64) -> Result<(), OpenError> {
        match self.number {
            Some(watermark) if number < watermark => {
                let path = database.to_owned();
                return Err(OpenError::RolledBack {
                    path,
                    number,
                    watermark,
                });
            }
            Some(watermark) if number == watermark => return Ok(()),
            Some(_) => (),
            None => warn!(path = %self.path.display(), "watermark unreadable, written anew"),
        }
        let rewritten = self.file.set_len(0);
        let rewritten = rewritten.and_then(|()| self.raise(number, true));
        let rewritten = rewritten.and_then(|()| self.settle());
        rewritten.map_err(OpenError::io(&self.path, "writing the watermark"))
    }

    /// Says that commit `number` was made, and whether [`Watermark::settle`] makes that durable.
    pub(super) fn raise(&mut self, number: u64, durable: bool) -> io::Result<()> {
        self.file.write_at(0, &seal(KEY, &number.to_le_bytes()))?;
        self.number = Some(number);
        self.is_due |= durable;
        Ok(())
    }

    /// Makes durable what was to be.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_due) {
            self.file.sync()?;
        }
        Ok(())
    }
}
