//! What goes wrong, and when: drawn from the seed, carried out between two steps of the simulator.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use compat_tests::random::Random;
use doozerd::net;
use doozerd::storage::Unsynced;
use turmoil::Sim;

use crate::machines::Machine;
use crate::operator::Watch;

/// After this long without an acknowledgement a system gives a connection up.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(2);
/// Changes of a disk after which the power may go.
const STEPS_TO_POWER_LOSS_MAX: usize = 60;

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Kill,
    PowerLoss,
    PowerLossAtStep,
    PowerLossOfAll,
    Stop,
    Isolation,
    Halving,
    OneWay,
    Hold,
    Delay,
    Jump,
    SlowDisk,
    FullDisk,
    Wipe,
}

const KINDS: [Kind; 14] = [
    Kind::Kill,
    Kind::PowerLoss,
    Kind::PowerLossAtStep,
    Kind::PowerLossOfAll,
    Kind::Stop,
    Kind::Isolation,
    Kind::Halving,
    Kind::OneWay,
    Kind::Hold,
    Kind::Delay,
    Kind::Jump,
    Kind::SlowDisk,
    Kind::FullDisk,
    Kind::Wipe,
];

impl Kind {
    /// Whether it also happens to a machine that is off.
    fn is_of_network(self) -> bool {
        use Kind::{Delay, Halving, Hold, Isolation, OneWay};
        matches!(self, Isolation | Halving | OneWay | Hold | Delay)
    }
}

/// Two machines, by their places among all, the smaller one first.
type Pair = (usize, usize);

/// What is to be done at a time.
#[derive(Debug)]
enum Deed {
    /// Something goes wrong.
    Fail,
    /// The node starts again.
    Start(usize),
    /// Connections are given up.
    Cut(Vec<Pair>),
    /// Messages get through again; what was sent meanwhile is lost.
    Repair(Vec<Pair>),
    /// Messages that were held go on.
    Release(Vec<Pair>),
    /// Messages are as quick as before.
    Hasten(Vec<Pair>),
    /// The disk is as quick as before.
    Mend(usize),
}

/// The faults of one run.
#[derive(Debug)]
pub(crate) struct Faults {
    random: Random,
    machines: Vec<Rc<Machine>>,
    /// Every machine that messages go between: the nodes' first, then the clients'.
    names: Vec<String>,
    watch: Rc<Watch>,
    kinds: Vec<Kind>,
    /// Between two faults, on average.
    pace: Duration,
    latency: Duration,
    due: Vec<(Duration, Deed)>,
    /// Links on which something is wrong already.
    taken: BTreeSet<Pair>,
}

impl Faults {
    /// What this seed says. Messages take up to `latency` where nothing is wrong.
    pub(crate) fn new(
        random: Random,
        machines: &[Rc<Machine>],
        clients: &[String],
        watch: &Rc<Watch>,
        latency: Duration,
    ) -> Self {
        let names = machines.iter().map(|machine| machine.name.clone());
        let mut faults = Self {
            random,
            machines: machines.to_vec(),
            names: names.chain(clients.iter().cloned()).collect(),
            watch: Rc::clone(watch),
            kinds: Vec::new(),
            pace: Duration::ZERO,
            latency,
            due: Vec::new(),
            taken: BTreeSet::new(),
        };
        let random = &mut faults.random;
        faults.kinds = KINDS.into_iter().filter(|_| random.below(2) == 0).collect();
        faults.pace = faults.millis(200, 2500);
        let first = faults.millis(0, 4000);
        faults.plan(first, Deed::Fail);
        faults
    }

    /// Does what is due.
    pub(crate) fn carry_out(&mut self, sim: &mut Sim<'_>) {
        self.notice_power_losses(sim);
        let now = sim.elapsed();
        while let Some(next) = self.due.iter().position(|(at, _)| *at <= now) {
            let (_, deed) = self.due.remove(next);
            self.perform(deed, sim);
        }
    }

    /// Nothing goes wrong any more, and what is wrong is put right.
    pub(crate) fn end(&mut self, sim: &mut Sim<'_>) {
        for (_, deed) in std::mem::take(&mut self.due) {
            match deed {
                Deed::Fail | Deed::Start(_) => {}
                deed => self.perform(deed, sim),
            }
        }
        for number in 0..self.machines.len() {
            let machine = Rc::clone(&self.machines[number]);
            let is_well = machine.is_on.get() && sim.is_host_running(machine.name.clone());
            let is_well = is_well && !machine.is_stopping() && !machine.disk().fails();
            if !is_well {
                self.start(number, sim);
            }
        }
    }

    fn perform(&mut self, deed: Deed, sim: &mut Sim<'_>) {
        match deed {
            Deed::Fail => {
                self.fail(sim);
                let pace = usize::try_from(self.pace.as_millis()).unwrap_or(usize::MAX);
                let next = sim.elapsed() + self.millis(pace / 4, pace * 2);
                self.plan(next, Deed::Fail);
            }
            Deed::Start(number) => self.start(number, sim),
            Deed::Cut(pairs) => self.cut(&pairs, sim),
            Deed::Repair(pairs) => {
                self.each(&pairs, |one, other| sim.repair(one, other));
                self.cut(&pairs, sim);
                self.give_back(&pairs);
            }
            Deed::Release(pairs) => {
                self.each(&pairs, |one, other| sim.release(one, other));
                self.give_back(&pairs);
            }
            Deed::Hasten(pairs) => {
                let latency = self.latency;
                self.each(&pairs, |one, other| {
                    sim.set_link_max_message_latency(one, other, latency);
                });
                self.give_back(&pairs);
            }
            Deed::Mend(number) => self.machines[number].disk().slow_down(Duration::ZERO, 0),
        }
    }

    fn fail(&mut self, sim: &mut Sim<'_>) {
        if self.kinds.is_empty() {
            return;
        }
        let kind = self.kinds[self.random.below(self.kinds.len())];
        let number = self.random.below(self.machines.len());
        let now = sim.elapsed();
        tracing::info!(?kind, machine = number, ?now, "fault");
        if !kind.is_of_network() && !self.machines[number].is_on.get() {
            return;
        }
        match kind {
            Kind::Kill => self.crash(number, Unsynced::Kept, sim),
            Kind::PowerLoss => self.lose_power(number, sim),
            Kind::PowerLossAtStep => {
                let steps = self.random.below(STEPS_TO_POWER_LOSS_MAX);
                self.machines[number].disk().power_off_after(steps as u64);
            }
            Kind::PowerLossOfAll => {
                for number in 0..self.machines.len() {
                    self.lose_power(number, sim);
                }
            }
            Kind::Stop => {
                self.machines[number].stop();
                let again = now + self.millis(100, 8000);
                self.plan(again, Deed::Start(number));
            }
            Kind::Isolation | Kind::Halving | Kind::OneWay => self.part(kind, number, sim),
            Kind::Hold => self.hold(number, sim),
            Kind::Delay => self.delay(number, sim),
            Kind::Jump => {
                let by = self.millis(1, 80);
                let by = by * u32::try_from(self.random.below(100)).unwrap_or(0);
                self.machines[number].jump(by);
            }
            Kind::SlowDisk => {
                let (longest, seed) = (self.millis(1, 400), self.random.number());
                self.machines[number].disk().slow_down(longest, seed);
                let until = now + self.millis(500, 6000);
                self.plan(until, Deed::Mend(number));
            }
            Kind::FullDisk => {
                let disk = self.machines[number].disk();
                disk.full_at(Some(disk.steps()));
                let again = now + self.millis(100, 4000);
                self.plan(again, Deed::Start(number));
            }
            Kind::Wipe => self.wipe(number, sim),
        }
    }

    /// The node dies, as by a signal: its system closes its connections.
    fn crash(&mut self, number: usize, unsynced: Unsynced, sim: &mut Sim<'_>) {
        if !self.machines[number].is_on.get() {
            return;
        }
        self.machines[number].crash(sim, unsynced);
        let again = sim.elapsed() + self.millis(20, 5000);
        self.plan(again, Deed::Start(number));
    }

    /// The machine dies: nobody is told, and what was not synced is lost, kept or torn.
    fn lose_power(&mut self, number: usize, sim: &mut Sim<'_>) {
        if !self.machines[number].is_on.get() {
            return;
        }
        let pairs = self.free(&self.pairs_of(number));
        self.each(&pairs, |one, other| sim.partition(one, other));
        let unsynced = match self.random.below(4) {
            0 => Unsynced::Lost,
            _ => Unsynced::Drawn(self.random.number()),
        };
        self.crash(number, unsynced, sim);
        self.each(&pairs, |one, other| sim.repair(one, other));
        let given_up = sim.elapsed() + UNACKNOWLEDGED_MAX;
        self.plan(given_up, Deed::Cut(pairs));
    }

    fn notice_power_losses(&mut self, sim: &mut Sim<'_>) {
        for number in 0..self.machines.len() {
            if self.machines[number].is_on.get() && self.machines[number].disk().is_off() {
                self.lose_power(number, sim);
            }
        }
    }

    /// The machine loses all it held, if the cluster can do without: every other one holds it.
    fn wipe(&mut self, number: usize, sim: &mut Sim<'_>) {
        let all_run = self.machines.iter().all(|machine| {
            let is_on = machine.is_on.get() && sim.is_host_running(machine.name.clone());
            is_on && !machine.is_stopping() && !machine.disk().fails()
        });
        if !all_run || !self.taken.is_empty() || !self.watch.may_wipe(number, sim.elapsed()) {
            return;
        }
        self.crash(number, Unsynced::Lost, sim);
        self.machines[number].wipe();
    }

    fn start(&mut self, number: usize, sim: &mut Sim<'_>) {
        let machine = Rc::clone(&self.machines[number]);
        if machine.is_on.get() {
            machine.crash(sim, Unsynced::Kept);
        }
        self.cut(&self.pairs_of(number), sim);
        machine.start(sim);
        self.due
            .retain(|(_, deed)| !matches!(deed, Deed::Start(other) if *other == number));
    }

    /// Messages between some machines are lost.
    fn part(&mut self, kind: Kind, number: usize, sim: &mut Sim<'_>) {
        let pairs = match kind {
            Kind::Halving => self.halves(),
            _ => self.pairs_of(number),
        };
        let pairs = self.take(&pairs);
        let own = self.names[number].clone();
        let is_deaf = self.random.below(2) == 0;
        self.each(&pairs, |one, other| match kind {
            // It does not hear, or is not heard.
            Kind::OneWay if is_deaf == (one == own) => sim.partition_oneway(other, one),
            Kind::OneWay => sim.partition_oneway(one, other),
            _ => sim.partition(one, other),
        });
        let lasts = self.millis(50, 6000);
        if lasts > UNACKNOWLEDGED_MAX {
            let given_up = sim.elapsed() + UNACKNOWLEDGED_MAX;
            self.plan(given_up, Deed::Cut(pairs.clone()));
        }
        self.plan(sim.elapsed() + lasts, Deed::Repair(pairs));
    }

    /// Messages of a machine stand still for a while.
    fn hold(&mut self, number: usize, sim: &mut Sim<'_>) {
        let pairs = self.take(&self.pairs_of(number));
        self.each(&pairs, |one, other| sim.hold(one, other));
        let until = sim.elapsed() + self.millis(50, 1900);
        self.plan(until, Deed::Release(pairs));
    }

    /// Messages of a machine are late.
    fn delay(&mut self, number: usize, sim: &mut Sim<'_>) {
        let pairs = self.take(&self.pairs_of(number));
        let latency = self.millis(20, 800);
        self.each(&pairs, |one, other| {
            sim.set_link_max_message_latency(one, other, latency);
        });
        let until = sim.elapsed() + self.millis(500, 6000);
        self.plan(until, Deed::Hasten(pairs));
    }

    fn cut(&self, pairs: &[Pair], sim: &Sim<'_>) {
        for &(one, other) in pairs {
            let addr = |number: usize| sim.lookup(self.names[number].clone());
            net::cut(addr(one), addr(other));
        }
    }

    fn each(&self, pairs: &[Pair], mut act: impl FnMut(String, String)) {
        for &(one, other) in pairs {
            act(self.names[one].clone(), self.names[other].clone());
        }
    }

    fn pairs_of(&self, number: usize) -> Vec<Pair> {
        let others = (0..self.names.len()).filter(|other| *other != number);
        others
            .map(|other| (number.min(other), number.max(other)))
            .collect()
    }

    /// All pairs between two groups that the machines are drawn into.
    fn halves(&mut self) -> Vec<Pair> {
        let random = &mut self.random;
        let side: Vec<usize> = self.names.iter().map(|_| random.below(2)).collect();
        let pairs =
            (0..side.len()).flat_map(|one| (one + 1..side.len()).map(move |other| (one, other)));
        pairs
            .filter(|(one, other)| side[*one] != side[*other])
            .collect()
    }

    /// Those of `pairs` on which nothing is wrong.
    fn free(&self, pairs: &[Pair]) -> Vec<Pair> {
        let free = pairs.iter().filter(|pair| !self.taken.contains(pair));
        free.copied().collect()
    }

    fn take(&mut self, pairs: &[Pair]) -> Vec<Pair> {
        let free = self.free(pairs);
        self.taken.extend(&free);
        free
    }

    fn give_back(&mut self, pairs: &[Pair]) {
        self.taken.retain(|pair| !pairs.contains(pair));
    }

    fn plan(&mut self, at: Duration, deed: Deed) {
        self.due.push((at, deed));
    }

    fn millis(&mut self, least: usize, below: usize) -> Duration {
        let millis = least + self.random.below((below - least).max(1));
        Duration::from_millis(millis as u64)
    }
}
