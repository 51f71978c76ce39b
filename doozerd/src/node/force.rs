//! `--force-new-cluster`: goes on alone with what a survivor holds, when a quorum is lost for good.
//!
//! Done once: the content says that it was made so, and the flag, left in a start script, does
//! nothing then. Nothing is changed while another voter answers: two clusters would go on from one
//! past. What is made, and why it is right, stands in `consensus::salvage` and
//! `storage::succession`.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use futures_util::future::join_all;
use tracing::{info, warn};

use crate::consensus::{Salvaged, found_successor, salvage};
use crate::raft_types::{NodeAddr, NodeId};
use crate::storage::{Identity, Storage};
use crate::tls::ClientTls;
use crate::transport::{
    ClusterId, DialError, Dialer, LinkKind, PeerSecrets, Refusal, Standing, Target,
};

/// Why there is nothing to force.
pub(super) const NOTHING_THERE: &str = "--force-new-cluster: the data folder is empty: give, with \
     --data-dir, that of a node that was of the cluster";

/// How other nodes are spoken to.
pub(super) struct Others {
    pub(super) secrets: PeerSecrets,
    pub(super) tls: Option<Arc<ClientTls>>,
}

/// What became of it.
pub(super) enum Forced {
    /// It was done before, or there is nothing to be done: the node goes on as it is.
    Already(Storage),
    /// The folder is that of a new cluster's node now, and closed.
    Made,
}

/// Makes the folder that of a new cluster's only node, reached at `addr`, with revisions raised by
/// `bump`.
pub(super) async fn new_cluster(
    storage: Storage,
    others: &Others,
    (addr, bump): (&str, u64),
) -> Result<Forced> {
    const WHAT: &str = "--force-new-cluster";
    if let Some(note) = storage.succession_note()? {
        warn!(
            note = note.trim_end(),
            "--force-new-cluster was done before and is not done again: leave it out from now on"
        );
        return Ok(Forced::Already(storage));
    }
    let old = storage.identity.clone();
    let salvaged = salvage(&storage);
    let salvaged = salvaged.await.context(WHAT)?;
    if salvaged.voters.iter().eq([&old.node]) {
        warn!("--force-new-cluster: this node is a cluster of one already: nothing is done");
        return Ok(Forced::Already(storage));
    }
    others.check_gone(&old, &salvaged).await.context(WHAT)?;
    tell_loss(&old, &salvaged);
    let identity = Identity {
        cluster_id: super::drawn()?,
        cluster_name: old.cluster_name.clone(),
        node: NodeId(super::drawn()?),
        attached: false,
    };
    let (rev, own) = (salvaged.store.rev(), address(addr));
    let successor = storage.begin_successor(identity.clone()).context(WHAT)?;
    let raised = found_successor(&successor, salvaged, (old.node, own), bump);
    let raised = raised.await.context(WHAT)?;
    let note = format!(
        "node {} of cluster {} at revision {rev} went on by --force-new-cluster as node {} of \
         cluster {} at revision {raised}; with this file removed it can be done again\n",
        old.node,
        hex(old.cluster_id),
        identity.node,
        hex(identity.cluster_id),
    );
    let kept = storage.give_way(successor, &note).context(WHAT)?;
    warn!(
        node = %identity.node,
        rev = raised.0,
        kept = %kept.display(),
        "a new cluster goes on from here: start the other nodes with empty folders and -a, and this \
         one without --force-new-cluster from now on"
    );
    Ok(Forced::Made)
}

fn address(addr: &str) -> NodeAddr {
    NodeAddr {
        addr: addr.to_owned(),
        memory: false,
    }
}

fn hex(id: ClusterId) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}

fn tell_loss(old: &Identity, salvaged: &Salvaged) {
    let (rev, agreed) = (salvaged.store.rev(), salvaged.agreed);
    let voters = salvaged.voters.len();
    if !salvaged.voters.contains(&old.node) {
        warn!("this node was no voter: it may lack what the voters had agreed on lately");
    }
    warn!(
        voters,
        rev = rev.0,
        unconfirmed = rev.0 - agreed.0,
        log_term = salvaged.last.committed_leader_id().term,
        log_index = salvaged.last.index(),
        "what other nodes acknowledged behind this revision is lost, if there was any; of the \
         revisions up to it the unconfirmed ones may never have been acknowledged, and are kept"
    );
}

/// What is known of another node.
enum Found {
    Gone,
    /// Somebody is there, and it cannot be the voter.
    Stranger(String),
    Alive,
    Unclear(String),
}

impl Others {
    /// Fails while another voter answers, or something that may be one.
    async fn check_gone(&self, old: &Identity, salvaged: &Salvaged) -> Result<()> {
        let standing = Arc::new(Standing::new(old.node, old.cluster_name.clone()));
        standing.hold(old.cluster_id);
        let dialer = Dialer {
            local: standing,
            secrets: self.secrets.clone(),
            tls: self.tls.clone(),
        };
        let others = salvaged.voters.iter().filter(|node| **node != old.node);
        let asked = others.filter_map(|node| Some((*node, salvaged.nodes.get(node)?)));
        let found = join_all(asked.map(|(node, at)| find(&dialer, node, &at.addr))).await;
        let mut in_the_way = Vec::new();
        for (node, addr, found) in found {
            match found {
                Found::Gone => info!(%node, addr, "does not answer"),
                Found::Stranger(what) => info!(%node, addr, what, "does not answer at its address"),
                Found::Alive => in_the_way.push(format!("node {node} at {addr} answers")),
                Found::Unclear(what) => in_the_way.push(format!("{what}, where node {node} was")),
            }
        }
        if in_the_way.is_empty() {
            return Ok(());
        }
        bail!(
            "{}: nothing was changed. If {} of the {} voters can still be started, start them \
             instead. Else stop those that run: with their folders removed they attach to the new \
             cluster",
            in_the_way.join("; "),
            salvaged.voters.len() / 2 + 1,
            salvaged.voters.len(),
        )
    }
}

async fn find(dialer: &Dialer, node: NodeId, addr: &str) -> (NodeId, String, Found) {
    let target = Target::At(node, addr.to_owned());
    let dialled = dialer.dial(LinkKind::Attach, &target).await;
    let found = match dialled.map(drop) {
        Ok(()) => Found::Alive,
        Err(DialError::Connect { .. } | DialError::Timeout { .. }) => Found::Gone,
        Err(error @ DialError::NotANode { .. }) => Found::Stranger(error.to_string()),
        Err(DialError::Refused { refusal, .. }) if is_stranger(&refusal) => {
            Found::Stranger(refusal.to_string())
        }
        Err(DialError::Refused { refusal, .. }) => {
            Found::Unclear(format!("at {addr} somebody answers: {refusal}"))
        }
        Err(error @ (DialError::Tls { .. } | DialError::Unknown(_))) => {
            Found::Unclear(error.to_string())
        }
    };
    (node, addr.to_owned(), found)
}

/// Whether whoever refuses is surely not the voter that was meant.
fn is_stranger(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::ClusterName { .. } | Refusal::ClusterId { .. } | Refusal::AnotherNode { .. }
    )
}
