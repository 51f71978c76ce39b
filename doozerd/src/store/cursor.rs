//! Cursors: walking and listing by offset, one entry after another.
//!
//! A cursor borrows nothing: it holds the tree's directories that it is in and the last name it
//! met in each, and looks its place up again at every step. So it can lie beside a connection for
//! as long as its client asks for the next offset, and n requests cost n steps.

use std::ops::Bound;

use thiserror::Error;

use super::tree::{Entries, Node};
use super::{Found, Glob, Name, Revision, Tree, Value};

/// A file that a walk came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkItem {
    /// Its path.
    pub path: String,
    /// Its bytes.
    pub value: Value,
    /// The revision that wrote it.
    pub rev: Revision,
}

/// How far a walk came in a number of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkStep {
    /// To the next file that matches.
    Item(WalkItem),
    /// Nowhere yet: steps ran out among files that do not match.
    More,
    /// To the end.
    End,
}

/// A walk over the files that match a glob, a directory's entries in byte order, depth first.
#[derive(Debug, Clone)]
pub struct WalkCursor {
    glob: Glob,
    /// The directories that the walk is in, from the glob's literal one down.
    levels: Vec<Level>,
    /// The path of the last of them, with a slash at its end.
    dir: String,
    offset: u64,
}

#[derive(Debug, Clone)]
struct Level {
    place: Place,
    /// How much of `dir` is above this directory.
    above_bytes: usize,
}

/// A place among a directory's entries.
#[derive(Debug, Clone)]
struct Place {
    entries: Entries,
    /// The last name met.
    last: Option<Name>,
}

/// What one step came to.
enum Visited {
    Match(WalkItem),
    Other,
    End,
}

impl WalkCursor {
    /// A walk over the files of `tree` that match `glob`, before the first of them.
    pub fn new(glob: Glob, tree: &Tree) -> Self {
        let dir_bytes = glob.literal().rfind('/').map_or(0, |slash| slash + 1);
        let dir = glob.literal()[..dir_bytes].to_owned();
        let path = if dir_bytes > 1 {
            &dir[..dir_bytes - 1]
        } else {
            &dir
        };
        let level = tree.directory(path.as_bytes()).map(|entries| Level {
            place: Place::before(entries),
            above_bytes: 0,
        });
        Self {
            glob,
            levels: Vec::from_iter(level),
            dir,
            offset: 0,
        }
    }

    /// The offset of the file that is next.
    pub fn next_offset(&self) -> u64 {
        self.offset
    }

    /// The next file that matches. It may have to pass any number that do not: where that must
    /// not hold others up, use [`Self::next_within`].
    #[expect(
        clippy::should_implement_trait,
        reason = "beside skip(), an iterator's would be confusing"
    )]
    pub fn next(&mut self) -> Option<WalkItem> {
        loop {
            match self.next_within(u64::MAX) {
                WalkStep::Item(item) => return Some(item),
                WalkStep::More => {}
                WalkStep::End => return None,
            }
        }
    }

    /// The next file that matches, if no more than `max_steps` entries have to be visited.
    pub fn next_within(&mut self, max_steps: u64) -> WalkStep {
        for _ in 0..max_steps {
            match self.visit() {
                Visited::Match(item) => {
                    self.offset += 1;
                    return WalkStep::Item(item);
                }
                Visited::Other => {}
                Visited::End => return WalkStep::End,
            }
        }
        WalkStep::More
    }

    /// Passes `n` files that match, visiting no more than `max_steps` entries, and returns how
    /// many it passed. Fewer than `n`: steps ran out, or the walk is over ([`Self::is_over`]).
    pub fn skip(&mut self, n: u64, max_steps: u64) -> u64 {
        let start = self.offset;
        for _ in 0..max_steps {
            if self.offset - start == n {
                break;
            }
            match self.visit() {
                Visited::Match(_) => self.offset += 1,
                Visited::Other => {}
                Visited::End => break,
            }
        }
        self.offset - start
    }

    /// Whether the walk has come to its end. It may take one more step to find out.
    pub fn is_over(&self) -> bool {
        self.levels.is_empty()
    }

    /// Visits one entry, or leaves one directory.
    fn visit(&mut self) -> Visited {
        let is_first = self.levels.len() == 1;
        let Some(level) = self.levels.last_mut() else {
            return Visited::End;
        };
        // In the glob's literal directory the rest of its literal text narrows the names down.
        let wanted = if is_first {
            &self.glob.literal()[self.dir.len()..]
        } else {
            ""
        };
        let next = level.place.next(wanted);
        let next = next.filter(|(name, _)| !is_first || self.glob.may_begin(wanted, name.as_str()));
        match next {
            None => {
                self.dir.truncate(level.above_bytes);
                self.levels.pop();
                Visited::Other
            }
            Some((name, Node::Directory(entries))) => {
                self.enter(&name, &entries);
                Visited::Other
            }
            Some((name, Node::File { rev, value })) => {
                let path = self.path(&name);
                if self.glob.matches(&path) {
                    Visited::Match(WalkItem { path, value, rev })
                } else {
                    Visited::Other
                }
            }
        }
    }

    /// Goes down into a directory, unless nothing below it can match.
    fn enter(&mut self, name: &Name, entries: &Entries) {
        let above_bytes = self.dir.len();
        self.dir.push_str(name.as_str());
        self.dir.push('/');
        if self.glob.may_match_below(&self.dir) {
            let place = Place::before(entries);
            self.levels.push(Level { place, above_bytes });
        } else {
            self.dir.truncate(above_bytes);
        }
    }

    fn path(&self, name: &Name) -> String {
        let name = name.as_str();
        let mut path = String::with_capacity(self.dir.len() + name.len());
        path.push_str(&self.dir);
        path.push_str(name);
        path
    }
}

impl Place {
    fn before(entries: &Entries) -> Self {
        Self {
            entries: entries.clone(),
            last: None,
        }
    }

    /// The next entry; the first one is at or after `start`.
    fn next(&mut self, start: &str) -> Option<(Name, Node)> {
        let bound = match &self.last {
            None => Bound::Included(start.as_bytes()),
            Some(last) => Bound::Excluded(last.as_bytes()),
        };
        let mut rest = self.entries.range::<_, [u8]>((bound, Bound::Unbounded));
        let (name, node) = rest.next()?;
        let found = (name.clone(), node.clone());
        self.last = Some(found.0.clone());
        Some(found)
    }
}

/// Why a directory cannot be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DirError {
    /// Nothing stands there, or the path is invalid.
    #[error("no such directory")]
    NoEnt,
    /// A file stands there.
    #[error("not a directory")]
    NotDir,
}

/// A listing of a directory's names in byte order.
#[derive(Debug, Clone)]
pub struct DirCursor {
    place: Place,
    offset: u64,
}

impl DirCursor {
    /// The directory at `path`, as a client wrote it, before its first name.
    pub fn open(tree: &Tree, path: &[u8]) -> Result<Self, DirError> {
        match tree.directory(path) {
            Some(entries) => Ok(Self {
                place: Place::before(entries),
                offset: 0,
            }),
            None => Err(match tree.lookup(path) {
                Found::File { .. } => DirError::NotDir,
                _ => DirError::NoEnt,
            }),
        }
    }

    /// Whether `tree` has the very same directory at `path`: a listing of it would go on alike.
    pub fn is_same_in(&self, tree: &Tree, path: &[u8]) -> bool {
        tree.directory(path)
            .is_some_and(|entries| entries.ptr_eq(&self.place.entries))
    }

    /// The offset of the name that is next.
    pub fn next_offset(&self) -> u64 {
        self.offset
    }

    /// The next name.
    #[expect(
        clippy::should_implement_trait,
        reason = "beside skip(), an iterator's would be confusing"
    )]
    pub fn next(&mut self) -> Option<Name> {
        let (name, _) = self.place.next("")?;
        self.offset += 1;
        Some(name)
    }

    /// Passes `n` names, but no more than `max_steps`, and returns how many it passed.
    pub fn skip(&mut self, n: u64, max_steps: u64) -> u64 {
        let start = self.offset;
        while self.offset - start < n.min(max_steps) && self.next().is_some() {}
        self.offset - start
    }
}
