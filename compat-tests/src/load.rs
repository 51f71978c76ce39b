//! Clients that write as fast as they can, and keep book.

use std::collections::HashMap;
use std::thread::{self, JoinHandle};

use crate::connection::Connection;
use crate::ledger::{Fate, Write};
use crate::random::Random;
use crate::server::Server;
use crate::wire::{Request, Response, error};

/// Requests that one writer has outstanding.
const DEPTH: usize = 16;

/// Files that one writer writes, over and over.
const FILES: usize = 12;

/// True for the paths that a load writes.
pub fn is_ours(path: &str) -> bool {
    path.starts_with("/load/") || path.starts_with("/gone/")
}

/// What a load is like.
#[derive(Clone, Debug)]
pub struct Load {
    /// Tells this load's values from those of another load on the same server.
    pub name: String,
    pub writers: usize,
    pub writes_per_writer: usize,
    pub value_bytes_max: usize,
}

/// A load that runs until its writes are done or its connections end.
#[derive(Debug)]
pub struct Running(Vec<JoinHandle<Vec<Write>>>);

impl Load {
    /// Begins; each writer has a connection of its own.
    pub fn start(&self, server: &Server, random: &mut Random) -> Running {
        let start = |number| {
            let writer = Writer {
                name: format!("{}.{number}", self.name),
                folder: format!("/load/{number}"),
                load: self.clone(),
                random: Random::new(random.number()),
                connection: server.connect(),
                writes: Vec::new(),
                outstanding: HashMap::new(),
                told: 0,
            };
            thread::spawn(move || writer.run())
        };
        Running((0..self.writers).map(start).collect())
    }

    /// Runs to its end.
    pub fn run(&self, server: &Server, random: &mut Random) -> Vec<Write> {
        self.start(server, random).finish()
    }
}

impl Running {
    /// Waits for all writers and returns what they wrote.
    pub fn finish(self) -> Vec<Write> {
        let join = |writer: JoinHandle<_>| writer.join().expect("a writer that does not panic");
        self.0.into_iter().flat_map(join).collect()
    }
}

struct Writer {
    name: String,
    folder: String,
    load: Load,
    random: Random,
    connection: Connection,
    writes: Vec<Write>,
    outstanding: HashMap<i32, usize>,
    /// The newest revision it has been told.
    told: i64,
}

impl Writer {
    fn run(mut self) -> Vec<Write> {
        while self.writes.len() < self.load.writes_per_writer || !self.outstanding.is_empty() {
            let more = self.writes.len() < self.load.writes_per_writer;
            let step = if more && self.outstanding.len() < DEPTH {
                self.send()
            } else {
                self.connection
                    .response()
                    .map(|response| self.settle(&response))
            };
            if step.is_err() {
                break;
            }
        }
        self.writes
    }

    fn send(&mut self) -> std::io::Result<()> {
        let number = self.writes.len();
        let request = self.request(number);
        let tag = i32::try_from(number).expect("a load of a test");
        self.outstanding.insert(tag, number);
        self.writes.push(Write {
            path: String::from_utf8(request.path.clone().unwrap_or_default()).expect("our path"),
            value: request.value.clone(),
            fate: Fate::Unknown,
            after: self.told,
        });
        self.connection.send(&request.tag(tag))
    }

    /// Mostly SETs of a few files; some that will be refused, some deletes.
    fn request(&mut self, number: usize) -> Request {
        let chance = self.random.below(16);
        if chance == 0 {
            return Request::del(&format!("/gone/{}.{number}", self.name), -1);
        }
        let rev = if chance < 3 { 0 } else { -1 };
        let path = format!("{}/{}", self.folder, self.random.below(FILES));
        let mut value = format!("{}.{number}.", self.name).into_bytes();
        let count = self.random.below(self.load.value_bytes_max);
        value.extend(self.random.bytes(count));
        Request::set(&path, rev, value)
    }

    fn settle(&mut self, response: &Response) {
        let tag = response.tag.expect("the tag that was sent");
        let number = self
            .outstanding
            .remove(&tag)
            .expect("one answer to each request");
        self.writes[number].fate = match response.err_code {
            None => Fate::Acknowledged(response.rev),
            Some(error::OTHER) => Fate::Unknown,
            Some(code) => Fate::Refused(code),
        };
        self.told = self.told.max(response.rev.unwrap_or_default());
    }
}
