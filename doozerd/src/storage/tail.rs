//! The newest entries, in memory: what readers get without touching the disk.

use std::collections::VecDeque;

use openraft::entry::RaftEntry;

use crate::raft_types::Entry;

/// Entries on disk that are kept in memory too. What is not on disk yet is kept whatever it takes.
const TAIL_BYTES_MAX: u64 = 16 << 20;
/// What an entry takes in memory beside its bytes on disk.
const ENTRY_BYTES: u64 = 64;

/// The newest entries, without a gap up to the last one.
#[derive(Debug, Default)]
pub(super) struct Tail {
    entries: VecDeque<(Entry, u64)>,
    bytes: u64,
}

impl Tail {
    /// The first entry's index, if there is an entry.
    pub(super) fn first(&self) -> Option<u64> {
        self.entries.front().map(|(entry, _)| entry.index())
    }

    /// Adds the next entry, of so many bytes on disk.
    pub(super) fn push(&mut self, entry: Entry, bytes: u64) {
        self.bytes += bytes + ENTRY_BYTES;
        self.entries.push_back((entry, bytes));
    }

    /// Forgets what is on disk, up to `flushed`, and too much.
    pub(super) fn trim(&mut self, flushed: u64) {
        while self.bytes > TAIL_BYTES_MAX && self.first().is_some_and(|first| first <= flushed) {
            self.pop_front();
        }
    }

    /// Forgets the entries before `index`.
    pub(super) fn forget_before(&mut self, index: u64) {
        while self.first().is_some_and(|first| first < index) {
            self.pop_front();
        }
    }

    /// Removes the entries from `index` on.
    pub(super) fn truncate_from(&mut self, index: u64) {
        let last = |tail: &Self| tail.entries.back().map(|(entry, _)| entry.index());
        while last(self).is_some_and(|last| last >= index) {
            let popped = self.entries.pop_back();
            self.bytes -= popped.map_or(0, |(_, bytes)| bytes + ENTRY_BYTES);
        }
    }

    /// The entries from `start` on and before `end`, as far as they are here, fewer when they
    /// exceed `bytes_max` but at least one.
    pub(super) fn read(&self, start: u64, end: u64, bytes_max: u64) -> Vec<Entry> {
        let Some(first) = self.first() else {
            return Vec::new();
        };
        let skipped = usize::try_from(start.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut read = Vec::new();
        let mut bytes_read = 0;
        for (entry, bytes) in self.entries.iter().skip(skipped) {
            bytes_read += bytes;
            if entry.index() >= end || (bytes_read > bytes_max && !read.is_empty()) {
                break;
            }
            read.push(entry.clone());
        }
        read
    }

    fn pop_front(&mut self) {
        let popped = self.entries.pop_front();
        self.bytes -= popped.map_or(0, |(_, bytes)| bytes + ENTRY_BYTES);
    }
}
