//! Who moves slots about, and says whether the cluster is whole.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use compat_tests::history::{Kind, Outcome};
use compat_tests::random::Random;
use compat_tests::wire::{Request, Response};
use tokio::time::sleep;

use crate::client::{Client, now};

/// Between two looks at the slots.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How long the operator goes on asking for one thing.
const PATIENCE: Duration = Duration::from_secs(2);
/// Nodes that are looked at, those that are gone too.
const NODES_MAX: i32 = 20;
/// How old a look may be that a wipe relies on.
const FRESH: Duration = Duration::from_millis(900);

/// What the operator has seen, for whoever wipes machines.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// When every machine's node was seen to be a voter, and who they were.
    whole: RefCell<Option<(Duration, Vec<String>)>>,
    /// The id of the node on a machine that was wiped, until another one has its place.
    wiped: RefCell<Option<(usize, String)>>,
}

impl Watch {
    /// Whether a machine may lose all it holds now; if so, it is taken to. Never where slots are
    /// moved about: voters may be fewer then than was seen.
    pub(crate) fn may_wipe(&self, machine: usize, now: Duration) -> bool {
        let mut whole = self.whole.borrow_mut();
        let Some((at, ids)) = &*whole else {
            return false;
        };
        if now.saturating_sub(*at) > FRESH || self.wiped.borrow().is_some() {
            return false;
        }
        self.wiped.replace(Some((machine, ids[machine].clone())));
        *whole = None;
        true
    }

    fn saw(&self, at: Duration, ids: Option<Vec<String>>) {
        let Some(ids) = ids else {
            self.whole.replace(None);
            return;
        };
        let mut wiped = self.wiped.borrow_mut();
        if let Some((machine, id)) = &*wiped
            && ids[*machine] == *id
        {
            return;
        }
        *wiped = None;
        self.whole.replace(Some((at, ids)));
    }
}

/// Moves slots about.
#[derive(Debug)]
pub(crate) struct Operator {
    client: Client,
    random: Random,
    nodes: Rc<[String]>,
    watch: Rc<Watch>,
    /// Changes a slot in one of so many looks; 0: never.
    restless: usize,
    is_over: Rc<Cell<bool>>,
}

impl Operator {
    /// An operator who goes on until `is_over`.
    pub(crate) fn new(
        client: Client,
        mut random: Random,
        nodes: &Rc<[String]>,
        watch: &Rc<Watch>,
        is_over: &Rc<Cell<bool>>,
    ) -> Self {
        Self {
            client,
            restless: [0, 3, 10][random.below(3)],
            random,
            nodes: Rc::clone(nodes),
            watch: Rc::clone(watch),
            is_over: Rc::clone(is_over),
        }
    }

    /// Makes a slot for each machine, and then looks, and changes something now and then.
    pub(crate) async fn run(mut self) {
        while !self.is_over.get() {
            let at = now();
            // What is read behind it on the same node is as new as that.
            let ids = match self.client.ask(&Kind::Nop).await {
                Some(Outcome::Answered(_)) => self.ids_of_voters().await,
                _ => None,
            };
            if ids.is_none() {
                self.make_slots().await;
            }
            if self.restless == 0 {
                self.watch.saw(at, ids);
            } else if self.random.below(self.restless) == 0 {
                self.change_slot().await;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn make_slots(&mut self) {
        for slot in 1..self.nodes.len() {
            let path = format!("/ctl/cal/{slot}");
            let there = self.get(&path).await;
            if there.is_some_and(|(rev, _)| rev == 0) {
                self.set(path, 0, "").await;
            }
        }
    }

    /// Empties a slot, removes it, or gives it to somebody else.
    async fn change_slot(&mut self) {
        let path = format!("/ctl/cal/{}", self.random.below(self.nodes.len()));
        let Some((rev, _)) = self.get(&path).await else {
            return;
        };
        match self.random.below(3) {
            0 => self.set(path, rev, "").await,
            1 => {
                let kind = Kind::Del { path, rev };
                drop(self.client.ask_any(&kind, PATIENCE).await);
            }
            _ => {
                let ids = self.attached().await;
                if !ids.is_empty() {
                    let id = ids[self.random.below(ids.len())].clone();
                    self.set(path, rev, &id).await;
                }
            }
        }
    }

    /// The ids of the voters by their machines, if there is one on each.
    async fn ids_of_voters(&mut self) -> Option<Vec<String>> {
        let mut by_addr = BTreeMap::new();
        for slot in 0..self.nodes.len() {
            let (_, id) = self.get(&format!("/ctl/cal/{slot}")).await?;
            if id.is_empty() {
                return None;
            }
            let (_, addr) = self.get(&format!("/ctl/node/{id}/addr")).await?;
            let (_, writable) = self.get(&format!("/ctl/node/{id}/writable")).await?;
            if writable != "true" {
                return None;
            }
            by_addr.insert(addr, id);
        }
        self.nodes.iter().map(|addr| by_addr.remove(addr)).collect()
    }

    /// The ids of the nodes that have written an address.
    async fn attached(&mut self) -> Vec<String> {
        let mut ids = Vec::new();
        for offset in 0..NODES_MAX {
            let walk = Request::walk("/ctl/node/*/addr", offset);
            let Some(Response {
                path: Some(path), ..
            }) = self.client.exchange(&walk).await
            else {
                break;
            };
            let path = String::from_utf8_lossy(&path).into_owned();
            ids.extend(path.split('/').nth(3).map(str::to_owned));
        }
        ids
    }

    async fn get(&mut self, path: &str) -> Option<(i64, String)> {
        let path = path.to_owned();
        match self.client.ask(&Kind::Get { path }).await {
            Some(Outcome::Answered(answer)) => {
                let value = String::from_utf8_lossy(&answer.value).into_owned();
                Some((answer.rev, value))
            }
            _ => None,
        }
    }

    async fn set(&mut self, path: String, rev: i64, value: &str) {
        let value = value.as_bytes().to_vec();
        let kind = Kind::Set { path, rev, value };
        drop(self.client.ask_any(&kind, PATIENCE).await);
    }
}
