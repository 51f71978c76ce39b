//! How this node is, for the status page.

use std::sync::Arc;
use std::time::Instant;

use crate::consensus::Consensus;
use crate::server::Server;
use crate::web::{Status, StatusSource};

/// Where the status page looks.
#[derive(Debug)]
pub(super) struct NodeStatus {
    pub(super) consensus: Consensus,
    pub(super) server: Arc<Server>,
    pub(super) cluster: String,
    pub(super) addr: String,
    pub(super) started: Instant,
}

impl StatusSource for NodeStatus {
    fn status(&self) -> Status {
        let published = self.consensus.published();
        let trouble = self.consensus.stopped();
        Status {
            node_id: self.consensus.node().to_string(),
            cluster: self.cluster.clone(),
            address: self.addr.clone(),
            writable: trouble.is_none() && self.consensus.is_writable(),
            rev: published.view.rev.0,
            files: published.view.tree.files(),
            bytes: published.view.tree.bytes(),
            connections: self.server.connections() as u64,
            uptime: self.started.elapsed(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            trouble: trouble.map(|reason| reason.to_string()),
        }
    }
}
