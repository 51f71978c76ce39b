//! Counts answers, their latencies and errors.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doozer_proto::{ErrCode, Response};
use hdrhistogram::Histogram;

/// Latencies above ten minutes count as that long.
const LATENCY_MICROS_MAX: u64 = 600_000_000;
/// Latencies are kept to three digits.
const LATENCY_DIGITS: u8 = 3;
/// Different errors counted by name; what goes beyond shares one line.
const ERROR_NAMES_MAX: usize = 20;
/// A tally is some 200 KB: more connections than this share them.
const TALLIES_MAX: usize = 64;

/// What came of the requests of some connections.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Microseconds from a request to its answer.
    pub(super) latency: Histogram<u64>,
    /// How often each error came, by its name.
    pub(super) errors: BTreeMap<String, u64>,
    /// Requests sent and not yet answered.
    pub(super) in_flight: u64,
}

impl Tally {
    /// Nothing counted.
    pub(super) fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, LATENCY_DIGITS);
        Self {
            latency: latency.expect("invariant: the bounds are in order"),
            errors: BTreeMap::new(),
            in_flight: 0,
        }
    }

    /// Counts an answer that came after `latency`.
    pub(super) fn answer(&mut self, response: &Response, latency: Duration) {
        match response.err_code {
            None => self.success(latency),
            Some(code) => self.error(&error_name(code, response), 1),
        }
    }

    /// Counts a success after `latency`.
    pub(super) fn success(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LATENCY_MICROS_MAX);
        self.latency.saturating_record(micros.max(1));
    }

    /// Counts an error `times` over.
    pub(super) fn error(&mut self, name: &str, times: u64) {
        if times == 0 {
            return;
        }
        if let Some(count) = self.errors.get_mut(name) {
            *count += times;
            return;
        }
        let name = if self.errors.len() < ERROR_NAMES_MAX {
            name
        } else {
            "others"
        };
        *self.errors.entry(name.to_owned()).or_default() += times;
    }

    /// All errors, by name and count.
    pub(super) fn errors_told(&self) -> String {
        let told = self
            .errors
            .iter()
            .map(|(name, count)| format!("{count} {name}"));
        told.collect::<Vec<_>>().join(", ")
    }

    fn add(&mut self, other: &Self) {
        let added = self.latency.add(&other.latency);
        added.expect("invariant: all tallies have the same bounds");
        for (name, count) in &other.errors {
            self.error(name, *count);
        }
        self.in_flight += other.in_flight;
    }
}

fn error_name(code: i32, response: &Response) -> String {
    match (ErrCode::try_from(code), &response.err_detail) {
        (Ok(ErrCode::Other), Some(detail)) => format!("OTHER: {}", String::from_utf8_lossy(detail)),
        (Ok(known), _) => known.as_str_name().to_owned(),
        (Err(_), _) => format!("error {code}"),
    }
}

/// The tallies of all connections, to be read while they are filled.
#[derive(Debug)]
pub(super) struct Tallies {
    shared: Vec<Mutex<Tally>>,
}

impl Tallies {
    /// Tallies for that many connections.
    pub(super) fn new(connections: usize) -> Self {
        let count = connections.clamp(1, TALLIES_MAX);
        Self {
            shared: (0..count).map(|_| Mutex::new(Tally::new())).collect(),
        }
    }

    /// The one that connection number `connection` fills. Not to be held while waiting.
    pub(super) fn of(&self, connection: usize) -> MutexGuard<'_, Tally> {
        lock(&self.shared[connection % self.shared.len()])
    }

    /// How many requests were answered without an error so far.
    pub(super) fn successes(&self) -> u64 {
        self.shared
            .iter()
            .map(|tally| lock(tally).latency.len())
            .sum()
    }

    /// All of them as one.
    pub(super) fn sum(&self) -> Tally {
        let mut sum = Tally::new();
        for tally in &self.shared {
            sum.add(&lock(tally));
        }
        sum
    }
}

/// A task that panicked leaves counts that are good enough to be read.
fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn refusal(code: i32, detail: &'static str) -> Response {
        Response {
            err_code: Some(code),
            err_detail: Some(Bytes::from_static(detail.as_bytes())),
            ..Response::default()
        }
    }

    #[test]
    fn errors_are_counted_by_name() {
        let tallies = Tallies::new(3);
        tallies.of(0).answer(&refusal(4, ""), Duration::ZERO);
        tallies.of(1).answer(&refusal(4, ""), Duration::ZERO);
        tallies.of(2).answer(&refusal(127, "full"), Duration::ZERO);
        tallies.of(2).answer(&refusal(99, ""), Duration::ZERO);
        tallies
            .of(2)
            .answer(&Response::default(), Duration::from_micros(7));
        let sum = tallies.sum();
        assert_eq!(sum.errors_told(), "1 OTHER: full, 2 TOO_LATE, 1 error 99");
        assert_eq!((sum.latency.len(), sum.latency.max()), (1, 7));
        assert_eq!(tallies.successes(), 1);
    }

    #[test]
    fn the_number_of_names_is_limited() {
        let mut tally = Tally::new();
        for n in 0..100 {
            tally.error(&n.to_string(), 1);
        }
        assert_eq!(tally.errors.len(), ERROR_NAMES_MAX + 1);
        assert_eq!(tally.errors.values().sum::<u64>(), 100);
    }

    #[test]
    fn a_latency_is_never_zero_nor_too_long() {
        let mut tally = Tally::new();
        tally.success(Duration::ZERO);
        tally.success(Duration::MAX);
        assert_eq!(tally.latency.min(), 1);
        assert!(tally.latency.max() >= LATENCY_MICROS_MAX);
    }
}
