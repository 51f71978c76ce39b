//! How many bytes of log there are after any index, to within a mark's distance.

use std::collections::VecDeque;

/// Bytes between two marks: what an answer may be too large by.
const MARK_BYTES: u64 = 64 << 10;

/// Sums of bytes at marks along the log.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    /// An index and the sum of bytes up to and with it.
    marks: VecDeque<(u64, u64)>,
    last: (u64, u64),
}

impl Sizes {
    /// Adds the next entry.
    pub(super) fn push(&mut self, index: u64, bytes: u64) {
        self.last = (index, self.last.1 + bytes);
        let marked = self.marks.back().map_or(0, |mark| mark.1);
        if self.marks.is_empty() || self.last.1 - marked >= MARK_BYTES {
            self.marks.push_back(self.last);
        }
    }

    /// Bytes of the entries after `index`; at most the distance of two marks too many.
    pub(super) fn after(&self, index: u64) -> u64 {
        let beyond = self.marks.partition_point(|mark| mark.0 <= index);
        let before = beyond.checked_sub(1).map_or(0, |mark| self.marks[mark].1);
        if index >= self.last.0 {
            0
        } else {
            self.last.1 - before
        }
    }

    /// Removes the entries from `index` on.
    pub(super) fn truncate_from(&mut self, index: u64) {
        while self.marks.back().is_some_and(|mark| mark.0 >= index) {
            self.marks.pop_back();
        }
        if self.last.0 >= index {
            self.last = (
                index.saturating_sub(1),
                self.marks.back().map_or(0, |mark| mark.1),
            );
        }
    }

    /// Forgets what lies before the last mark at or below `index`.
    pub(super) fn forget_to(&mut self, index: u64) {
        while self.marks.get(1).is_some_and(|mark| mark.0 <= index) {
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_after_an_index_are_right_to_within_a_mark() {
        let mut sizes = Sizes::default();
        for index in 1..=10_000 {
            sizes.push(index, 100);
        }
        sizes.forget_to(2_000);
        for index in [2_000, 5_000, 9_999] {
            let exact = (10_000 - index) * 100;
            let told = sizes.after(index);
            assert!(
                (exact..=exact + MARK_BYTES).contains(&told),
                "{index}: {told}"
            );
        }
        assert_eq!(sizes.after(10_000), 0);
        sizes.truncate_from(9_001);
        assert!(sizes.after(5_000) <= 400_000 + MARK_BYTES);
    }
}
