//! Keeps a kind of trouble to one line of the log a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a kind of trouble is silent after a line.
const SILENCE: Duration = Duration::from_secs(60);

/// Says of each trouble of one kind whether it gets a line.
#[derive(Debug, Default)]
pub struct Throttle {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    line_at: Option<Instant>,
    left_out: u64,
}

impl Throttle {
    /// A throttle that lets the first trouble through.
    pub const fn new() -> Self {
        let state = State {
            line_at: None,
            left_out: 0,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Takes note of a trouble at `now`. The answer is how many were left out since the last
    /// line if this one gets a line, and nothing if it is left out as well.
    pub fn note(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = |at: Instant| now.saturating_duration_since(at) < SILENCE;
        if state.line_at.is_some_and(silent) {
            state.left_out += 1;
            return None;
        }
        state.line_at = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_tells_how_many_were_left_out() {
        let throttle = Throttle::new();
        let start = Instant::now();
        let noted = [
            (0, Some(0)),
            (1, None),
            (59, None),
            (60, Some(2)),
            (119, None),
            (500, Some(1)),
        ];
        for (second, expected) in noted {
            let now = start + Duration::from_secs(second);
            assert_eq!(throttle.note(now), expected, "second {second}");
        }
    }

    #[test]
    fn an_instant_before_the_last_line_is_left_out() {
        let throttle = Throttle::new();
        let now = Instant::now();
        assert_eq!(throttle.note(now + Duration::from_secs(5)), Some(0));
        assert_eq!(throttle.note(now), None);
    }
}
