//! Clients in the background that read, write, compare and watch, turn to another node when one
//! fails them, and record all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::history::client::Client;
use crate::history::recorder::Recorder;
use crate::history::{Answer, FOLDER, Kind, Outcome};
use crate::random::Random;
use crate::wait;

/// Files that one client writes, over and over, and files that all compare and set.
const OWN_FILES: usize = 8;
const SHARED_FILES: usize = 3;

/// What a load is like.
#[derive(Clone, Debug)]
pub struct ClientLoad {
    pub clients: usize,
    pub watchers: usize,
    /// How long a client waits for one answer, and for any node to take its request.
    pub patience: Duration,
    /// The pause of a client between two requests.
    pub pace: Duration,
}

/// A load that runs until it is told to stop.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    /// Reads that no node answered in time.
    unread: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Default for ClientLoad {
    fn default() -> Self {
        Self {
            clients: 4,
            watchers: 2,
            patience: Duration::from_secs(10),
            pace: Duration::from_millis(5),
        }
    }
}

impl ClientLoad {
    /// Begins; the clients begin with one node each, and are where the calling thread is.
    pub fn start(&self, recorder: &Arc<Recorder>, nodes: &[String]) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let unread = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        for number in 0..self.clients + self.watchers {
            let client = Client::new(recorder, nodes, number).patience(self.patience);
            let body = Body {
                random: Random::new(client.number() as u64 * 7919 + 1),
                client,
                load: self.clone(),
                stop: Arc::clone(&stop),
                unread: Arc::clone(&unread),
                written: 0,
            };
            let run = if number < self.clients {
                Body::work
            } else {
                Body::watch
            };
            threads.push(thread::spawn(move || run(body)));
        }
        Running {
            stop,
            unread,
            threads,
        }
    }
}

impl Running {
    /// Ends all clients; returns how many reads no node answered in time.
    pub fn finish(mut self) -> usize {
        self.end();
        self.unread.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "a client panicked");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// What one thread does.
struct Body {
    client: Client,
    load: ClientLoad,
    random: Random,
    stop: Arc<AtomicBool>,
    unread: Arc<AtomicUsize>,
    written: usize,
}

impl Body {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn work(mut self) {
        while !self.is_stopped() {
            self.step();
            wait::pause(self.load.pace);
        }
    }

    fn step(&mut self) {
        let own = format!(
            "{FOLDER}/own/{}/{}",
            self.client.number(),
            self.random.below(OWN_FILES)
        );
        let shared = format!("{FOLDER}/shared/{}", self.random.below(SHARED_FILES));
        match self.random.below(20) {
            0..=8 => self.set(own, -1),
            9..=12 => self.compare_and_set(shared),
            13 => self.set_and_delete(),
            14..=15 => drop(self.read(&Kind::Get { path: own })),
            16..=17 => drop(self.read(&Kind::Get { path: shared })),
            18 => drop(self.client.ask_any(&Kind::Nop, self.load.patience)),
            _ => drop(self.read(&Kind::Rev)),
        }
        // A client does not stay with one node for ever.
        if self.random.below(200) == 0 {
            self.client.turn();
        }
    }

    fn set(&mut self, path: String, rev: i64) {
        let kind = Kind::Set {
            path,
            rev,
            value: self.new_value().into_bytes(),
        };
        drop(self.client.ask_any(&kind, self.load.patience));
    }

    fn compare_and_set(&mut self, path: String) {
        if let Some(read) = self.read(&Kind::Get { path: path.clone() }) {
            self.set(path, read.rev);
        }
    }

    fn set_and_delete(&mut self) {
        let path = format!("{FOLDER}/gone/{}", self.new_value());
        self.set(path.clone(), 0);
        let kind = Kind::Del { path, rev: -1 };
        drop(self.client.ask_any(&kind, self.load.patience));
    }

    fn read(&mut self, kind: &Kind) -> Option<Answer> {
        let outcome = self.client.ask_any(kind, self.load.patience);
        if let Some(Outcome::Answered(answer)) = outcome {
            return Some(answer);
        }
        self.unread.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// A value that no other write has.
    fn new_value(&mut self) -> String {
        self.written += 1;
        format!("{}.{}", self.client.number(), self.written)
    }

    fn watch(mut self) {
        let mut rev = 1;
        let stop = Arc::clone(&self.stop);
        while !self.is_stopped() {
            let kind = Kind::Wait {
                glob: format!("{FOLDER}/**"),
                rev,
            };
            let stopped = || stop.load(Ordering::Relaxed);
            match self.client.ask_until(&kind, stopped) {
                Some(Outcome::Answered(answer)) => rev = answer.rev + 1,
                Some(_) => {}
                None => wait::pause(self.load.pace),
            }
        }
    }
}
