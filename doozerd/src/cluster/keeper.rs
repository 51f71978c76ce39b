//! Keeps a node in its cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::ask::{attach, attach_here, meet};
use super::boot::Boot;
use super::said::Said;
use crate::consensus::{Consensus, Members};
use crate::raft_types::NodeAddr;
use crate::transport::Dialer;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a leader may be unknown, or silent, before others are asked.
const LEADERLESS_MAX: Duration = Duration::from_secs(2);

/// Between two look-ups at the `DzNS`.
const LOOK_UP_EVERY: Duration = Duration::from_secs(2);

/// Addresses at which nodes of the cluster may be.
pub type Known = Vec<String>;

/// What was said and done while asking.
#[derive(Debug, Default)]
struct Asked {
    said: Said,
    looked_up: Option<Instant>,
}

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
    /// Where else to look when none of those takes this node in.
    pub boot: Option<Boot>,
}

impl Keeper {
    /// Asks until this node is one of the cluster's, and has everything up to there.
    pub async fn enter(&self) {
        let mut members = self.consensus.members();
        let node = self.consensus.node();
        let mut asked = Asked::default();
        while !members.borrow_and_update().nodes.contains_key(&node) {
            self.ask(&mut asked).await;
            let entered = members.wait_for(|members| members.nodes.contains_key(&node));
            drop(tokio::time::timeout(LOOK_EVERY, entered).await);
        }
        info!(rev = %self.consensus.published().view.rev, "attached");
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut asked, mut led) = (Asked::default(), Instant::now());
        let mut was_removed = false;
        stop.run_until_cancelled(self.look_elsewhere()).await;
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if self.consensus.stopped().is_some() {
                return;
            }
            if self.consensus.is_led(LEADERLESS_MAX).await {
                led = Instant::now();
            }
            let members = self.members();
            let is_removed = self.is_removed(&members);
            if is_removed && !was_removed {
                warn!("this node was removed from the cluster: it attaches again");
                asked = Asked::default();
            }
            was_removed = is_removed;
            let is_lost = led.elapsed() > LEADERLESS_MAX && !self.is_alone(&members);
            if is_removed || is_lost || self.has_moved(&members) {
                stop.run_until_cancelled(self.ask(&mut asked)).await;
            }
        }
    }

    /// A node alone in its cluster that was given addresses to attach to may have been meant for
    /// another one: a refusal is said on both sides, and nothing else done.
    async fn look_elsewhere(&self) {
        if !self.is_alone(&self.members()) {
            return;
        }
        for addr in self.known.iter().filter(|addr| **addr != self.own.addr) {
            let met = meet(&self.dialer, addr).await;
            debug!(addr, ?met, "looked for another cluster");
        }
    }

    fn members(&self) -> Arc<Members> {
        Arc::clone(&self.consensus.members().borrow())
    }

    fn is_removed(&self, members: &Members) -> bool {
        let is_member = members.nodes.contains_key(&self.consensus.node());
        let local = &self.dialer.local;
        let is_out = local.is_removed() || (members.at.is_some() && !is_member);
        is_out && local.is_out(members.at)
    }

    fn is_alone(&self, members: &Members) -> bool {
        members.nodes.len() == 1 && members.nodes.contains_key(&self.consensus.node())
    }

    fn has_moved(&self, members: &Members) -> bool {
        let there = members.nodes.get(&self.consensus.node());
        there.is_some_and(|there| *there != self.own)
    }

    fn leads(&self) -> bool {
        let leader = self.consensus.leader();
        leader.is_some_and(|(leader, _)| leader == self.consensus.node())
    }

    /// Asks one node after another, until one takes this one in.
    async fn ask(&self, asked: &mut Asked) {
        let members = self.members();
        let members = members.nodes.values().map(|node| node.addr.clone());
        let mut addrs: BTreeSet<String> = members.chain(self.known.iter().cloned()).collect();
        let mut reasons = Vec::new();
        if self.has_moved(&self.members()) && self.leads() {
            match attach_here(&self.consensus, &self.own).await {
                Ok(()) => return,
                Err(why) => reasons.push(why),
            }
        }
        if self.ask_each(&addrs, asked, &mut reasons).await {
            return;
        }
        match self.registered(asked).await {
            Ok(others) => {
                addrs = others.difference(&addrs).cloned().collect();
                if self.ask_each(&addrs, asked, &mut reasons).await {
                    return;
                }
            }
            Err(error) => reasons.push(format!("{error:#}")),
        }
        // Several nodes send this one on to the same leader.
        reasons.sort();
        reasons.dedup();
        if !reasons.is_empty() {
            let said = &mut asked.said;
            said.say("not attached yet: asking again", &reasons.join("; "));
        }
    }

    /// Whether one of these takes this node in; else the reasons.
    async fn ask_each(
        &self,
        addrs: &BTreeSet<String>,
        asked: &mut Asked,
        reasons: &mut Vec<String>,
    ) -> bool {
        let me = (self.consensus.node(), &self.own);
        for addr in addrs.iter().filter(|addr| **addr != self.own.addr) {
            match attach(&self.dialer, addr, me).await {
                Ok(leader) => {
                    asked.said.note("taken in by the leader", &leader);
                    return true;
                }
                Err(error) => reasons.push(error.to_string()),
            }
        }
        false
    }

    /// Who is registered at the `DzNS`, now and then, where there is one.
    async fn registered(&self, asked: &mut Asked) -> Result<BTreeSet<String>> {
        let is_due = asked
            .looked_up
            .is_none_or(|at| at.elapsed() >= LOOK_UP_EVERY);
        match &self.boot {
            Some(boot) if is_due => {
                asked.looked_up = Some(Instant::now());
                Ok(boot.others().await?.into_iter().collect())
            }
            _ => Ok(BTreeSet::new()),
        }
    }
}
