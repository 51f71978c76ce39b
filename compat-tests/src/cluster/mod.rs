//! Several `doozerd` that make one cluster, each on an address and a data folder of its own, gone
//! when the test ends.

pub mod load;
pub mod outage;
pub mod pace;
mod serial;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::connection::{Connection, Received};
use crate::history::recorder::Recorder;
use crate::history::tale::Tale;
use crate::history::{Change, Event};
use crate::netns::Network;
use crate::server::{Launch, Server, lasting_addr};
use crate::wait;
use crate::wire::{Request, Response, error, verb};

pub use serial::one_at_a_time;

/// What a cluster's nodes are started with: no revisions of their own, history kept whole, and
/// mutations given up early, so that a test need not wait long.
pub const FLAGS: &[&str] = &[
    "-pulse",
    "1000000",
    "-hist",
    "500000",
    "--proposal-timeout",
    "5s",
];

/// How long forming a cluster, or a membership change, may take before the test fails: far above
/// what is promised.
pub const FORMED_WITHIN: Duration = Duration::from_secs(60);

/// How long one look at a node may take.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// The port of the nodes that have an address to themselves.
const PORT: u16 = 8046;

/// A running cluster; node 0 founded it.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
    flags: Vec<String>,
    network: Option<Arc<Network>>,
}

impl Cluster {
    /// `count` voters with `flags` after [`FLAGS`].
    pub fn start(count: usize, flags: &[&str]) -> Self {
        let mut cluster = Self::found(flags, None);
        cluster.grow(count);
        cluster
    }

    /// As many voters as `network` has places, each in one; the calling thread must be in the
    /// network already.
    pub fn start_in(network: &Arc<Network>, flags: &[&str]) -> Self {
        let mut cluster = Self::found(flags, Some(Arc::clone(network)));
        cluster.grow(network.places());
        cluster
    }

    fn found(flags: &[&str], network: Option<Arc<Network>>) -> Self {
        let all = FLAGS.iter().chain(flags).map(ToString::to_string);
        let mut cluster = Self {
            nodes: Vec::new(),
            flags: all.collect(),
            network,
        };
        let founder = cluster.launch().start();
        cluster.nodes.push(founder);
        cluster
    }

    /// Adds voters, one after another, until there are `count` nodes.
    pub fn grow(&mut self, count: usize) {
        while self.nodes.len() < count {
            let node = self.attach();
            self.make_slot(node);
            self.await_member(node, FORMED_WITHIN);
        }
    }

    /// Starts another node, which attaches as a learner; returns its number.
    pub fn attach(&mut self) -> usize {
        let node = self.newcomer().start();
        self.adopt(node)
    }

    /// What the next node would be started with: it attaches to the first.
    pub fn newcomer(&self) -> Launch {
        let founder = self.nodes[0].addr();
        self.launch().flags(&["-a", founder]).learner()
    }

    /// Adds a node that the test has started itself; returns its number.
    pub fn adopt(&mut self, node: Server) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// A cluster of nodes that the test has started itself.
    pub fn of(nodes: Vec<Server>) -> Self {
        Self {
            nodes,
            flags: FLAGS.iter().map(ToString::to_string).collect(),
            network: None,
        }
    }

    /// What the next node would be started with, but for `-a`.
    pub fn launch(&self) -> Launch {
        let flags: Vec<_> = self.flags.iter().map(String::as_str).collect();
        let launch = Launch::new(&flags);
        let place = self.nodes.len();
        match &self.network {
            None => launch.addr(&lasting_addr()),
            Some(network) => launch
                .addr(&format!("{}:{PORT}", network.host(place)))
                .inside(&network.name(place)),
        }
    }

    /// Writes an empty file /ctl/cal/`number`: a free slot.
    pub fn make_slot(&self, number: usize) {
        let answer = self.write(&format!("/ctl/cal/{number}"), "");
        answer.revision();
    }

    pub fn node(&self, number: usize) -> &Server {
        &self.nodes[number]
    }

    pub fn node_mut(&mut self, number: usize) -> &mut Server {
        &mut self.nodes[number]
    }

    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// HOST:PORT of every node.
    pub fn addrs(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| node.addr().to_owned())
            .collect()
    }

    /// The flags that make a newcomer of node `number`: it attaches to every other node.
    pub fn newcomer_flags(&self, number: usize) -> Vec<String> {
        let mut flags = self.flags.clone();
        for (other, node) in self.nodes.iter().enumerate() {
            if other != number {
                flags.extend(["-a".to_owned(), node.addr().to_owned()]);
            }
        }
        flags
    }

    /// Starts node `number`, which has ended, on an empty folder, attaching to the others.
    pub fn spawn_anew(&mut self, number: usize) {
        let flags = self.newcomer_flags(number);
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        self.nodes[number].spawn_anew(&flags);
    }

    /// The id that node `number` says it has, if it answers.
    pub fn id(&self, number: usize) -> Option<String> {
        let answer = self.ask(number, &Request::new(verb::SELF), LOOK_WITHIN)?;
        answer.err_code.is_none().then(|| answer.value_text())
    }

    /// One request on a connection of its own; `None` without an answer within `limit`.
    pub fn ask(&self, number: usize, request: &Request, limit: Duration) -> Option<Response> {
        ask(self.nodes[number].addr(), request, limit)
    }

    /// The value of `path` on node `number`, empty if it is missing.
    pub fn get(&self, number: usize, path: &str) -> Option<String> {
        let answer = self.ask(number, &Request::get(path), LOOK_WITHIN)?;
        answer.err_code.is_none().then(|| answer.value_text())
    }

    /// Sets `path` through the first node that takes it.
    #[track_caller]
    pub fn write(&self, path: &str, value: &str) -> Response {
        let mut last = None;
        let begin = Instant::now();
        while begin.elapsed() < FORMED_WITHIN {
            for number in 0..self.nodes.len() {
                let request = Request::set(path, -1, value);
                let answer = self.ask(number, &request, Duration::from_secs(10));
                match answer {
                    Some(answer) if answer.err_code.is_none() => return answer,
                    answer => last = answer.or(last),
                }
            }
        }
        panic!("no node takes a SET of {path}: {last:?}");
    }

    /// True if node `number` is writable and takes a SET.
    pub fn is_member(&self, number: usize) -> bool {
        let Some(id) = self.id(number) else {
            return false;
        };
        if self
            .get(number, &format!("/ctl/node/{id}/writable"))
            .as_deref()
            != Some("true")
        {
            return false;
        }
        let probe = Request::set("/probe", -1, &id);
        let answer = self.ask(number, &probe, LOOK_WITHIN);
        answer.is_some_and(|answer| answer.err_code.is_none())
    }

    /// Waits until node `number` is a member; returns how long that took.
    #[track_caller]
    pub fn await_member(&self, number: usize, limit: Duration) -> Duration {
        let begin = Instant::now();
        let what = format!("node {number} ({}) is a member", self.nodes[number].addr());
        wait::until(&what, limit, || self.is_member(number));
        begin.elapsed()
    }

    /// Waits until every node is a member.
    #[track_caller]
    pub fn await_members(&self, limit: Duration) -> Duration {
        let begin = Instant::now();
        for number in 0..self.nodes.len() {
            self.await_member(number, limit);
        }
        begin.elapsed()
    }

    /// The newest term that any node says to have led, and that node.
    pub fn leadership(&self) -> Option<(u64, usize)> {
        let logs = self.nodes.iter().map(Server::log).enumerate();
        logs.filter_map(|(number, log)| Some((led_term(&log)?, number)))
            .max()
    }

    /// The node that leads, as far as the logs tell.
    pub fn leader(&self) -> usize {
        wait::until("some node leads", FORMED_WITHIN, || {
            self.leadership().is_some()
        });
        self.leadership().expect("invariant: waited for").1
    }

    /// A node that does not lead, as far as the logs tell.
    pub fn follower(&self) -> usize {
        (self.leader() + 1) % self.nodes.len()
    }

    /// What stands in the slots, by the words of node `number`.
    pub fn slots(&self, number: usize) -> Vec<(String, String)> {
        let mut connection = self.nodes[number].connect();
        let mut slots = Vec::new();
        for offset in 0.. {
            let answer = connection.call(&Request::walk("/ctl/cal/*", offset));
            if answer.err_code.is_some() {
                break;
            }
            slots.push((answer.path_text(), answer.value_text()));
        }
        slots
    }

    /// The history that every node tells.
    pub fn tales(&self) -> Vec<Tale> {
        Tale::read_all(&self.addrs(), 1).expect("every node tells its history")
    }

    /// Panics with what is wrong in what the clients saw, or between the nodes.
    #[track_caller]
    pub fn check(&self, recorder: &Recorder) {
        recorder.check(&self.tales());
    }

    /// Asserts that none of `ids` was kicked: each still holds a slot and has its files.
    #[track_caller]
    pub fn check_not_kicked(&self, ids: &[String]) {
        let slots = self.slots(0);
        let tales = self.tales();
        for id in ids {
            let has_slot = slots.iter().any(|(_, holder)| holder == id);
            assert!(has_slot, "{id} was kicked: {slots:?}");
            let addr = format!("/ctl/node/{id}/addr");
            let is_kick = |event: &Event| event.path == addr && event.change == Change::Del;
            let kicked = tales[0].events.iter().find(|(_, event)| is_kick(event));
            assert_eq!(kicked, None, "{id} was kicked for a while");
        }
    }

    /// The slot that holds `id`, by the words of node `number`.
    pub fn slot_of(&self, number: usize, id: &str) -> Option<String> {
        let mut slots = self.slots(number).into_iter();
        slots.find(|(_, holder)| holder == id).map(|(path, _)| path)
    }

    /// Removes the slot at `path`, through the first node that takes it.
    pub fn remove_slot(&self, path: &str) {
        let removed = |number| {
            let answer = self.ask(number, &Request::del(path, -1), LOOK_WITHIN);
            answer.is_some_and(|answer| answer.err_code.is_none())
        };
        let what = format!("{path} is removed");
        wait::until(&what, FORMED_WITHIN, || (0..self.nodes.len()).any(removed));
    }

    /// True if node `number` refuses a SET with READONLY.
    pub fn is_read_only(&self, number: usize) -> bool {
        let probe = Request::set("/probe", -1, "read-only?");
        let answer = self.ask(number, &probe, LOOK_WITHIN);
        answer.is_some_and(|answer| answer.err_code == Some(error::READONLY))
    }

    /// The ids of all nodes, each of which must answer.
    pub fn ids(&self) -> Vec<String> {
        let id = |number| self.id(number).expect("every node answers");
        (0..self.nodes.len()).map(id).collect()
    }

    pub fn kill9(&mut self, number: usize) {
        self.nodes[number].kill9();
    }

    /// Stops node `number` without ending it.
    pub fn freeze(&self, number: usize) {
        self.nodes[number].signal(Signal::STOP);
    }

    pub fn thaw(&self, number: usize) {
        self.nodes[number].signal(Signal::CONT);
    }
}

/// One request to `addr` on a connection of its own; `None` without an answer within `limit`.
pub fn ask(addr: &str, request: &Request, limit: Duration) -> Option<Response> {
    let mut connection = Connection::open_within(addr, limit).ok()?;
    connection.send(request).ok()?;
    match connection.receive(limit) {
        Ok(Received::Response(response)) => Some(response),
        _ => None,
    }
}

/// The newest term in which the node that wrote `log` began to lead.
fn led_term(log: &str) -> Option<u64> {
    let lines = log.lines().filter(|line| line.contains("became leader"));
    lines.filter_map(term_of).max()
}

fn term_of(line: &str) -> Option<u64> {
    let (_, rest) = line.rsplit_once("term")?;
    let digits = rest.trim_start_matches(['=', '"', ':', ' ']);
    let end = digits.find(|byte: char| !byte.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_term_is_read_from_a_log_of_either_format() {
        for (log, want) in [
            (
                "INFO became leader node=A term=3\nINFO leads no more term=4",
                Some(3),
            ),
            (
                "INFO became leader term=3\nINFO became leader term=12 x=1",
                Some(12),
            ),
            (r#"{"message":"became leader","term":7}"#, Some(7)),
            ("INFO started", None),
        ] {
            assert_eq!(led_term(log), want, "{log}");
        }
    }
}
