//! Keeps the registry at the `DzNS` true.
//!
//! A member keeps its address registered, a node that is none has nothing there, and the leader
//! removes what nodes that are gone have left. It looks first who is at that address: two clusters
//! of one name at one `DzNS` are somebody's mistake, and do not remove each other's entries.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use doozer_client::Client;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::ask::meet;
use super::boot::{Boot, Entry};
use super::said::Said;
use crate::consensus::Consensus;
use crate::raft_types::NodeId;
use crate::transport::{DialError, Dialer};

/// How often the registry is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Keeps the registry true.
#[derive(Debug)]
pub struct Registry {
    /// Where.
    pub boot: Boot,
    /// The state.
    pub consensus: Consensus,
    /// Asks who is at an address.
    pub dialer: Dialer,
}

impl Registry {
    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let (mut client, mut said) = (None, Said::default());
        loop {
            let looked = stop.run_until_cancelled(self.look(&mut client, &mut said));
            match looked.await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    client = None;
                    said.say(
                        "entries at the DzNS not kept: trying again",
                        &format!("{error:#}"),
                    );
                }
            }
            let rest = tokio::time::sleep(LOOK_EVERY);
            if stop.run_until_cancelled(rest).await.is_none() {
                return;
            }
        }
    }

    async fn look(&self, kept: &mut Option<Client>, said: &mut Said) -> Result<()> {
        let client = match kept {
            Some(client) => client,
            None => kept.insert(self.boot.client().await?),
        };
        let me = self.boot.node.to_string();
        let is_writable = self.consensus.is_writable();
        let gone = self.is_gone();
        let mut is_there = false;
        for entry in self.boot.registered(client).await? {
            let is_own = entry.id() == me;
            is_there |= is_own && entry.addr == self.boot.addr;
            let is_wrong = if is_own { !is_writable } else { gone(&entry) };
            if is_wrong && (is_own || self.is_ours(&entry, said).await) {
                self.remove(client, &entry).await?;
            }
        }
        if is_writable && !is_there {
            let addr = self.boot.addr.clone();
            let written = client.set(&self.boot.ns(&me), -1, addr).await;
            written.context("register this node")?;
            info!(dzns = %self.boot.uri, addr = self.boot.addr, "registered at the DzNS");
        }
        Ok(())
    }

    /// Whether nobody is there who belongs to another cluster.
    async fn is_ours(&self, entry: &Entry, said: &mut Said) -> bool {
        let met = meet(&self.dialer, &entry.addr).await;
        if let Err(error @ DialError::Refused { .. }) = met {
            said.say(
                "another cluster is registered under this name: start one of them with another (-c)",
                &error.to_string(),
            );
            return false;
        }
        true
    }

    async fn remove(&self, client: &Client, entry: &Entry) -> Result<()> {
        let removed = client.del(&entry.path, entry.rev).await;
        removed.context("remove the entry of a node that is no member")?;
        info!(
            node = entry.id(),
            addr = entry.addr,
            dzns = %self.boot.uri,
            "entry of no member removed"
        );
        Ok(())
    }

    /// Which entries this node removes: as the leader, those of nodes that are not of the cluster.
    fn is_gone(&self) -> impl Fn(&Entry) -> bool + use<> {
        let members = Arc::clone(&self.consensus.members().borrow());
        let leader = self.consensus.leader().map(|(leader, _)| leader);
        let leads = leader == Some(self.boot.node) && members.nodes.contains_key(&self.boot.node);
        move |entry| {
            let id: Result<NodeId, _> = entry.id().parse();
            leads && !id.is_ok_and(|id| members.nodes.contains_key(&id))
        }
    }
}
