//! What all nodes together tell, by revision and by path.

use std::collections::{BTreeMap, HashMap};

use crate::history::tale::Tale;
use crate::history::{Change, Event};

/// The events that any node tells of.
#[derive(Debug)]
pub(super) struct Story {
    first: i64,
    events: BTreeMap<i64, Event>,
    by_path: HashMap<String, Vec<i64>>,
}

impl Story {
    pub(super) fn of(tales: &[Tale]) -> Self {
        let mut events = BTreeMap::new();
        for (rev, event) in tales.iter().flat_map(|tale| &tale.events) {
            events.entry(*rev).or_insert_with(|| event.clone());
        }
        let mut by_path: HashMap<String, Vec<i64>> = HashMap::new();
        for (rev, event) in &events {
            by_path.entry(event.path.clone()).or_default().push(*rev);
        }
        Self {
            first: tales.iter().map(|tale| tale.first).min().unwrap_or(1),
            events,
            by_path,
        }
    }

    /// The first revision that it knows of.
    pub(super) fn first(&self) -> i64 {
        self.first
    }

    pub(super) fn newest(&self) -> i64 {
        let newest = self.events.last_key_value();
        newest.map_or(self.first - 1, |(rev, _)| *rev)
    }

    pub(super) fn at(&self, rev: i64) -> Option<&Event> {
        self.events.get(&rev)
    }

    pub(super) fn events(&self) -> impl Iterator<Item = (i64, &Event)> {
        self.events.iter().map(|(rev, event)| (*rev, event))
    }

    /// The events from `first` up to `last`.
    pub(super) fn between(&self, first: i64, last: i64) -> impl Iterator<Item = (i64, &Event)> {
        let range = self.events.range(first..=last.max(first));
        range.map(|(rev, event)| (*rev, event))
    }

    /// The revisions at which something became of `path`.
    pub(super) fn of_path(&self, path: &str) -> &[i64] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }

    /// The revision of the newest event of `path` at or before `rev`.
    pub(super) fn last_of_path(&self, path: &str, rev: i64) -> Option<i64> {
        let revs = self.of_path(path);
        let count = revs.partition_point(|&at| at <= rev);
        count.checked_sub(1).map(|index| revs[index])
    }

    /// The revision of the file `path` as it was at `rev`: 0 if it was missing.
    pub(super) fn file_rev(&self, path: &str, rev: i64) -> i64 {
        let last = self.last_of_path(path, rev);
        let is_there = |at: &i64| matches!(self.events[at].change, Change::Set(_));
        last.filter(is_there).unwrap_or(0)
    }
}
