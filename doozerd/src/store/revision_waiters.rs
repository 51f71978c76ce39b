//! Who waits for a revision still to come.

use std::collections::BTreeMap;

use super::{Revision, WaitId};

/// Waiters, each for a revision.
#[derive(Debug)]
pub struct RevisionWaiters<T> {
    waiters: BTreeMap<(Revision, u64), T>,
    serial: u64,
}

impl<T> Default for RevisionWaiters<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> RevisionWaiters<T> {
    /// Nobody waits.
    pub fn new() -> Self {
        Self {
            waiters: BTreeMap::new(),
            serial: 0,
        }
    }

    /// Adds a waiter for `rev`.
    pub fn insert(&mut self, rev: Revision, waiter: T) -> WaitId {
        self.serial += 1;
        self.waiters.insert((rev, self.serial), waiter);
        WaitId::new(rev.0.cast_unsigned(), self.serial)
    }

    /// Takes a waiter out, unless it is gone already.
    pub fn remove(&mut self, id: WaitId) -> Option<T> {
        let rev = Revision(id.place().cast_signed());
        self.waiters.remove(&(rev, id.serial()))
    }

    /// Moves everybody who waits for `rev` or one before it to `out`, the lowest revision first.
    pub fn take_ready(&mut self, rev: Revision, out: &mut Vec<T>) {
        while let Some(first) = self.waiters.first_entry() {
            if first.key().0 > rev {
                return;
            }
            out.push(first.remove());
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_are_taken_when_their_revision_has_come() {
        let mut waiters = RevisionWaiters::new();
        waiters.insert(Revision(5), "b");
        waiters.insert(Revision(3), "a");
        waiters.insert(Revision(6), "d");
        waiters.insert(Revision(5), "c");
        let mut out = Vec::new();
        waiters.take_ready(Revision(2), &mut out);
        assert!(out.is_empty());
        waiters.take_ready(Revision(5), &mut out);
        assert_eq!(out, ["a", "b", "c"]);
        assert_eq!(waiters.len(), 1);
    }

    #[test]
    fn a_waiter_is_removed_once() {
        let mut waiters = RevisionWaiters::new();
        let first = waiters.insert(Revision(5), "a");
        let second = waiters.insert(Revision(5), "b");
        assert_eq!(waiters.remove(first), Some("a"));
        assert_eq!(waiters.remove(first), None);
        let mut out = Vec::new();
        waiters.take_ready(Revision(i64::MAX), &mut out);
        assert_eq!(out, ["b"]);
        assert_eq!(waiters.remove(second), None);
        assert!(waiters.is_empty());
    }
}
