//! One run: a cluster, its clients and what goes wrong, all of it as one seed says.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use compat_tests::history::check::{self, Violation};
use compat_tests::history::recorder::Tally;
use compat_tests::history::tale::Tale;
use compat_tests::random::Random;
use doozerd::random;
use futures_util::future::{LocalBoxFuture, join_all};
use tokio::time::sleep;
use turmoil::Sim;

use crate::client::{Book, Client};
use crate::faults::Faults;
use crate::load::Worker;
use crate::machines::Machine;
use crate::observer::Observer;
use crate::operator::{Operator, Watch};

/// Machines that clients run on; each is cut off from nodes by itself.
const CLIENT_MACHINES: usize = 2;
const OBSERVER: &str = "observer";
/// What a run takes at the most: with all that is waited for at its end.
const RUN_MAX: Duration = Duration::from_secs(300);
/// How often the observer looks whether the clients have ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Segments on their way over one connection.
const SEGMENTS_MAX: usize = 1024;
/// Violations that are shown.
const SHOWN_MAX: usize = 20;

/// How a run went.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the clients did.
    pub(crate) tally: Tally,
    /// Revisions that were made.
    pub(crate) revisions: usize,
    /// How long it took, simulated.
    pub(crate) took: Duration,
    /// Of all that clients and nodes told, and when: equal for equal runs.
    pub(crate) fingerprint: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally, took, .. } = self;
        write!(
            f,
            "{} writes, {} reads, {} events, {} refused, {} doubtful; {} revisions in {took:?}",
            tally.writes,
            tally.reads,
            tally.events,
            tally.read_only + tally.mismatches,
            tally.lost_connections + tally.silences + tally.errors.len(),
            self.revisions
        )
    }
}

/// What all hosts of a run share.
struct Parts {
    book: Rc<Book>,
    addrs: Rc<[String]>,
    watch: Rc<Watch>,
    /// The clients shall end.
    is_over: Rc<Cell<bool>>,
    /// Machines whose clients have not ended.
    busy: Rc<Cell<usize>>,
    tales: Rc<RefCell<Vec<Tale>>>,
}

/// Runs what `seed` says; an error says what is wrong.
pub(crate) fn run(seed: u64) -> Result<Outcome, String> {
    random::seed(seed);
    let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let latency = Duration::from_millis([2, 10, 40][random.below(3)]);
    let mut sim = turmoil::Builder::new()
        .rng_seed(random.number())
        .tick_duration(Duration::from_millis([1, 2, 4][random.below(3)]))
        .simulation_duration(RUN_MAX)
        .max_message_latency(latency)
        .tcp_capacity(SEGMENTS_MAX)
        .build();
    let (machines, addrs) = Machine::all(3 + random.below(3));
    let parts = Parts {
        book: Rc::default(),
        addrs,
        watch: Rc::default(),
        is_over: Rc::default(),
        busy: Rc::new(Cell::new(CLIENT_MACHINES)),
        tales: Rc::default(),
    };
    for machine in &machines {
        machine.join(&mut sim);
    }
    let clients = parts.start_clients(&mut sim, &mut random);
    parts.start_observer(&mut sim);
    let until = Duration::from_millis(6_000 + random.below(14_000) as u64);
    let mut faults = Faults::new(random, &machines, &clients, &parts.watch, latency);
    let stepped = |error: Box<dyn std::error::Error>| error.to_string();
    while sim.elapsed() < until {
        faults.carry_out(&mut sim);
        sim.step().map_err(stepped)?;
    }
    faults.end(&mut sim);
    parts.is_over.set(true);
    while !sim.step().map_err(stepped)? {}
    parts.judge(sim.elapsed())
}

impl Parts {
    /// Starts the clients; the names of their machines.
    fn start_clients(&self, sim: &mut Sim<'_>, random: &mut Random) -> Vec<String> {
        let patience = Duration::from_millis(500 + random.below(5000) as u64);
        let pace = Duration::from_millis([5, 20, 60][random.below(3)]);
        let client = |first| Client::new(&self.book, &self.addrs, first, patience);
        let mut names = Vec::new();
        for machine in 0..CLIENT_MACHINES {
            let mut tasks: Vec<LocalBoxFuture<'static, ()>> = Vec::new();
            for first in 0..=random.below(3) {
                let worker = Worker::new(client(first), random.number(), pace, &self.is_over);
                tasks.push(Box::pin(worker.work()));
            }
            let watcher = Worker::new(client(machine), random.number(), pace, &self.is_over);
            tasks.push(Box::pin(watcher.watch()));
            if machine == 0 {
                let draws = Random::new(random.number());
                // What it does to slots is no part of the clients' history.
                let own = Client::new(&Rc::default(), &self.addrs, 0, patience);
                let operator = Operator::new(own, draws, &self.addrs, &self.watch, &self.is_over);
                tasks.push(Box::pin(operator.run()));
            }
            let name = format!("c{machine}");
            let busy = Rc::clone(&self.busy);
            sim.client(name.clone(), async move {
                join_all(tasks).await;
                busy.set(busy.get() - 1);
                Ok(())
            });
            names.push(name);
        }
        names
    }

    fn start_observer(&self, sim: &mut Sim<'_>) {
        let observer = Observer {
            client: Client::new(&self.book, &self.addrs, 0, Duration::from_secs(5)),
            nodes: Rc::clone(&self.addrs),
            tales: Rc::clone(&self.tales),
        };
        let busy = Rc::clone(&self.busy);
        sim.client(OBSERVER, async move {
            while busy.get() > 0 {
                sleep(LOOK_EVERY).await;
            }
            observer.run().await
        });
    }

    fn judge(&self, took: Duration) -> Result<Outcome, String> {
        let (operations, tales) = (self.book.operations(), self.tales.borrow());
        let violations = check::check(&operations, &tales);
        if !violations.is_empty() {
            let lines = violations.iter().map(Violation::to_string);
            let lines: Vec<String> = lines.take(SHOWN_MAX).collect();
            let (found, asked) = (violations.len(), operations.len());
            return Err(format!(
                "{found} violations in {asked} operations:\n{}",
                lines.join("\n")
            ));
        }
        let mut hasher = DefaultHasher::new();
        format!("{operations:?} {tales:?} {took:?}").hash(&mut hasher);
        Ok(Outcome {
            tally: Tally::of(&operations),
            revisions: tales.first().map_or(0, |tale| tale.events.len()),
            took,
            fingerprint: hasher.finish(),
        })
    }
}
