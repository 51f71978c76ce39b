//! A folder of files: folders are directories.
//!
//! `.` and `..` are plain names in the store and can be none in a folder: there they are `%2E` and
//! `%2E%2E`, which can be no names in the store.

use std::fs::{self, File, FileType};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};

use super::{Document, Found};
use crate::server::FRAME_BYTES_MAX;
use crate::tree::path::StorePath;

/// Names that mean something else in a folder, and what they are there.
const NAMES: [(&str, &str); 2] = [(".", "%2E"), ("..", "%2E%2E")];

/// Reads all files in `folder` and below it into `document`.
pub(crate) fn read(folder: &Path, document: &mut Document) -> anyhow::Result<()> {
    let mut unread = vec![(folder.to_owned(), document.base().clone())];
    while let Some((folder, path)) = unread.pop() {
        let told = || format!("cannot read the folder {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(told)? {
            let entry = entry.with_context(told)?;
            let place = entry.path();
            let below = entry_path(&path, &place)?;
            if kind(&place, entry.file_type().with_context(told)?)? == Kind::Folder {
                document.directory(below.clone())?;
                unread.push((place, below));
            } else {
                document.file(below, contents(&place)?)?;
            }
        }
    }
    Ok(())
}

fn entry_path(path: &StorePath, place: &Path) -> anyhow::Result<StorePath> {
    let name = place.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| anyhow!("{}: its name is no text", place.display()))?;
    let special = NAMES.iter().find(|(_, written)| *written == name);
    let name = special.map_or(name, |(name, _)| *name);
    path.entry(name)
        .with_context(|| place.display().to_string())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// What is at `place`. A link to a file is that file; one to a folder may lead round in a circle.
fn kind(place: &Path, found: FileType) -> anyhow::Result<Kind> {
    if found.is_dir() {
        return Ok(Kind::Folder);
    }
    let told = || place.display().to_string();
    let led_to = fs::metadata(place).with_context(told)?;
    if led_to.is_file() {
        return Ok(Kind::File);
    }
    bail!(
        "{}: neither a file, nor a folder, nor a link to a file",
        told()
    )
}

fn contents(place: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(place).with_context(|| place.display().to_string())?;
    let read = file.take(FRAME_BYTES_MAX as u64).read_to_end(&mut bytes);
    read.with_context(|| place.display().to_string())?;
    ensure!(
        bytes.len() < FRAME_BYTES_MAX,
        "{}: it holds more than {FRAME_BYTES_MAX} bytes",
        place.display()
    );
    Ok(bytes)
}

/// Writes files into a new folder, which is there under its name once all of them are in it.
#[derive(Debug)]
pub(crate) struct FolderWriter {
    folder: PathBuf,
    /// The folder as long as it is not complete.
    partial: PathBuf,
    /// The folder of the last file, which is there.
    last: PathBuf,
}

impl FolderWriter {
    /// Begins to write `folder`, which must be missing or empty. What an earlier writer left
    /// unfinished is removed.
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let name = folder.file_name().with_context(|| {
            let folder = folder.display();
            format!("{folder} cannot be made: name a new folder")
        })?;
        let full = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        ensure!(
            !full,
            "{} is not empty: name a new folder",
            folder.display()
        );
        let partial = folder.with_file_name(format!(".{}.doozer-partial", name.to_string_lossy()));
        match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", partial.display()));
            }
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(&partial)
            .with_context(|| format!("cannot make the folder {}", partial.display()))?;
        Ok(Self {
            folder: folder.to_owned(),
            last: partial.clone(),
            partial,
        })
    }

    /// Writes the next file.
    pub(crate) fn file(&mut self, path: &StorePath, found: &Found) -> anyhow::Result<()> {
        let mut place = self.partial.clone();
        for name in path.names() {
            let special = NAMES.iter().find(|(plain, _)| *plain == name);
            place.push(special.map_or(name, |(_, written)| *written));
        }
        let told = || format!("cannot write {}", place.display());
        let folder = place.parent().with_context(told)?;
        if folder != self.last {
            fs::create_dir_all(folder).with_context(told)?;
            folder.clone_into(&mut self.last);
        }
        // Not over another: where case does not count, two files may have one name.
        let mut file = File::create_new(&place).with_context(told)?;
        std::io::Write::write_all(&mut file, &found.value).with_context(told)
    }

    /// Gives the folder its name.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        fs::rename(&self.partial, &self.folder).with_context(|| {
            let (from, to) = (self.partial.display(), self.folder.display());
            format!("cannot rename {from} to {to}")
        })
    }
}
