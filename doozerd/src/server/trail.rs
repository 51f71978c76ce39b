//! A cursor that can be asked for any offset, and is quick where offsets come nearly in order.
//!
//! Clients ask for 0, 1, 2, …; those that pipeline may let a few overtake each other, and some
//! start over. So places that the cursor passed are remembered: the last few closely, the whole
//! way coarsely. A step back, or far ahead, costs at most the way from the nearest of them.

use std::collections::VecDeque;

use crate::store::{DirCursor, WalkCursor};

/// Between two places remembered of the last stretch.
const RECENT_EVERY: u64 = 32;
/// How many of these: requests may overtake each other by `RECENT_EVERY` times as many.
const RECENT_MAX: usize = 16;
/// Places remembered of the whole way; when there are more, every second is forgotten.
const COARSE_MAX: usize = 256;

/// Something that goes forward, offset by offset.
pub(super) trait Steps: Clone {
    /// The offset that is next.
    fn offset(&self) -> u64;
    /// Passes `count` offsets in at most `steps_max` steps; says how many it passed.
    fn pass(&mut self, count: u64, steps_max: u64) -> u64;
    /// Whether there is nothing more to pass.
    fn is_over(&self) -> bool;
}

impl Steps for WalkCursor {
    fn offset(&self) -> u64 {
        self.next_offset()
    }

    fn pass(&mut self, count: u64, steps_max: u64) -> u64 {
        self.skip(count, steps_max)
    }

    fn is_over(&self) -> bool {
        self.is_over()
    }
}

impl Steps for DirCursor {
    fn offset(&self) -> u64 {
        self.next_offset()
    }

    fn pass(&mut self, count: u64, steps_max: u64) -> u64 {
        self.skip(count, steps_max)
    }

    fn is_over(&self) -> bool {
        self.clone().next().is_none()
    }
}

/// Where a search for an offset came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// The cursor stands before that offset.
    There,
    /// Steps ran out: ask again.
    More,
    /// There are not so many.
    End,
}

/// A cursor and the places that it passed.
#[derive(Debug)]
pub(super) struct Trail<C> {
    cursor: C,
    recent: VecDeque<C>,
    /// By rising offset; the first is the start.
    coarse: Vec<C>,
    coarse_every: u64,
    /// How many there are, once the end was met.
    end: Option<u64>,
}

impl<C: Steps> Trail<C> {
    pub(super) fn new(start: C) -> Self {
        Self {
            recent: VecDeque::new(),
            coarse: vec![start.clone()],
            coarse_every: RECENT_EVERY,
            cursor: start,
            end: None,
        }
    }

    /// The cursor, which may be taken one step further.
    pub(super) fn cursor(&mut self) -> &mut C {
        self.remember();
        &mut self.cursor
    }

    /// No offset from this one on.
    pub(super) fn ends_here(&mut self) {
        self.end = Some(self.cursor.offset());
    }

    /// Takes the cursor towards `offset`.
    pub(super) fn seek(&mut self, offset: u64, steps_max: u64) -> Sought {
        if self.end.is_some_and(|end| offset >= end) {
            return Sought::End;
        }
        let at = self.cursor.offset();
        if offset < at || offset - at > RECENT_EVERY {
            self.jump(offset);
        }
        let mut steps = steps_max;
        while self.cursor.offset() < offset {
            self.remember();
            let next = (self.cursor.offset() / RECENT_EVERY + 1) * RECENT_EVERY;
            let wanted = next.min(offset) - self.cursor.offset();
            let passed = self.cursor.pass(wanted, steps);
            steps -= passed.min(steps);
            if passed < wanted {
                return self.stopped_short();
            }
            if steps == 0 && self.cursor.offset() < offset {
                return Sought::More;
            }
        }
        Sought::There
    }

    /// It passed less than it was asked to: for want of steps, or because there is no more.
    fn stopped_short(&mut self) -> Sought {
        if !self.cursor.is_over() {
            return Sought::More;
        }
        self.ends_here();
        Sought::End
    }

    /// Goes to the place nearest before `offset`, if that is nearer than where the cursor stands.
    fn jump(&mut self, offset: u64) {
        let near = self
            .recent
            .iter()
            .rev()
            .find(|place| place.offset() <= offset);
        let far = self
            .coarse
            .partition_point(|place| place.offset() <= offset);
        let far = self.coarse.get(far.saturating_sub(1));
        let best = near
            .into_iter()
            .chain(far)
            .max_by_key(|place| place.offset());
        let at = self.cursor.offset();
        if let Some(place) = best.filter(|place| offset < at || place.offset() > at) {
            self.cursor = place.clone();
        }
    }

    fn remember(&mut self) {
        let offset = self.cursor.offset();
        if offset.is_multiple_of(RECENT_EVERY)
            && self.recent.iter().all(|place| place.offset() != offset)
        {
            if self.recent.len() == RECENT_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back(self.cursor.clone());
        }
        let last = self.coarse.last().map_or(0, Steps::offset);
        if offset >= last + self.coarse_every {
            self.coarse.push(self.cursor.clone());
        }
        if self.coarse.len() > COARSE_MAX {
            let mut keep = false;
            self.coarse.retain(|_| {
                keep = !keep;
                keep
            });
            self.coarse_every *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what it is asked to pass.
    #[derive(Debug, Clone)]
    struct Numbers {
        next: u64,
        end: u64,
        passed: std::rc::Rc<std::cell::Cell<u64>>,
    }

    impl Steps for Numbers {
        fn offset(&self) -> u64 {
            self.next
        }

        fn pass(&mut self, count: u64, steps_max: u64) -> u64 {
            let passed = count.min(steps_max).min(self.end - self.next);
            self.next += passed;
            self.passed.set(self.passed.get() + passed);
            passed
        }

        fn is_over(&self) -> bool {
            self.next == self.end
        }
    }

    /// Asks for `offsets` of a row of `end`; gives back how many steps that took.
    fn check(end: u64, offsets: impl Iterator<Item = u64>) -> u64 {
        let passed = std::rc::Rc::default();
        let start = Numbers {
            next: 0,
            end,
            passed: std::rc::Rc::clone(&passed),
        };
        let mut trail = Trail::new(start);
        for offset in offsets {
            let mut found = Sought::More;
            while found == Sought::More {
                found = trail.seek(offset, 1000);
            }
            if found == Sought::There && offset == end {
                // Whoever takes the next step finds that there is none, and says so.
                assert!(trail.cursor().is_over(), "{offset}");
                trail.ends_here();
                found = Sought::End;
            }
            if offset >= end {
                assert_eq!(found, Sought::End, "{offset}");
                continue;
            }
            assert_eq!(found, Sought::There, "{offset}");
            let cursor = trail.cursor();
            assert_eq!(cursor.offset(), offset);
            cursor.pass(1, 1);
        }
        passed.get()
    }

    #[test]
    fn in_order_each_offset_costs_one_step() {
        assert_eq!(check(100_000, 0..100_010), 100_000);
    }

    #[test]
    fn requests_that_overtake_each_other_cost_little() {
        let windows = (0..2000).flat_map(|window| (0..64).rev().map(move |n| window * 64 + n));
        let steps = check(128_000, windows);
        assert!(steps < 128_000 * 40, "{steps}");
    }

    #[test]
    fn starting_over_and_jumping_find_what_is_there() {
        let jumps = (0..4000u64).map(|n| n * 7_919 % 100_100);
        let steps = check(100_000, (0..100_000).chain(jumps));
        assert!(steps < 100_000 + 4000 * 1024, "{steps}");
        check(0, [0, 5, 0].into_iter());
        check(1, [3, 0, 1, 0].into_iter());
    }
}
