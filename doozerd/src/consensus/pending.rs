//! Proposals on their way: which counter belongs to whom. Decides only; reads no clock.
//!
//! Counters of a session are given out in order, so that the open ones stand in a queue whose
//! first element is the lowest unanswered: the floor that each batch carries.

use std::collections::VecDeque;
use std::ops::Range;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::answer::Waiter;
use crate::store::{Mutation, Proposal};

/// A mutation that has a counter and no answer.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) proposal: Proposal,
    pub(super) waiter: Waiter,
    pub(super) deadline: Instant,
    /// It was handed to a leader, and it is not known that it was not taken.
    pub(super) sent: bool,
    /// It is being handed to one now.
    pub(super) in_flight: bool,
    /// Its share of the proposals' budget, given back when it is answered.
    #[expect(dead_code, reason = "held for what its drop gives back")]
    pub(super) room: OwnedSemaphorePermit,
}

/// A mutation as it was submitted.
#[derive(Debug)]
pub(super) struct Submitted {
    pub(super) mutation: Mutation,
    pub(super) waiter: Waiter,
    pub(super) deadline: Instant,
    pub(super) room: OwnedSemaphorePermit,
}

/// The open proposals of this node's session.
#[derive(Debug, Default)]
pub(super) struct Pending {
    session: Option<u64>,
    /// The counter of the first slot.
    floor: u64,
    slots: VecDeque<Option<Open>>,
    /// How many slots hold one.
    open: usize,
}

impl Pending {
    /// The session that this node has open.
    pub(super) fn session(&self) -> Option<u64> {
        self.session
    }

    /// A new session: counters go on, which is as good as starting anew.
    pub(super) fn opened(&mut self, session: u64) {
        self.session = Some(session);
    }

    /// The session is no more. Takes those that may have been executed in it: in another one they
    /// would be executed again.
    pub(super) fn lost(&mut self) -> Vec<Open> {
        self.session = None;
        self.take_if(Self::may_be_executed)
    }

    /// Gives a submitted mutation its counter.
    pub(super) fn open(&mut self, submitted: Submitted) -> u64 {
        let counter = self.next_counter();
        self.open += 1;
        self.slots.push_back(Some(Open {
            proposal: Proposal {
                counter,
                mutation: submitted.mutation,
            },
            waiter: submitted.waiter,
            deadline: submitted.deadline,
            sent: false,
            in_flight: false,
            room: submitted.room,
        }));
        counter
    }

    /// Every counter below it is answered.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// How many have no answer.
    pub(super) fn len(&self) -> usize {
        self.open
    }

    /// The next counter to be given out.
    pub(super) fn next_counter(&self) -> u64 {
        self.floor + self.slots.len() as u64
    }

    /// Takes the proposal of `counter`, if it is open.
    pub(super) fn take(&mut self, counter: u64) -> Option<Open> {
        let slot = usize::try_from(counter.checked_sub(self.floor)?).ok()?;
        let open = self.slots.get_mut(slot)?.take();
        self.open -= usize::from(open.is_some());
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.floor += 1;
        }
        open
    }

    /// The open ones among `counters`, which are handed to a leader now.
    pub(super) fn send(&mut self, counters: Range<u64>) -> impl Iterator<Item = &Proposal> {
        self.range(counters).map(|open| {
            open.in_flight = true;
            &open.proposal
        })
    }

    /// They are handed over no more. `surely_not_taken`: whoever was to take them has not.
    pub(super) fn landed(&mut self, counters: Range<u64>, surely_not_taken: bool) {
        for open in self.range(counters) {
            open.in_flight = false;
            open.sent |= !surely_not_taken;
        }
    }

    /// Whether one of them has no answer.
    pub(super) fn has_open(&mut self, counters: Range<u64>) -> bool {
        self.range(counters).next().is_some()
    }

    fn range(&mut self, counters: Range<u64>) -> impl Iterator<Item = &mut Open> {
        let slot = |counter: u64| usize::try_from(counter.saturating_sub(self.floor));
        let end = slot(counters.end)
            .unwrap_or(usize::MAX)
            .min(self.slots.len());
        let first = slot(counters.start).unwrap_or(usize::MAX).min(end);
        self.slots.range_mut(first..end).flatten()
    }

    /// Takes those whose time is over.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Open> {
        self.take_if(|open| open.deadline <= now)
    }

    /// Whether it may have been executed.
    pub(super) fn may_be_executed(open: &Open) -> bool {
        open.sent || open.in_flight
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> Vec<Open> {
        self.take_if(|_open| true)
    }

    fn take_if(&mut self, wanted: impl Fn(&Open) -> bool) -> Vec<Open> {
        let (floor, next) = (self.floor, self.next_counter());
        let hits: Vec<u64> = (floor..next)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.as_ref().is_some_and(&wanted))
            .map(|(counter, _)| counter)
            .collect();
        hits.into_iter()
            .filter_map(|counter| self.take(counter))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::super::answer::{Outcome, Sink, Ticket};
    use super::*;

    #[derive(Debug)]
    struct Nobody;

    impl Sink for Nobody {
        fn answer(&self, _ticket: Ticket, _outcome: Outcome) {}
    }

    fn submitted(deadline: Instant) -> Submitted {
        Submitted {
            mutation: Mutation::Nop,
            waiter: Waiter {
                sink: Arc::new(Nobody),
                ticket: Ticket(0),
            },
            deadline,
            room: Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap(),
        }
    }

    fn counters<'a>(proposals: impl Iterator<Item = &'a Proposal>) -> Vec<u64> {
        proposals.map(|proposal| proposal.counter).collect()
    }

    #[test]
    fn the_floor_is_the_lowest_unanswered_counter() {
        let now = Instant::now();
        let mut pending = Pending::default();
        let given: Vec<u64> = (0..4).map(|_| pending.open(submitted(now))).collect();
        assert_eq!(given, [0, 1, 2, 3]);
        assert!(pending.take(1).is_some());
        assert_eq!((pending.floor(), pending.len()), (0, 3));
        assert!(pending.take(0).is_some());
        assert_eq!((pending.floor(), pending.len()), (2, 2));
        assert!(pending.take(1).is_none(), "answered once");
        assert!(pending.take(9).is_none(), "never given");
        assert_eq!(pending.open(submitted(now)), 4);
    }

    #[test]
    fn sending_again_leaves_out_what_is_answered() {
        let now = Instant::now();
        let mut pending = Pending::default();
        for _ in 0..5 {
            pending.open(submitted(now));
        }
        assert_eq!(counters(pending.send(0..3)), [0, 1, 2]);
        pending.take(0);
        pending.take(2);
        assert_eq!(counters(pending.send(0..3)), [1]);
        assert_eq!(counters(pending.send(3..9)), [3, 4]);
        assert_eq!(counters(pending.send(20..30)), [0; 0]);
    }

    #[test]
    fn those_whose_time_is_over_are_taken_and_say_if_they_were_sent() {
        let now = Instant::now();
        let later = now + std::time::Duration::from_secs(1);
        let mut pending = Pending::default();
        pending.open(submitted(now));
        pending.open(submitted(later));
        pending.open(submitted(now));
        assert_eq!(counters(pending.send(0..1)), [0]);
        let expired = pending.expire(now);
        let sent: Vec<bool> = expired.iter().map(Pending::may_be_executed).collect();
        assert_eq!(sent, [true, false]);
        assert_eq!((pending.floor(), pending.len()), (1, 1));
        assert_eq!(pending.take_all().len(), 1);
        assert_eq!((pending.floor(), pending.len()), (3, 0));
    }

    #[test]
    fn what_may_have_been_executed_goes_with_the_session() {
        let mut pending = Pending::default();
        pending.opened(7);
        for _ in 0..4 {
            pending.open(submitted(Instant::now()));
        }
        assert_eq!(counters(pending.send(0..3)), [0, 1, 2]);
        pending.landed(0..1, true);
        pending.landed(1..2, false);
        let lost = pending.lost();
        let lost: Vec<u64> = lost.iter().map(|open| open.proposal.counter).collect();
        assert_eq!((lost, pending.session()), (vec![1, 2], None));
        assert_eq!(counters(pending.send(0..9)), [0, 3]);
    }

    #[test]
    fn what_was_surely_not_taken_was_not_sent() {
        let now = Instant::now();
        let sent = |pending: &mut Pending| {
            let expired = pending.expire(now);
            expired
                .iter()
                .map(Pending::may_be_executed)
                .collect::<Vec<_>>()
        };
        let mut pending = Pending::default();
        for _ in 0..3 {
            pending.open(submitted(now));
        }
        assert_eq!(counters(pending.send(0..3)), [0, 1, 2]);
        pending.landed(0..1, true);
        pending.landed(1..2, false);
        assert_eq!(counters(pending.send(1..2)), [1]);
        pending.landed(1..2, true);
        assert_eq!(sent(&mut pending), [false, true, true]);
    }
}
