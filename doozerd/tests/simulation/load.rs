//! What the clients of a simulation do: write, compare, read and watch.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use compat_tests::history::{FOLDER, Kind, Outcome};
use compat_tests::random::Random;
use tokio::time::sleep;

use crate::client::Client;

/// Files that one client writes, over and over, and files that all compare and set.
const OWN_FILES: usize = 4;
const SHARED_FILES: usize = 3;
/// Requests after which a client turns to another node, on average.
const REQUESTS_AT_ONE_NODE: usize = 100;
/// The bytes of one value in `LARGE_VALUES_ONE_IN`.
const LARGE_VALUE_BYTES: usize = 3000;
const LARGE_VALUES_ONE_IN: usize = 20;

/// One client and what it draws.
#[derive(Debug)]
pub(crate) struct Worker {
    client: Client,
    random: Random,
    /// Between two requests.
    pace: Duration,
    /// How long it goes on asking for one thing.
    limit: Duration,
    is_over: Rc<Cell<bool>>,
    written: usize,
}

impl Worker {
    /// A client that goes on until `is_over`.
    pub(crate) fn new(client: Client, seed: u64, pace: Duration, is_over: &Rc<Cell<bool>>) -> Self {
        Self {
            random: Random::new(seed ^ (client.number() as u64 * 7919 + 1)),
            client,
            pace,
            limit: Duration::from_secs(5),
            is_over: Rc::clone(is_over),
            written: 0,
        }
    }

    /// Writes and reads.
    pub(crate) async fn work(mut self) {
        while !self.is_over.get() {
            self.step().await;
            sleep(self.pace).await;
        }
    }

    async fn step(&mut self) {
        let own = format!(
            "{FOLDER}/own/{}/{}",
            self.client.number(),
            self.random.below(OWN_FILES)
        );
        let shared = format!("{FOLDER}/shared/{}", self.random.below(SHARED_FILES));
        match self.random.below(20) {
            0..=6 => self.set(own, -1).await,
            7..=12 => self.compare_and_set(shared).await,
            13 => self.set_and_delete().await,
            14..=15 => self.read(&Kind::Get { path: own }).await,
            16..=17 => self.read(&Kind::Get { path: shared }).await,
            18 => drop(self.client.ask_any(&Kind::Nop, self.limit).await),
            _ => self.read(&Kind::Rev).await,
        }
        if self.random.below(REQUESTS_AT_ONE_NODE) == 0 {
            self.client.turn();
        }
    }

    async fn set(&mut self, path: String, rev: i64) {
        let value = self.new_value().into_bytes();
        let kind = Kind::Set { path, rev, value };
        drop(self.client.ask_any(&kind, self.limit).await);
    }

    async fn compare_and_set(&mut self, path: String) {
        let get = Kind::Get { path: path.clone() };
        if let Some(read) = self.client.read(&get, self.limit).await {
            self.set(path, read.rev).await;
        }
    }

    async fn set_and_delete(&mut self) {
        let path = format!("{FOLDER}/gone/{}", self.new_value());
        self.set(path.clone(), 0).await;
        let kind = Kind::Del { path, rev: -1 };
        drop(self.client.ask_any(&kind, self.limit).await);
    }

    async fn read(&mut self, kind: &Kind) {
        drop(self.client.read(kind, self.limit).await);
    }

    /// A value that no other write has.
    fn new_value(&mut self) -> String {
        self.written += 1;
        let value = format!("{}.{}", self.client.number(), self.written);
        if self.random.below(LARGE_VALUES_ONE_IN) == 0 {
            return format!("{value}.{}", "x".repeat(LARGE_VALUE_BYTES));
        }
        value
    }

    /// Waits for one event after another.
    pub(crate) async fn watch(mut self) {
        let mut rev = 1;
        while !self.is_over.get() {
            let glob = format!("{FOLDER}/**");
            match self.client.ask(&Kind::Wait { glob, rev }).await {
                Some(Outcome::Answered(answer)) => rev = answer.rev + 1,
                Some(_) => {}
                None => sleep(self.pace).await,
            }
        }
    }
}
