//! How many writes were answered in a while, and how long they took.

use std::fmt;
use std::time::Duration;

use crate::history::recorder::Recorder;
use crate::history::{Operation, Outcome};

/// What clients got of their writes in a while.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub writes_per_second: f64,
    /// Half of the writes took at most this.
    pub median: Duration,
    pub longest: Duration,
}

impl Pace {
    /// Of the acknowledged writes that began and ended between `from` and `to` on the recorder's
    /// clock.
    pub fn between(recorder: &Recorder, (from, to): (Duration, Duration)) -> Self {
        let counts = |operation: &&Operation| {
            operation.kind.is_mutation()
                && matches!(operation.outcome, Outcome::Answered(_))
                && operation.invoked >= from
                && operation.returned <= to
        };
        let operations = recorder.operations();
        let took = |operation: &Operation| operation.returned.saturating_sub(operation.invoked);
        let mut took: Vec<_> = operations.iter().filter(counts).map(took).collect();
        took.sort_unstable();
        assert!(!took.is_empty(), "no write from {from:?} to {to:?}");
        let writes = u32::try_from(took.len()).expect("a load of a test");
        Self {
            writes_per_second: f64::from(writes) / to.saturating_sub(from).as_secs_f64(),
            median: took[took.len() / 2],
            longest: took[took.len() - 1],
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} writes a second, median {:?}, longest {:?}",
            self.writes_per_second, self.median, self.longest
        )
    }
}
