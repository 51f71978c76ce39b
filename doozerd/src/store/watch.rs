//! The watch index: who waits for an event on which paths.
//!
//! Waiters with the same glob are one *group*. A glob without wildcards is found by the event's
//! path. The others stand in order of their literal beginnings, and an event visits those that its
//! path begins with: from the greatest beginning at or before the path, each step goes on with
//! what the path and the beginning just met have in common. So an event costs at most a look-up
//! for each byte of its path, however many wait for other paths.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Event, Glob, Revision};

/// A waiter, to take it out by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WaitId {
    place: u64,
    serial: u64,
}

impl WaitId {
    pub(super) fn new(place: u64, serial: u64) -> Self {
        Self { place, serial }
    }

    pub(super) fn place(self) -> u64 {
        self.place
    }

    pub(super) fn serial(self) -> u64 {
        self.serial
    }
}

/// Stands between a glob's literal beginning and the rest of it in a key: below every character of
/// a path, so that globs with one beginning stand together, before all longer beginnings.
const BEGINNING_END: u8 = 0;
/// Above every character of a path or glob.
const KEY_AFTER: u8 = 0xff;

/// Waiters, each for the first event from a revision on that matches a glob.
#[derive(Debug)]
pub struct WatchIndex<T> {
    slots: Vec<Slot<T>>,
    free_slots: Vec<usize>,
    groups: Vec<Group>,
    free_groups: Vec<usize>,
    /// Globs without wildcards, by their text.
    literal: BTreeMap<Box<[u8]>, usize>,
    /// Globs with wildcards, by their keys.
    wild: BTreeMap<Box<[u8]>, usize>,
    serial: u64,
}

#[derive(Debug)]
struct Slot<T> {
    serial: u64,
    waiting: Option<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    group: usize,
    /// Where in the group's members.
    member: usize,
    from: Revision,
    waiter: T,
}

#[derive(Debug)]
struct Group {
    glob: Glob,
    /// Slots.
    members: Vec<usize>,
}

impl<T> Default for WatchIndex<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> WatchIndex<T> {
    /// Nobody waits.
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            free_slots: Vec::new(),
            groups: Vec::new(),
            free_groups: Vec::new(),
            literal: BTreeMap::new(),
            wild: BTreeMap::new(),
            serial: 0,
        }
    }

    /// Adds a waiter for the first event at or after `from` that matches `glob`.
    pub fn insert(&mut self, glob: Glob, from: Revision, waiter: T) -> WaitId {
        self.serial += 1;
        let group = self.group_of(glob);
        let slot = self.free_slots.pop().unwrap_or(self.slots.len());
        let members = &mut self.groups[group].members;
        let filled = Slot {
            serial: self.serial,
            waiting: Some(Waiting {
                group,
                member: members.len(),
                from,
                waiter,
            }),
        };
        members.push(slot);
        if slot == self.slots.len() {
            self.slots.push(filled);
        } else {
            self.slots[slot] = filled;
        }
        WaitId::new(slot as u64, self.serial)
    }

    /// Takes a waiter out, unless it is gone already.
    pub fn remove(&mut self, id: WaitId) -> Option<T> {
        let slot = usize::try_from(id.place()).ok()?;
        self.slots
            .get(slot)
            .filter(|slot| slot.serial == id.serial())?;
        let waiter = self.take(slot)?;
        self.shrink();
        Some(waiter)
    }

    /// Moves the waiters that `event` answers to `out`.
    pub fn take_matching(&mut self, event: &Event, out: &mut Vec<T>) {
        let path = event.path.as_str();
        if let Some(group) = self.literal.get(path.as_bytes()) {
            self.take_group(*group, event.rev, out);
        }
        for group in self.wild_groups(path) {
            self.take_group(group, event.rev, out);
        }
        self.shrink();
    }

    /// Moves every waiter for an event at or before `rev` to `out`: what it waited for may have
    /// gone by.
    pub fn take_up_to(&mut self, rev: Revision, out: &mut Vec<T>) {
        for slot in 0..self.slots.len() {
            let waiting = self.slots[slot].waiting.as_ref();
            if waiting.is_some_and(|waiting| waiting.from <= rev) {
                out.extend(self.take(slot));
            }
        }
        self.shrink();
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free_slots.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn group_of(&mut self, glob: Glob) -> usize {
        let groups = if glob.is_literal() {
            &mut self.literal
        } else {
            &mut self.wild
        };
        let key = key(&glob);
        if let Some(group) = groups.get(&key) {
            return *group;
        }
        let group = self.free_groups.pop().unwrap_or(self.groups.len());
        groups.insert(key, group);
        let filled = Group {
            glob,
            members: Vec::new(),
        };
        if group == self.groups.len() {
            self.groups.push(filled);
        } else {
            self.groups[group] = filled;
        }
        group
    }

    /// The groups with wildcards that `path` matches.
    fn wild_groups(&self, path: &str) -> Vec<usize> {
        let mut found = Vec::new();
        let mut common = path.len();
        loop {
            // Everything with a beginning up to what is left of the path, itself included.
            let mut upper = path.as_bytes()[..common].to_vec();
            upper.extend([BEGINNING_END, KEY_AFTER]);
            let bounds = (Bound::Unbounded, Bound::Excluded(&upper[..]));
            let mut before = self.wild.range::<[u8], _>(bounds).rev();
            let Some((_, group)) = before.next() else {
                return found;
            };
            let literal = self.groups[*group].glob.literal();
            if !path[..common].starts_with(literal) {
                common = common_bytes(literal, &path[..common]);
                continue;
            }
            let same = before.map(|(_, group)| group);
            let same = same.take_while(|group| self.groups[**group].glob.literal() == literal);
            let groups = std::iter::once(group).chain(same);
            found.extend(groups.filter(|group| self.groups[**group].glob.matches(path)));
            match literal.len().checked_sub(1) {
                Some(shorter) => common = shorter,
                None => return found,
            }
        }
    }

    fn take_group(&mut self, group: usize, rev: Revision, out: &mut Vec<T>) {
        // From the last on, so that what moves into a gap has been looked at.
        for member in (0..self.groups[group].members.len()).rev() {
            let slot = self.groups[group].members[member];
            let waiting = self.slots[slot].waiting.as_ref();
            if waiting.is_some_and(|waiting| waiting.from <= rev) {
                out.extend(self.take(slot));
            }
        }
    }

    fn take(&mut self, slot: usize) -> Option<T> {
        let taken = self.slots[slot].waiting.take()?;
        self.free_slots.push(slot);
        let group = &mut self.groups[taken.group];
        group.members.swap_remove(taken.member);
        if let Some(moved) = group.members.get(taken.member)
            && let Some(waiting) = &mut self.slots[*moved].waiting
        {
            waiting.member = taken.member;
        }
        if group.members.is_empty() {
            group.members = Vec::new();
            let groups = if group.glob.is_literal() {
                &mut self.literal
            } else {
                &mut self.wild
            };
            groups.remove(&key(&group.glob));
            self.free_groups.push(taken.group);
        }
        Some(taken.waiter)
    }

    /// Gives memory back when nobody waits any more.
    fn shrink(&mut self) {
        if self.is_empty() {
            self.slots = Vec::new();
            self.free_slots = Vec::new();
            self.groups = Vec::new();
            self.free_groups = Vec::new();
        }
    }
}

fn key(glob: &Glob) -> Box<[u8]> {
    let (literal, rest) = glob.as_str().split_at(glob.literal().len());
    if rest.is_empty() {
        return literal.as_bytes().into();
    }
    [literal.as_bytes(), &[BEGINNING_END], rest.as_bytes()]
        .concat()
        .into()
}

fn common_bytes(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}
