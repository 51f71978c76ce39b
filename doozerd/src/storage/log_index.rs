//! Which entries of the log stand, and where in its files.

use std::collections::VecDeque;
use std::sync::Arc;

use super::vfs::VfsFile;

/// Where an entry's bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) file: u64,
    pub(super) at: u64,
    pub(super) len: u32,
}

/// Which entries stand, and where.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The index of the first place.
    pub(super) first: u64,
    pub(super) places: VecDeque<Place>,
    /// The files from the first that is needed to the last.
    pub(super) files: VecDeque<(u64, Arc<dyn VfsFile>)>,
}

impl Index {
    pub(super) fn next(&self) -> u64 {
        self.first + self.places.len() as u64
    }

    pub(super) fn last_file(&self) -> Option<(u64, Arc<dyn VfsFile>)> {
        let (number, file) = self.files.back()?;
        Some((*number, Arc::clone(file)))
    }

    pub(super) fn append(&mut self, index: u64, place: Place) -> bool {
        if self.places.is_empty() {
            self.first = index;
        }
        let follows = index == self.next();
        self.places.push_back(place);
        follows
    }

    pub(super) fn truncate_from(&mut self, index: u64) {
        let kept = usize::try_from(index.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.places.truncate(kept);
    }

    pub(super) fn purge_to(&mut self, index: u64) {
        while !self.places.is_empty() && self.first <= index {
            self.places.pop_front();
            self.first += 1;
        }
    }

    pub(super) fn place(&self, index: u64) -> Option<Place> {
        let slot = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.places.get(slot).copied()
    }

    pub(super) fn file(&self, number: u64) -> Option<Arc<dyn VfsFile>> {
        let (first, _) = self.files.front()?;
        let slot = usize::try_from(number.checked_sub(*first)?).ok()?;
        self.files.get(slot).map(|(_, file)| Arc::clone(file))
    }
}
