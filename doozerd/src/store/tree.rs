//! The tree of files at one revision: immutable maps that share what did not change.

use std::sync::Arc;

use imbl::OrdMap;

use super::{Event, EventKind, Name, Path, Refusal, Revision, Value};

/// What a file counts for besides its path and value: its entry, its map's slack, an allocation.
pub const PER_FILE_BYTES: u64 = 128;

/// What a directory counts for: its first map node.
pub const PER_DIRECTORY_BYTES: u64 = 800;

/// A directory's entries in byte order.
pub(super) type Entries = OrdMap<Name, Node>;

/// What stands under a name.
#[derive(Debug, Clone)]
pub(super) enum Node {
    File { rev: Revision, value: Value },
    // Behind a pointer of its own, so that an entry takes 40 bytes and not 48.
    Directory(Arc<Entries>),
}

/// All files at one revision. Cloning it copies a pointer.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    root: Entries,
    files: u64,
    bytes: u64,
}

/// The tree as of a revision.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The revision.
    pub rev: Revision,
    /// All files then.
    pub tree: Tree,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing, or the path is invalid.
    Missing,
    /// A file.
    File {
        /// The revision that wrote it.
        rev: Revision,
        /// Its bytes.
        value: &'a Value,
    },
    /// A directory.
    Dir {
        /// How many files and directories it holds.
        entries: usize,
    },
}

/// [`Found`], and whether a file is in the way.
enum Place<'a> {
    Missing,
    BelowFile,
    File { rev: Revision, value: &'a Value },
    Directory(&'a Entries),
}

impl Tree {
    /// What stands at `path`, as a client wrote it: at an invalid one nothing does. The root is
    /// always a directory.
    pub fn lookup(&self, path: &[u8]) -> Found<'_> {
        match self.place(path) {
            Place::Missing | Place::BelowFile => Found::Missing,
            Place::File { rev, value } => Found::File { rev, value },
            Place::Directory(entries) => Found::Dir {
                entries: entries.len(),
            },
        }
    }

    /// How many files there are.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// About how much memory the files take: their paths and values, [`PER_FILE_BYTES`] for each
    /// and [`PER_DIRECTORY_BYTES`] for each directory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The entries of the directory `path`, or nothing when it is none.
    pub(super) fn directory(&self, path: &[u8]) -> Option<&Entries> {
        match self.place(path) {
            Place::Directory(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether a mutation of `path` that names `rev` is to be refused.
    pub(super) fn check(&self, path: &Path, rev: Revision) -> Result<(), Refusal> {
        let place = self.place(path.as_bytes());
        let current = match &place {
            Place::BelowFile => return Err(Refusal::NotDir),
            Place::Missing => Revision::MISSING,
            Place::File { rev, .. } => *rev,
            Place::Directory(_) => Revision::DIR,
        };
        if rev != Revision::CLOBBER && rev < current {
            return Err(Refusal::RevMismatch);
        }
        match place {
            Place::Directory(_) => Err(Refusal::IsDir),
            _ => Ok(()),
        }
    }

    /// Does what `event` did. Doing it twice is doing it once.
    ///
    /// False when something is in the way, and nothing is changed then. That happens to
    /// `/ctl/err` alone: a client that made a directory of it, or a file of `/ctl`, keeps it.
    pub(super) fn apply(&mut self, event: &Event) -> bool {
        match event.kind {
            EventKind::Nop => true,
            EventKind::Set => self.put(&event.path, event.rev, &event.value),
            EventKind::Del => {
                self.remove(&event.path);
                true
            }
        }
    }

    fn place(&self, path: &[u8]) -> Place<'_> {
        let Some(rest) = path.strip_prefix(b"/") else {
            return Place::Missing;
        };
        let mut entries = &self.root;
        if rest.is_empty() {
            return Place::Directory(entries);
        }
        let mut names = rest.split(|byte| *byte == b'/').peekable();
        while let Some(name) = names.next() {
            match entries.get(name) {
                None => return Place::Missing,
                Some(Node::Directory(below)) => entries = below,
                Some(Node::File { .. }) if names.peek().is_some() => return Place::BelowFile,
                Some(Node::File { rev, value }) => return Place::File { rev: *rev, value },
            }
        }
        Place::Directory(entries)
    }

    fn put(&mut self, path: &Path, rev: Revision, value: &Value) -> bool {
        let Some((above, last)) = path.split_last() else {
            return false;
        };
        let mut entries = &mut self.root;
        for name in above {
            if !entries.contains_key(name.as_bytes()) {
                entries.insert(name.into(), Node::Directory(Arc::default()));
                self.bytes += PER_DIRECTORY_BYTES;
            }
            // What is in the way was there before: nothing was inserted above it.
            let Some(Node::Directory(below)) = entries.get_mut(name.as_bytes()) else {
                return false;
            };
            entries = Arc::make_mut(below);
        }
        if let Some(Node::Directory(_)) = entries.get(last.as_bytes()) {
            return false;
        }
        let node = Node::File {
            rev,
            value: Arc::clone(value),
        };
        self.bytes += file_bytes(path, value);
        match entries.insert(last.into(), node) {
            Some(Node::File { value, .. }) => self.bytes -= file_bytes(path, &value),
            _ => self.files += 1,
        }
        true
    }

    fn remove(&mut self, path: &Path) {
        let Place::File { value, .. } = self.place(path.as_bytes()) else {
            return;
        };
        let file_bytes = file_bytes(path, value);
        let (keep, emptied) = self.emptied_by_removing(path);
        let mut entries = &mut self.root;
        for (level, name) in path.names().enumerate() {
            if level == keep {
                entries.remove(name.as_bytes());
                break;
            }
            let Some(Node::Directory(below)) = entries.get_mut(name.as_bytes()) else {
                return;
            };
            entries = Arc::make_mut(below);
        }
        self.files -= 1;
        self.bytes -= file_bytes + emptied * PER_DIRECTORY_BYTES;
    }

    /// The level of the lowest directory above the file `path` that stays, and how many do not.
    fn emptied_by_removing(&self, path: &Path) -> (usize, u64) {
        let mut entries = &self.root;
        let (mut keep, mut emptied) = (0, 0);
        for (level, name) in path.names().enumerate() {
            if level == 0 || entries.len() > 1 {
                (keep, emptied) = (level, 0);
            } else {
                emptied += 1;
            }
            match entries.get(name.as_bytes()) {
                Some(Node::Directory(below)) => entries = below,
                _ => break,
            }
        }
        (keep, emptied)
    }

    /// A tree of `root`, as a snapshot listed it.
    pub(super) fn from_parts(root: Entries, files: u64, bytes: u64) -> Self {
        Self { root, files, bytes }
    }
}

/// What a file counts for.
pub(super) fn file_bytes(path: &Path, value: &[u8]) -> u64 {
    path.as_bytes().len() as u64 + value.len() as u64 + PER_FILE_BYTES
}
