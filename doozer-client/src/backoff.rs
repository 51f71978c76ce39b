//! How long to pause before connecting again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pause after the first failure; it doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// One more failure.
    pub(crate) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// A success: the next failure is the first again.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How long to pause now; a part of it by chance, lest many clients come back at once.
    pub(crate) fn pause(&self) -> Duration {
        pause_after(self.failures, RandomState::new().hash_one(self.failures))
    }
}

/// Between a half and the whole of the pause that so many failures call for.
fn pause_after(failures: u32, random: u64) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else {
        return Duration::ZERO;
    };
    let whole = PAUSE_FIRST
        .saturating_mul(1 << doublings.min(16))
        .min(PAUSE_MAX);
    let percent = 50 + u32::try_from(random % 51).expect("invariant: at most 50");
    whole * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failures: u32, least_ms: u64, most_ms: u64) {
        for (random, want) in [(0, least_ms), (50, most_ms)] {
            assert_eq!(
                pause_after(failures, random),
                Duration::from_millis(want),
                "{failures}"
            );
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        check(0, 0, 0);
        check(1, 25, 50);
        check(2, 50, 100);
        check(6, 800, 1600);
        check(7, 1000, 2000);
        check(u32::MAX, 1000, 2000);
    }
}
