//! Finds out whether a node with an empty folder founds a cluster or attaches to one.

use std::time::Duration;

use anyhow::Result;
use tracing::info;

use super::ask::meet;
use super::boot::{Boot, Elected};
use super::said::Said;
use crate::transport::{ClusterId, Dialer};

/// Between two rounds of asking.
const ROUND_EVERY: Duration = Duration::from_millis(250);
/// The same after so many rounds: what has not come by then takes a while.
const ROUND_EVERY_LATER: Duration = Duration::from_secs(1);
const ROUNDS_SOON: u32 = 40;
/// Rounds that addresses given with -a are asked before a `DzNS` is, where both are given.
const ROUNDS_BEFORE_BOOT: u32 = 4;

/// What a node with an empty folder does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It founds a cluster.
    Nothing,
    /// It attaches to this cluster, whose nodes can be asked at these addresses.
    Cluster(ClusterId, Vec<String>),
}

/// Looks for the cluster.
#[derive(Debug)]
pub struct Finder {
    /// Asks.
    pub dialer: Dialer,
    /// This node's own address, as it is told to others.
    pub own: String,
    /// And as it was typed.
    pub typed: String,
    /// Addresses to ask, as they were typed.
    pub attach: Vec<String>,
    /// Where else to look.
    pub boot: Option<Boot>,
}

/// What one round of asking showed.
enum Round {
    Cluster(ClusterId),
    /// Each has answered that it holds none.
    NoCluster,
    /// These have not answered, with the reasons.
    Silent(Vec<String>),
}

impl Finder {
    /// Looks until it is clear.
    pub async fn find(&self) -> Result<Found> {
        if self.attach.is_empty() && self.boot.is_none() {
            return Ok(Found::Nothing);
        }
        let others: Vec<String> = self.others().cloned().collect();
        let is_listed = others.len() < self.attach.len();
        let is_first = self.attach.first().is_some_and(|addr| self.is_own(addr));
        let mut said = Said::default();
        let mut rounds = 0;
        loop {
            let round = self.ask(&others).await;
            rounds += 1;
            match round {
                Round::Cluster(id) => return Ok(Found::Cluster(id, others)),
                Round::NoCluster if is_first && self.boot.is_none() => {
                    info!(asked = ?others, "every other node listed holds no cluster");
                    return Ok(Found::Nothing);
                }
                Round::NoCluster if self.boot.is_none() => said.say(
                    "waiting for a node that holds a cluster",
                    &format!(
                        "{} hold none{}",
                        others.join(", "),
                        if is_listed {
                            "; the node listed first with -a founds one"
                        } else {
                            "; start one of them without -a to found one"
                        }
                    ),
                ),
                Round::NoCluster => {}
                Round::Silent(reasons) => {
                    said.say("waiting for the nodes given with -a", &reasons.join("; "));
                }
            }
            let is_due = others.is_empty() || rounds >= ROUNDS_BEFORE_BOOT;
            if let Some(boot) = self.boot.as_ref().filter(|_| is_due)
                && let Some(found) = self.ask_dzns(boot, &mut said).await
            {
                return Ok(found);
            }
            let is_soon = rounds < ROUNDS_SOON;
            tokio::time::sleep(if is_soon {
                ROUND_EVERY
            } else {
                ROUND_EVERY_LATER
            })
            .await;
        }
    }

    async fn ask_dzns(&self, boot: &Boot, said: &mut Said) -> Option<Found> {
        match boot.elect(&self.dialer, said).await {
            Ok(Elected::Founder) => Some(Found::Nothing),
            Ok(Elected::Cluster(id, addrs)) => Some(Found::Cluster(id, addrs)),
            Ok(Elected::Later) => None,
            Err(error) => {
                said.say(
                    "not found through the DzNS: asking again",
                    &format!("{error:#}"),
                );
                None
            }
        }
    }

    fn others(&self) -> impl Iterator<Item = &String> {
        self.attach.iter().filter(|addr| !self.is_own(addr))
    }

    fn is_own(&self, addr: &str) -> bool {
        addr == self.own || addr == self.typed
    }

    async fn ask(&self, others: &[String]) -> Round {
        let mut silent = Vec::new();
        for addr in others {
            let peer = match meet(&self.dialer, addr).await {
                Ok(peer) => peer,
                Err(error) => {
                    silent.push(error.to_string());
                    continue;
                }
            };
            if let Some(cluster) = peer.cluster {
                info!(addr, node = %peer.node, "found a node of the cluster");
                return Round::Cluster(cluster);
            }
        }
        if silent.is_empty() {
            Round::NoCluster
        } else {
            Round::Silent(silent)
        }
    }
}
