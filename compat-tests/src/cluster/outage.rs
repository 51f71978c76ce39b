//! How long writes took while something was broken, and whether that is what was promised.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::history::client::Client;
use crate::history::recorder::Recorder;
use crate::history::{FOLDER, Kind, Operation, Outcome};

/// A promised time is measured on a machine that does nothing else: a test allows five times it.
const SLACK: u32 = 5;

/// How long a prober waits for one answer before it tries another node.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// Prints what was measured; panics if the median is over five times `promised`.
#[track_caller]
#[expect(clippy::print_stdout, reason = "a test shows what it measured")]
pub fn hold(what: &str, measured: &[Duration], promised: Duration) {
    let mut sorted = measured.to_vec();
    sorted.sort_unstable();
    let median = sorted[sorted.len() / 2];
    println!("{what}: median {median:?} of {sorted:?}, promised {promised:?}");
    assert!(
        median <= promised * SLACK,
        "{what}: {median:?}, promised {promised:?}"
    );
}

/// The longest that an acknowledged write took through any node but `broken`, of those that were
/// under way between `from` and `to` on the recorder's clock, counted from `from` at the earliest.
pub fn longest_write(
    recorder: &Recorder,
    broken: &[usize],
    (from, to): (Duration, Duration),
) -> Duration {
    let counts = |operation: &&Operation| {
        operation.kind.is_mutation()
            && matches!(operation.outcome, Outcome::Answered(_))
            && !broken.contains(&operation.node)
            && operation.returned >= from
            && operation.invoked <= to
    };
    let operations = recorder.operations();
    let took = |operation: &Operation| {
        let begun = operation.invoked.max(from);
        operation.returned.saturating_sub(begun)
    };
    let longest = operations.iter().filter(counts).map(took).max();
    longest.expect("a load that writes through another node meanwhile")
}

/// Writes through `nodes` until one acknowledges; returns how long that took from `begin`.
#[track_caller]
pub fn first_write(
    recorder: &Arc<Recorder>,
    nodes: &[String],
    (begin, limit): (Instant, Duration),
) -> Duration {
    let mut client = Client::new(recorder, nodes, 0).patience(PROBE_PATIENCE);
    for attempt in 0.. {
        assert!(
            begin.elapsed() < limit,
            "no write is taken within {limit:?}"
        );
        let kind = Kind::Set {
            path: format!("{FOLDER}/probe"),
            rev: -1,
            value: format!("{}-{attempt}", client.number()).into_bytes(),
        };
        if let Some(Outcome::Answered(_)) = client.ask_any(&kind, limit) {
            break;
        }
    }
    begin.elapsed()
}
