//! The files under /ctl that this node writes about itself and its cluster.
//!
//! They are written one by one, each only where it is not as it should be: a founder that dies
//! between two of them goes on at its next start, and a node that starts again writes nothing.

use anyhow::{Result, bail};
use bytes::Bytes;

use crate::consensus::{Consensus, Outcome};
use crate::store::{Found, Mutation, Path, Revision, ctl};

/// Writes this node's control files.
#[derive(Debug)]
pub(super) struct ControlFiles {
    pub(super) consensus: Consensus,
    pub(super) node: String,
    pub(super) cluster: String,
    pub(super) addr: String,
}

impl ControlFiles {
    /// Writes what is not there yet, in the original's order, `writable` last.
    pub(super) async fn write(&self) -> Result<()> {
        let node = &self.node;
        self.ensure(ctl::name(), &self.cluster).await?;
        self.ensure(ctl::node_addr(node)?, &self.addr).await?;
        self.ensure(ctl::node_hostname(node)?, &hostname()).await?;
        self.ensure(ctl::node_version(node)?, env!("CARGO_PKG_VERSION"))
            .await?;
        if !self.is_slot_there() {
            self.ensure(ctl::cal(0), node).await?;
        }
        self.ensure(ctl::ns(&self.cluster, node)?, &self.addr)
            .await?;
        self.ensure(ctl::node_writable(node)?, "true").await
    }

    /// Writes which revision this node has applied; the answer is the revision that made.
    pub(super) async fn write_applied(&self, applied: Revision) -> Result<Revision> {
        let path = ctl::node_applied(&self.node)?;
        self.set(path, Revision::CLOBBER, applied.to_string()).await
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

    async fn set(&self, path: Path, rev: Revision, value: String) -> Result<Revision> {
        let text = path.as_str().to_owned();
        let set = Mutation::Set {
            path,
            rev,
            value: Bytes::from(value),
        };
        match self.consensus.propose(set).await {
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
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
