//! Puts a new node's content in the place of an old one's, within the old one's folder, whole or
//! not at all; what the old one held is kept beside it.
//!
//! # States
//! | in the folder `successor` | what it is | at the next start |
//! | --- | --- | --- |
//! | neither `complete` nor `moving` | being made, worth nothing | removed: the folder is the old node's |
//! | `complete` | whole and durable | the old node's files go to the folder that this one names, then `moving` |
//! | `moving` | the old node's files are gone | its files go up, then it is removed |
//!
//! A step of `complete` or `moving` only ever moves what is still there, so it can be cut short and
//! taken up again any number of times. `complete` becoming `moving` is one renaming: which files of
//! the folder are old and which are new is never in doubt. What is moved is durable before, and
//! every renaming is made durable before the next state begins.
//!
//! The folder that the old files go to is a whole data folder: what went wrong can be gone back on.

use std::io;
use std::path::{Path, PathBuf};

use super::folder::{Folder, LOCK, LOST_FOUND};
use super::vfs::read_small;
use super::{Execution, Identity, OpenError, Storage, StorageOptions};

/// Where the new content is made.
pub(super) const SUCCESSOR: &str = "successor";
/// It is whole; holds the name of the folder that the old files go to.
const COMPLETE: &str = "complete";
/// The old files are there.
const MOVING: &str = "moving";
/// What the name of the folder with the old files begins with.
const PREDECESSOR: &str = "predecessor-";
/// What says, in words, that this content took an older one's place.
const NOTE: &str = "forced-new-cluster";
/// More than a note or a folder's name can be.
const WORDS_BYTES_MAX: u64 = 4 << 10;

impl Storage {
    /// Founds another node's content, aside in this one's folder. Dropped, it leaves what the next
    /// start removes.
    pub fn begin_successor(&self, identity: Identity) -> Result<Self, OpenError> {
        let folder = self.snapshots.folder();
        let aside = folder.aside();
        let cleared = aside.clear();
        cleared.map_err(OpenError::io(
            &aside.dir,
            "removing an unfinished successor",
        ))?;
        let options = StorageOptions {
            execution: Execution::Inline,
        };
        Self::open_in(aside, move || identity, options)
    }

    /// Puts `successor`, which was begun here, in this one's place, with a note of what it is.
    /// Returns where the files of this one are kept. Fails with this one still in place, or with
    /// the successor there from the next start on.
    pub fn give_way(self, successor: Self, note: &str) -> Result<PathBuf, OpenError> {
        let folder = self.snapshots.folder().clone();
        let kept = format!("{PREDECESSOR}{}", self.identity.node);
        let aside = folder.aside();
        let failed = |doing| OpenError::io(&aside.dir, doing);
        let closed = successor.log.close();
        closed.map_err(failed("closing the successor"))?;
        drop(successor);
        let said = aside.say(NOTE, note);
        let said = said.and_then(|()| aside.say(COMPLETE, &kept));
        said.map_err(failed("completing the successor"))?;
        // This one holds the lock until it is dropped.
        folder.succeed()?;
        Ok(folder.dir.join(kept))
    }

    /// What was noted when the content took an older one's place, if it did.
    pub fn succession_note(&self) -> Result<Option<String>, OpenError> {
        let folder = self.snapshots.folder();
        let path = folder.path(NOTE);
        let note = folder.words(NOTE);
        note.map_err(OpenError::io(path, "reading how this node came to be"))
    }
}

impl Folder {
    /// Whether another node's content is about to take this one's place.
    pub(super) fn is_succeeded(&self) -> bool {
        let aside = self.aside();
        [COMPLETE, MOVING]
            .iter()
            .any(|name| self.vfs.open(&aside.path(name)).is_ok())
    }

    /// Finishes what was completed, or removes what was not. The folder is locked.
    pub(super) fn succeed(&self) -> Result<(), OpenError> {
        let done = match self.vfs.list(&self.path(SUCCESSOR)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => Err(error),
            Ok(_names) => self.finish_succession(),
        };
        done.map_err(OpenError::io(
            self.path(SUCCESSOR),
            "putting a new node's files in the place of an old one's",
        ))
    }

    fn finish_succession(&self) -> io::Result<()> {
        let aside = self.aside();
        if let Some(kept) = aside.words(COMPLETE)? {
            let kept = self.path(&kept);
            self.vfs.make_dir(&kept)?;
            for name in self.own_names()? {
                self.vfs.rename(&self.path(&name), &kept.join(&name))?;
            }
            self.vfs.sync_dir(&kept)?;
            self.vfs.sync_dir(&self.dir)?;
            self.vfs
                .rename(&aside.path(COMPLETE), &aside.path(MOVING))?;
            self.vfs.sync_dir(&aside.dir)?;
        }
        if aside.words(MOVING)?.is_some() {
            let mut names = self.vfs.list(&aside.dir)?;
            names.retain(|name| name != MOVING && name != LOCK);
            for name in names {
                self.vfs.rename(&aside.path(&name), &self.path(&name))?;
            }
            self.vfs.sync_dir(&self.dir)?;
            self.vfs.sync_dir(&aside.dir)?;
        }
        aside.clear()?;
        self.vfs.sync_dir(&self.dir)
    }

    fn aside(&self) -> Self {
        Self {
            vfs: std::sync::Arc::clone(&self.vfs),
            dir: self.path(SUCCESSOR),
        }
    }

    /// The names of the node's own files: all but those of the folder itself.
    fn own_names(&self) -> io::Result<Vec<String>> {
        let mut names = self.vfs.list(&self.dir)?;
        names.retain(|name| {
            ![LOCK, LOST_FOUND, SUCCESSOR].contains(&&name[..]) && !name.starts_with(PREDECESSOR)
        });
        Ok(names)
    }

    /// Removes the folder and what is in it, if it is there.
    fn clear(&self) -> io::Result<()> {
        let names = match self.vfs.list(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            names => names?,
        };
        for name in names {
            self.remove_all(&self.path(&name))?;
        }
        self.vfs.remove_dir(&self.dir)
    }

    /// Removes a file, or a folder of files: a founding cut short has one.
    fn remove_all(&self, path: &Path) -> io::Result<()> {
        if let Ok(names) = self.vfs.list(path) {
            for name in names {
                self.vfs.remove_file(&path.join(name))?;
            }
            return self.vfs.remove_dir(path);
        }
        self.vfs.remove_file(path)
    }

    /// Writes a small file, durably and whole or not at all.
    fn say(&self, name: &str, words: &str) -> io::Result<()> {
        let aside = self.path(&format!("{name}.aside"));
        let file = self.vfs.create(&aside)?;
        file.write_at(0, words.as_bytes())?;
        file.sync()?;
        drop(file);
        self.vfs.rename(&aside, &self.path(name))?;
        self.vfs.sync_dir(&self.dir)
    }

    /// Reads a small file, if it is there.
    fn words(&self, name: &str) -> io::Result<Option<String>> {
        let file = match self.vfs.open(&self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let words = read_small(&*file, WORDS_BYTES_MAX)?;
        let words = String::from_utf8(words);
        words.map(Some).map_err(super::folder::invalid)
    }
}
