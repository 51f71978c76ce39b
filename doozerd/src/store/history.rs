//! History: what each of the newest revisions did, and the store as it was then.
//!
//! Every kept revision has its event. Trees share what did not change, but one for each revision
//! still costs the copied way from the root to the file. So a tree (a *root*) is kept for every
//! revision only while there are few, and for every `every`-th when there are many: whenever the
//! roots pass `ROOTS_MAX`, `every` doubles and each second root goes. A view between two roots is
//! made again from the root before it and the events since; it costs at most `every - 1` of them.
//!
//! Trimming moves `oldest` on at once, but events back to the first root stay until the next root
//! is itself at or before `oldest`. How much is kept, and how densely, is each node's own affair:
//! the answers are the same.

use std::collections::VecDeque;
use std::sync::Arc;

use imbl::Vector;
use thiserror::Error;

use super::{Event, Glob, PER_FILE_BYTES, Revision, Tree, View};

/// The most trees kept, each of another revision.
const ROOTS_MAX: usize = 10_000;

/// What an event counts for besides its path and value.
const EVENT_BYTES: u64 = 160;

/// What the copied way to a file counts for, for each level: a map's leaf and its branches.
const COPIED_LEVEL_BYTES: u64 = 1200;

/// How much history to keep. The newest revision is kept whatever the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// The most revisions.
    pub revisions: u64,
    /// About the most memory: events, and what trees do not share.
    pub bytes: u64,
}

/// The revision is no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the revision is no longer kept")]
pub struct TooLate;

/// How far a search through events came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// The first event that matches.
    Found(Arc<Event>),
    /// Steps ran out: go on from this revision.
    More(Revision),
    /// No event matches so far.
    End,
    /// The revision to search from is no longer kept.
    TooLate,
}

/// The newest revisions' events, and trees to see the store as it was.
#[derive(Debug)]
pub struct History {
    /// Of consecutive revisions up to the newest. Cloned by snapshots.
    events: Vector<Arc<Event>>,
    /// Of rising revisions; the first is at or before `oldest`, or just before it.
    roots: VecDeque<Root>,
    oldest: Revision,
    newest: Revision,
    /// Every how many revisions a root is kept; a power of two.
    every: i64,
    roots_max: usize,
    /// Of the events from `oldest` on.
    events_bytes: u64,
    roots_bytes: u64,
    /// What the mutations since the last root copied.
    copied_bytes: u64,
}

#[derive(Debug)]
struct Root {
    rev: Revision,
    tree: Tree,
    bytes: u64,
}

impl History {
    /// Nothing yet, after `rev`, when the store was `tree`.
    pub(super) fn starting_after(rev: Revision, tree: Tree) -> Self {
        let root = Root {
            rev,
            tree,
            bytes: 0,
        };
        Self {
            events: Vector::new(),
            roots: VecDeque::from([root]),
            oldest: rev.next(),
            newest: rev,
            every: 1,
            roots_max: ROOTS_MAX,
            events_bytes: 0,
            roots_bytes: 0,
            copied_bytes: 0,
        }
    }

    /// The oldest revision kept. One after [`Self::newest`] when none is.
    pub fn oldest(&self) -> Revision {
        self.oldest
    }

    /// The newest revision: the store's.
    pub fn newest(&self) -> Revision {
        self.newest
    }

    /// About how much memory history takes.
    pub fn bytes(&self) -> u64 {
        self.events_bytes + self.roots_bytes + self.copied_bytes
    }

    /// The store as of `rev`, which must not be above [`Self::newest`]; below 1 counts as 1.
    pub fn view_at(&self, rev: Revision) -> Result<View, TooLate> {
        let rev = rev.max(Revision(1));
        debug_assert!(rev <= self.newest || self.newest < Revision(1));
        if rev < self.oldest {
            return Err(TooLate);
        }
        let tree = self.tree_at(rev);
        Ok(View { rev, tree })
    }

    /// The event of `rev`, if it is kept.
    pub fn event(&self, rev: Revision) -> Option<&Arc<Event>> {
        if rev < self.oldest || rev > self.newest {
            return None;
        }
        self.events.get(self.index(rev))
    }

    /// The first event at or after `from` that matches; `from` below 1 counts as 1. Looks at no
    /// more than `steps_max` events.
    pub fn search(&self, glob: &Glob, from: Revision, steps_max: usize) -> Search {
        let from = from.max(Revision(1));
        if from < self.oldest {
            return Search::TooLate;
        }
        let mut next = from;
        for event in self.events_from(from).take(steps_max) {
            if glob.matches(event.path.as_str()) {
                return Search::Found(Arc::clone(event));
            }
            next = event.rev.next();
        }
        if next > self.newest {
            Search::End
        } else {
            Search::More(next)
        }
    }

    /// Whether an event after `after` matches. Nothing when history does not reach back so far.
    pub fn any_match(&self, glob: &Glob, after: Revision) -> Option<bool> {
        let from = after.max(Revision::MISSING).next();
        if from < self.oldest {
            return None;
        }
        let mut events = self.events_from(from);
        Some(events.any(|event| glob.matches(event.path.as_str())))
    }

    /// The tree at the oldest revision kept; the newest tree when none is.
    pub(super) fn base_tree(&self) -> Tree {
        self.tree_at(self.oldest.min(self.newest))
    }

    /// Every event kept, from [`Self::oldest`] on.
    pub(super) fn events(&self) -> Vector<Arc<Event>> {
        self.events.clone().split_off(self.index(self.oldest))
    }

    /// Adds the next revision's event; `tree` is the store after it.
    pub(super) fn push(&mut self, event: Arc<Event>, tree: &Tree) {
        debug_assert_eq!(event.rev, self.newest.next());
        let rev = event.rev;
        self.newest = rev;
        self.events_bytes += event_bytes(&event);
        let levels = event.path.names().count() as u64;
        self.copied_bytes += levels * COPIED_LEVEL_BYTES;
        self.events.push_back(event);
        if rev.0 % self.every == 0 {
            // However much was written, no more than the whole tree was copied.
            let whole = tree.files() * PER_FILE_BYTES + levels * COPIED_LEVEL_BYTES;
            let bytes = std::mem::take(&mut self.copied_bytes).min(whole);
            self.roots_bytes += bytes;
            self.roots.push_back(Root {
                rev,
                tree: tree.clone(),
                bytes,
            });
            self.thin_out();
        }
    }

    /// Lets go of the oldest revisions until both limits hold. Costs nothing when they do.
    pub(super) fn trim(&mut self, limits: &HistoryLimits) {
        while self.kept() > 1 && (self.kept() > limits.revisions || self.bytes() > limits.bytes) {
            let index = self.index(self.oldest);
            self.events_bytes -= event_bytes(&self.events[index]);
            self.oldest = self.oldest.next();
            self.drop_unneeded();
        }
        // Fewer revisions need fewer roots to be left out.
        let roots_max = self.roots_max as u64;
        while self.every > 1 && self.kept() * 2 / self.every.unsigned_abs() <= roots_max {
            self.every /= 2;
        }
    }

    /// For tests: with another limit for `ROOTS_MAX`.
    #[cfg(test)]
    pub(super) fn set_roots_max(&mut self, roots_max: usize) {
        self.roots_max = roots_max;
    }

    /// The tree as of a revision that is kept, or that history starts after.
    fn tree_at(&self, rev: Revision) -> Tree {
        let after = self.roots.partition_point(|root| root.rev <= rev);
        let root = &self.roots[after - 1];
        let mut tree = root.tree.clone();
        for event in self.events_from(root.rev.next()) {
            if event.rev > rev {
                break;
            }
            tree.apply(event);
        }
        tree
    }

    fn kept(&self) -> u64 {
        (self.newest.next().0 - self.oldest.0).unsigned_abs()
    }

    /// Where the event of `rev` stands, or one past the last.
    fn index(&self, rev: Revision) -> usize {
        let back = usize::try_from(self.newest.next().0 - rev.0).unwrap_or(0);
        self.events.len() - back.min(self.events.len())
    }

    fn events_from(&self, rev: Revision) -> impl Iterator<Item = &Arc<Event>> {
        let start = self.index(rev);
        (start..self.events.len()).filter_map(|index| self.events.get(index))
    }

    /// Drops roots that no kept revision is made from, and events that nobody asks for.
    fn drop_unneeded(&mut self) {
        while self
            .roots
            .get(1)
            .is_some_and(|second| second.rev <= self.oldest)
        {
            if let Some(root) = self.roots.pop_front() {
                self.roots_bytes -= root.bytes;
            }
        }
        let needed = self.oldest.min(self.roots[0].rev.next());
        while self.events.front().is_some_and(|event| event.rev < needed) {
            self.events.pop_front();
        }
    }

    /// Drops each second root when there are too many.
    fn thin_out(&mut self) {
        if self.roots.len() <= self.roots_max {
            return;
        }
        self.every *= 2;
        let (first, every) = (self.roots[0].rev, self.every);
        let mut left_over = 0;
        self.roots.retain_mut(|root| {
            let stays = root.rev == first || root.rev.0 % every == 0;
            if stays {
                root.bytes += std::mem::take(&mut left_over);
            } else {
                // About half of what it did not share with the one before it, the next one shares.
                left_over += root.bytes / 2;
            }
            stays
        });
        self.copied_bytes += left_over;
        self.roots_bytes = self.roots.iter().map(|root| root.bytes).sum();
    }
}

fn event_bytes(event: &Event) -> u64 {
    event.path.as_bytes().len() as u64 + event.value.len() as u64 + EVENT_BYTES
}
