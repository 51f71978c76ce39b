//! Keeps what all clients of a test asked and were told.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::check::{self, Violation};
use super::tale::Tale;
use super::{Doubt, Kind, Operation, Outcome, Refusal};

/// Violations that a failed test shows; more are seldom of use.
const SHOWN_MAX: usize = 20;

/// Shared by all clients of a test.
#[derive(Debug)]
pub struct Recorder {
    begin: Instant,
    clients: AtomicUsize,
    connections: AtomicU64,
    operations: Mutex<Vec<Operation>>,
}

impl Recorder {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            begin: Instant::now(),
            clients: AtomicUsize::new(0),
            connections: AtomicU64::new(0),
            operations: Mutex::new(Vec::new()),
        })
    }

    /// The time since the recorder began.
    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// A number for a new client.
    pub fn next_client(&self) -> usize {
        self.clients.fetch_add(1, Ordering::Relaxed)
    }

    /// A number for a new connection.
    pub fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    pub fn record(&self, operation: Operation) {
        self.lock().push(operation);
    }

    /// All that was recorded so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.lock().clone()
    }

    /// Panics with what is wrong between all that was recorded and `tales`.
    #[track_caller]
    pub fn check(&self, tales: &[Tale]) {
        let operations = self.operations();
        let violations = check::check(&operations, tales);
        let lines: Vec<_> = violations.iter().map(Violation::to_string).collect();
        assert!(
            violations.is_empty(),
            "{} violations in {} operations:\n{}",
            violations.len(),
            operations.len(),
            lines[..lines.len().min(SHOWN_MAX)].join("\n")
        );
        show(&Tally::of(&operations));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.operations.lock().expect("no client panics in here")
    }
}

/// How many operations of each outcome there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub writes: usize,
    pub reads: usize,
    pub events: usize,
    pub read_only: usize,
    pub mismatches: usize,
    pub lost_connections: usize,
    /// Not those of WAITs, which end so when a load does.
    pub silences: usize,
    /// Errors that are none of these, with the verbs that met them.
    pub errors: Vec<String>,
}

impl Tally {
    pub fn of(operations: &[Operation]) -> Self {
        let mut tally = Self::default();
        for operation in operations {
            tally.count(operation);
        }
        tally
    }

    fn count(&mut self, operation: &Operation) {
        let counted = match (&operation.outcome, &operation.kind) {
            (Outcome::Answered(_), Kind::Wait { .. }) => &mut self.events,
            (Outcome::Answered(_), Kind::Get { .. } | Kind::Rev) => &mut self.reads,
            (Outcome::Answered(_), _) => &mut self.writes,
            (Outcome::Refused(Refusal::ReadOnly), _) => &mut self.read_only,
            (Outcome::Refused(Refusal::Mismatch), _) => &mut self.mismatches,
            (Outcome::Unknown(Doubt::ConnectionLost), _) => &mut self.lost_connections,
            (Outcome::Unknown(Doubt::Silence), Kind::Wait { .. }) => return,
            (Outcome::Unknown(Doubt::Silence), _) => &mut self.silences,
            (outcome, kind) => {
                let error = format!("{outcome:?} to {kind:?} at {:?}", operation.invoked);
                self.errors.push(error);
                return;
            }
        };
        *counted += 1;
    }
}

#[expect(clippy::print_stdout, reason = "a test shows what it checked")]
fn show(tally: &Tally) {
    println!("checked: {tally:?}");
}
