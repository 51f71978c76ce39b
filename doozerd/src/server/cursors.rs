//! Walks and listings under way: clients ask for offset 0, 1, 2, …, and n requests cost n steps.
//!
//! A cursor holds the tree it walks. With a revision in the request it is good for as long as the
//! connection goes on with it, also when history has been trimmed past that revision since.
//! Without one it is good while no event since concerns it, which is looked up event by event,
//! each once. Cursors that nobody goes on with are dropped after [`IDLE_MAX`], so that no client
//! keeps old trees in memory by leaving them.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::dispatch::Conversation;
use super::refused::Refused;
use super::trail::{self, Trail};
use crate::store::{DirCursor, DirError, Glob, Name, Revision, View, WalkCursor, WalkStep};

/// Walks, and listings, that one connection may have under way.
const CURSORS_MAX: usize = 4;
/// A cursor that is not used for so long is dropped.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Sought {
    pub(super) path: Bytes,
    pub(super) rev: Option<i64>,
}

/// A step of a listing.
pub(super) enum Listed {
    Name(Name),
    End,
    More,
}

/// A walk under way.
#[derive(Debug)]
pub(super) struct Walk {
    path: Bytes,
    rev: Option<i64>,
    /// The newest revision known to concern it not.
    checked: Revision,
    used: Instant,
    trail: Trail<WalkCursor>,
}

/// A listing under way.
#[derive(Debug)]
pub(super) struct Listing {
    path: Bytes,
    rev: Option<i64>,
    /// The revision it lists.
    at: Revision,
    used: Instant,
    trail: Trail<DirCursor>,
}

/// The cursors of one connection.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    walks: Vec<Walk>,
    listings: Vec<Listing>,
}

impl Walk {
    pub(super) fn new(sought: &Sought, glob: Glob, view: &View) -> Self {
        Self {
            path: sought.path.clone(),
            rev: sought.rev,
            checked: view.rev,
            used: Instant::now(),
            trail: Trail::new(WalkCursor::new(glob, &view.tree)),
        }
    }

    /// Goes on towards the file at `offset`.
    pub(super) fn seek(&mut self, offset: u64, steps_max: u64) -> WalkStep {
        match self.trail.seek(offset, steps_max) {
            trail::Sought::There => {}
            trail::Sought::More => return WalkStep::More,
            trail::Sought::End => return WalkStep::End,
        }
        let step = self.trail.cursor().next_within(steps_max);
        if step == WalkStep::End {
            self.trail.ends_here();
        }
        step
    }
}

impl Listing {
    pub(super) fn open(sought: &Sought, view: &View) -> Result<Self, Refused> {
        let cursor = DirCursor::open(&view.tree, &sought.path).map_err(|e| match e {
            DirError::NoEnt => Refused::NoEnt,
            DirError::NotDir => Refused::NotDir,
        })?;
        Ok(Self {
            path: sought.path.clone(),
            rev: sought.rev,
            at: view.rev,
            used: Instant::now(),
            trail: Trail::new(cursor),
        })
    }

    /// Goes on towards the name at `offset`.
    pub(super) fn seek(&mut self, offset: u64, steps_max: u64) -> Listed {
        match self.trail.seek(offset, steps_max) {
            trail::Sought::There => {}
            trail::Sought::More => return Listed::More,
            trail::Sought::End => return Listed::End,
        }
        if let Some(name) = self.trail.cursor().next() {
            return Listed::Name(name);
        }
        self.trail.ends_here();
        Listed::End
    }
}

impl Cursors {
    pub(super) fn keep_walk(&mut self, walk: Walk) {
        keep(&mut self.walks, walk);
    }

    pub(super) fn keep_listing(&mut self, listing: Listing) {
        keep(&mut self.listings, listing);
    }

    fn take_walk(&mut self, sought: &Sought) -> Option<Walk> {
        let at = self
            .walks
            .iter()
            .position(|walk| walk.path == sought.path && walk.rev == sought.rev)?;
        Some(self.walks.remove(at))
    }

    fn take_listing(&mut self, sought: &Sought) -> Option<Listing> {
        let at = self
            .listings
            .iter()
            .position(|listing| listing.path == sought.path && listing.rev == sought.rev)?;
        Some(self.listings.remove(at))
    }

    fn drop_idle(&mut self, now: Instant) {
        let is_used = |used: Instant| now.saturating_duration_since(used) < IDLE_MAX;
        self.walks.retain(|walk| is_used(walk.used));
        self.listings.retain(|listing| is_used(listing.used));
    }
}

/// Puts the newest last; the one longest unused makes room.
fn keep<T>(cursors: &mut Vec<T>, cursor: T) {
    if cursors.len() >= CURSORS_MAX {
        cursors.remove(0);
    }
    cursors.push(cursor);
}

impl Conversation {
    /// A walk that `sought` goes on with, still true to the store.
    pub(super) fn walk_under_way(&self, sought: &Sought, glob: &Glob) -> Option<Walk> {
        let mut walk = self.with_cursors(|cursors| cursors.take_walk(sought))??;
        walk.used = Instant::now();
        if walk.rev.is_some() {
            return Some(walk);
        }
        let newest = self.server.consensus.published().view.rev;
        if newest != walk.checked {
            if self.server.consensus.any_match(glob, walk.checked) != Some(false) {
                return None;
            }
            walk.checked = newest;
        }
        Some(walk)
    }

    /// A listing that `sought` goes on with, still true to the store.
    pub(super) fn listing_under_way(&self, sought: &Sought) -> Option<Listing> {
        let mut listing = self.with_cursors(|cursors| cursors.take_listing(sought))??;
        listing.used = Instant::now();
        if listing.rev.is_some() {
            return Some(listing);
        }
        let published = self.server.consensus.published();
        if published.view.rev != listing.at {
            if !listing
                .trail
                .cursor()
                .is_same_in(&published.view.tree, &listing.path)
            {
                return None;
            }
            listing.at = published.view.rev;
        }
        Some(listing)
    }

    /// Lets a cursor be gone on with by the next request.
    pub(super) fn keep(&mut self, keep: impl FnOnce(&mut Cursors)) {
        if self.cursors.is_none() {
            let cursors = Arc::new(Mutex::new(Cursors::default()));
            let mut all = self
                .server
                .cursors
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            all.push(Arc::downgrade(&cursors));
            self.cursors = Some(Arc::clone(&cursors));
        }
        self.with_cursors(keep);
    }

    fn with_cursors<T>(&self, with: impl FnOnce(&mut Cursors) -> T) -> Option<T> {
        let cursors = self.cursors.as_ref()?;
        Some(with(
            &mut cursors.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

/// Drops cursors that are not used, and the places of connections that have ended.
pub(super) fn sweep(all: &Mutex<Vec<Weak<Mutex<Cursors>>>>) {
    let now = Instant::now();
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|cursors| match cursors.upgrade() {
        Some(cursors) => {
            cursors
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .drop_idle(now);
            true
        }
        None => false,
    });
}
