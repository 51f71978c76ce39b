//! The files under /ctl that this node writes about itself and its cluster.
//!
//! They are written one by one, each only where it is not as it should be: a founder that dies
//! between two of them goes on at its next start, and a node that starts again writes nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::consensus::{Consensus, Outcome};
use crate::store::{Found, Mutation, Path, Revision, ctl};

/// Rest after a file could not be written.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Writes this node's control files.
#[derive(Debug)]
pub struct ControlFiles {
    /// The state.
    pub consensus: Consensus,
    /// This node's id.
    pub node: String,
    /// The cluster's name.
    pub cluster: String,
    /// Where this node is reached.
    pub addr: String,
    /// Whether the cluster registers at a `DzNS`, not in its own store.
    pub is_registered_elsewhere: bool,
}

impl ControlFiles {
    /// Writes a founder's files that are not there yet, in the original's order, `writable` last.
    pub async fn found(&self) -> Result<()> {
        self.ensure(ctl::name(), &self.cluster).await?;
        self.write_node().await?;
        if !self.is_slot_there() {
            let taken = self.ensure(ctl::cal(0), &self.node).await;
            // The leader, which is this node, may have given it the slot in the same moment.
            if let (Err(error), false) = (taken, self.is_slot_there()) {
                return Err(error);
            }
        }
        self.write_member(true).await
    }

    /// Keeps this node's files as they should be, until `stop`.
    pub async fn keep(&self, stop: CancellationToken) {
        let (mut members, mut writable) = (self.consensus.members(), self.consensus.writable());
        loop {
            members.borrow_and_update();
            writable.borrow_and_update();
            let Some(written) = stop.run_until_cancelled(self.write_as_it_is()).await else {
                return;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RETRY_AFTER), if !written => {}
                Ok(()) = members.changed(), if written => {}
                Ok(()) = writable.changed(), if written => {}
                else => return,
            }
        }
    }

    /// Writes what is not as it should be now; whether all is.
    async fn write_as_it_is(&self) -> bool {
        let members = Arc::clone(&self.consensus.members().borrow());
        if !members.nodes.contains_key(&self.consensus.node()) {
            return true;
        }
        let written = async {
            self.write_node().await?;
            self.write_member(self.consensus.is_writable()).await
        };
        let written = written.await;
        if let Err(error) = &written {
            debug!(%error, "control files not written");
        }
        written.is_ok()
    }

    /// Writes which revision this node has applied; the answer is the revision that made.
    pub(super) async fn write_applied(&self, applied: Revision) -> Result<Revision> {
        let path = ctl::node_applied(&self.node)?;
        self.set(path, Revision::CLOBBER, applied.to_string()).await
    }

    /// What every node says of itself.
    async fn write_node(&self) -> Result<()> {
        let node = &self.node;
        self.ensure(ctl::node_addr(node)?, &self.addr).await?;
        self.ensure(ctl::node_hostname(node)?, &hostname()).await?;
        self.ensure(ctl::node_version(node)?, env!("CARGO_PKG_VERSION"))
            .await
    }

    /// What only a member says.
    async fn write_member(&self, is_member: bool) -> Result<()> {
        let (ns, writable) = (
            ctl::ns(&self.cluster, &self.node)?,
            ctl::node_writable(&self.node)?,
        );
        if !is_member {
            self.remove(writable).await?;
            return self.remove(ns).await;
        }
        if !self.is_registered_elsewhere {
            self.ensure(ns, &self.addr).await?;
        }
        self.ensure(writable, "true").await
    }

    async fn ensure(&self, path: Path, value: &str) -> Result<()> {
        let rev = {
            let published = self.consensus.published();
            match published.view.tree.lookup(path.as_bytes()) {
                Found::File { value: there, .. } if **there == *value.as_bytes() => return Ok(()),
                Found::File { rev, .. } => rev,
                Found::Missing => Revision::MISSING,
                Found::Dir { .. } => bail!("write {}: it is a directory", path.as_str()),
            }
        };
        self.set(path, rev, value.to_owned()).await?;
        Ok(())
    }

    async fn remove(&self, path: Path) -> Result<()> {
        let is_there = {
            let published = self.consensus.published();
            let found = published.view.tree.lookup(path.as_bytes());
            matches!(found, Found::File { .. })
        };
        if !is_there {
            return Ok(());
        }
        let rev = Revision::CLOBBER;
        self.propose(path.clone(), Mutation::Del { path, rev })
            .await?;
        Ok(())
    }

    async fn set(&self, path: Path, rev: Revision, value: String) -> Result<Revision> {
        let set = Mutation::Set {
            path: path.clone(),
            rev,
            value: Bytes::from(value),
        };
        self.propose(path, set).await
    }

    async fn propose(&self, path: Path, mutation: Mutation) -> Result<Revision> {
        let text = path.as_str();
        match self.consensus.propose(mutation).await {
            Outcome::Written(rev) => Ok(rev),
            Outcome::Refused(refusal) => bail!("write {text}: {}", refusal.text()),
            Outcome::NotWritten(error) => bail!("write {text}: {error}"),
            Outcome::Event(_) | Outcome::Reached | Outcome::HistoryGone => {
                bail!("write {text}: no answer")
            }
        }
    }

    fn is_slot_there(&self) -> bool {
        let published = self.consensus.published();
        !matches!(
            published.view.tree.lookup(ctl::SLOTS.as_bytes()),
            Found::Missing
        )
    }
}

fn hostname() -> String {
    // A run is the same on every machine.
    if cfg!(feature = "simulation") {
        return "simulated".to_owned();
    }
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
