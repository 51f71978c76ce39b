//! A page that shows how this node is, and an address that says whether it is well.

mod answer;
mod page;
mod serve;

pub use serve::{Listener, OpenError, Opened, open, serve};

use std::time::Duration;

/// Knows how this node is. Asked once a request; answers without waiting.
pub trait StatusSource: Send + Sync {
    /// How this node is now.
    fn status(&self) -> Status;
}

/// How a node is.
#[derive(Debug, Clone)]
pub struct Status {
    /// The node's id.
    pub node_id: String,
    /// The cluster's name.
    pub cluster: String,
    /// The address that clients and other nodes reach it at.
    pub address: String,
    /// Whether it takes writes.
    pub writable: bool,
    /// The newest revision it has applied.
    pub rev: i64,
    /// Files in the store.
    pub files: u64,
    /// Bytes that they hold.
    pub bytes: u64,
    /// Connections of clients.
    pub connections: u64,
    /// Time since the start.
    pub uptime: Duration,
    /// The server's version.
    pub version: String,
    /// What is wrong and what to do; nothing while all is well.
    pub trouble: Option<String>,
}

#[cfg(test)]
mod tests;
