//! Keeps a node in its cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::ask::attach;
use super::find::Said;
use crate::consensus::{Consensus, Members};
use crate::raft_types::NodeAddr;
use crate::transport::Dialer;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a leader may be unknown before others are asked.
const LEADERLESS_MAX: Duration = Duration::from_secs(2);

/// Addresses at which nodes of the cluster may be.
pub type Known = Vec<String>;

/// Asks to be taken in whenever this node is not one of the cluster's.
#[derive(Debug)]
pub struct Keeper {
    /// The state.
    pub consensus: Consensus,
    /// Asks.
    pub dialer: Dialer,
    /// Where this node is reached.
    pub own: NodeAddr,
    /// Where to ask, besides the members known.
    pub known: Known,
}

impl Keeper {
    /// Asks until this node is one of the cluster's, and has everything up to there.
    pub async fn enter(&self) {
        let mut members = self.consensus.members();
        let node = self.consensus.node();
        let mut said = Said::default();
        while !members.borrow_and_update().nodes.contains_key(&node) {
            self.ask(&mut said).await;
            let entered = members.wait_for(|members| members.nodes.contains_key(&node));
            drop(tokio::time::timeout(LOOK_EVERY, entered).await);
        }
        info!(rev = %self.consensus.published().view.rev, "attached");
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut said, mut led) = (Said::default(), Instant::now());
        let mut was_removed = false;
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if self.consensus.stopped().is_some() {
                return;
            }
            if self.consensus.leader().is_some() {
                led = Instant::now();
            }
            let members = self.members();
            let is_removed = self.is_removed(&members);
            if is_removed && !was_removed {
                warn!("this node was removed from the cluster: it attaches again");
            }
            was_removed = is_removed;
            let is_lost = led.elapsed() > LEADERLESS_MAX && !self.is_alone(&members);
            if is_removed || is_lost || self.has_moved(&members) {
                stop.run_until_cancelled(self.ask(&mut said)).await;
            }
        }
    }

    fn members(&self) -> Arc<Members> {
        Arc::clone(&self.consensus.members().borrow())
    }

    fn is_removed(&self, members: &Members) -> bool {
        let is_member = members.nodes.contains_key(&self.consensus.node());
        self.dialer.local.is_removed() || (members.at.is_some() && !is_member)
    }

    fn is_alone(&self, members: &Members) -> bool {
        members.nodes.len() == 1 && members.nodes.contains_key(&self.consensus.node())
    }

    fn has_moved(&self, members: &Members) -> bool {
        let there = members.nodes.get(&self.consensus.node());
        there.is_some_and(|there| *there != self.own)
    }

    /// Asks one node after another, until one takes this one in.
    async fn ask(&self, said: &mut Said) {
        let members = self.members();
        let members = members.nodes.values().map(|node| node.addr.clone());
        let addrs: BTreeSet<String> = members.chain(self.known.iter().cloned()).collect();
        let me = (self.consensus.node(), &self.own);
        let mut refusals = Vec::new();
        for addr in addrs.iter().filter(|addr| **addr != self.own.addr) {
            match attach(&self.dialer, addr, me).await {
                Ok(()) => return,
                Err(error) => refusals.push(error.to_string()),
            }
        }
        if !refusals.is_empty() {
            said.say("not attached yet: asking again", &refusals.join("; "));
        }
    }
}
