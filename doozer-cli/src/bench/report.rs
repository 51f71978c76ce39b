//! What a benchmark found, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::load::Load;
use super::tally::Tally;
use crate::output::{Cell, Record};

/// What a benchmark found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    workload: &'static str,
    address: String,
    connections: usize,
    depth: usize,
    keys: u32,
    value_bytes: usize,
    seconds: f64,
    unit: &'static str,
    count: u64,
    per_second: f64,
    latency_us: Latency,
    errors: BTreeMap<String, u64>,
    interrupted: bool,
}

/// Microseconds that so many of a hundred requests took at most.
#[derive(Debug, Serialize)]
struct Latency {
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

impl Report {
    /// What `tally` says of a run of that long.
    pub(super) fn new(load: &Load, address: String, tally: Tally, time: Duration) -> Self {
        let at = |quantile| tally.latency.value_at_quantile(quantile);
        Self {
            workload: load.workload.name(),
            address,
            connections: load.connections,
            depth: load.depth,
            keys: load.keys,
            value_bytes: load.value_bytes,
            seconds: time.as_secs_f64(),
            unit: load.workload.unit(),
            count: tally.latency.len(),
            per_second: per_second(tally.latency.len(), time),
            latency_us: Latency {
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                max: tally.latency.max(),
            },
            errors: tally.errors,
            interrupted: false,
        }
    }

    /// Its figures, for the forms that are not text.
    pub(super) fn record(&self) -> Record {
        let latency = &self.latency_us;
        let number = |number: u64| Cell::Number(i64::try_from(number).unwrap_or(i64::MAX));
        let size = |size: usize| number(size as u64);
        let errors = self
            .errors
            .iter()
            .map(|(name, count)| Cell::Text(format!("{count} {name}")));
        Record::new()
            .text("workload", self.workload)
            .text("address", &*self.address)
            .with("connections", size(self.connections))
            .with("depth", size(self.depth))
            .number("keys", self.keys)
            .with("value_bytes", size(self.value_bytes))
            .with("seconds", Cell::Real(self.seconds))
            .text("unit", self.unit)
            .with("count", number(self.count))
            .with("per_second", Cell::Real(self.per_second))
            .with("p50_us", number(latency.p50))
            .with("p90_us", number(latency.p90))
            .with("p99_us", number(latency.p99))
            .with("max_us", number(latency.max))
            .with("errors", Cell::List(errors.collect()))
            .bool("interrupted", self.interrupted)
    }

    /// Whether nothing succeeded.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Says whether the run was ended early.
    pub(super) fn interrupted(mut self, interrupted: bool) -> Self {
        self.interrupted = interrupted;
        self
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a count of 2^52 takes centuries"
)]
pub(super) fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() {
        0.0
    } else {
        count as f64 / time.as_secs_f64()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = &self.latency_us;
        writeln!(
            f,
            "{} at {}: {} connections x {} in flight, {} keys, values of {} bytes{}",
            self.workload,
            self.address,
            self.connections,
            self.depth,
            self.keys,
            self.value_bytes,
            if self.interrupted {
                ", interrupted"
            } else {
                ""
            },
        )?;
        writeln!(
            f,
            "throughput  {:.0} {}/s ({} in {:.2} s)",
            self.per_second, self.unit, self.count, self.seconds
        )?;
        writeln!(
            f,
            "latency     p50 {} us, p90 {} us, p99 {} us, max {} us",
            latency.p50, latency.p90, latency.p99, latency.max
        )?;
        write!(f, "errors      {}", Errors(&self.errors))
    }
}

struct Errors<'a>(&'a BTreeMap<String, u64>);

impl fmt::Display for Errors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (nth, (name, count)) in self.0.iter().enumerate() {
            let comma = if nth > 0 { ", " } else { "" };
            write!(f, "{comma}{count} {name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::Workload;
    use super::*;

    fn report(errors: u64) -> Report {
        let load = Load {
            workload: Workload::Get,
            connections: 2,
            depth: 3,
            keys: 4,
            value_bytes: 5,
            time: Duration::from_secs(1),
            prefix: "/p".to_owned(),
            clean: false,
            json: false,
        };
        let mut tally = Tally::new();
        for micros in [10, 20, 30, 40] {
            tally.success(Duration::from_micros(micros));
        }
        tally.error("TOO_LATE", errors);
        Report::new(&load, "h:1".to_owned(), tally, Duration::from_secs(2))
    }

    #[test]
    fn text_tells_throughput_latency_and_errors() {
        let expected = "\
get at h:1: 2 connections x 3 in flight, 4 keys, values of 5 bytes
throughput  2 ops/s (4 in 2.00 s)
latency     p50 20 us, p90 40 us, p99 40 us, max 40 us
errors      none";
        assert_eq!(report(0).to_string(), expected);
        let interrupted = report(7).interrupted(true).to_string();
        let has = |part| interrupted.contains(part);
        assert!(
            has("bytes, interrupted\n") && has("7 TOO_LATE"),
            "{interrupted}"
        );
    }

    #[test]
    fn json_has_the_same_figures() {
        let json = serde_json::to_value(report(7)).unwrap();
        assert_eq!(json["per_second"], 2.0);
        assert_eq!(json["count"], 4);
        assert_eq!(
            json["latency_us"].to_string(),
            r#"{"max":40,"p50":20,"p90":40,"p99":40}"#
        );
        assert_eq!(json["errors"].to_string(), r#"{"TOO_LATE":7}"#);
        assert_eq!(json["interrupted"], false);
    }
}
