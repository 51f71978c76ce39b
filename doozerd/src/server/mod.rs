//! The client protocol: connections, what they ask, what they are answered.
//!
//! One task a connection reads frames, answers what can be answered at once, and writes all
//! answers of a round in one go ([`connection`]). What has to wait (a mutation, a WAIT, a read at a
//! revision to come) leaves a ticket in the connection's table of open requests; its answer comes
//! through the connection's outbox from the applying thread. A connection holds a bounded amount
//! of memory: what it may have unread, unanswered, unwritten is limited, each by name, in
//! [`Limits`].

mod access;
mod connection;
mod cursors;
mod dispatch;
mod listener;
mod open;
mod outbox;
mod porch;
mod read;
mod refused;
mod stream;
mod trail;
mod trouble;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

pub use access::Secrets;
pub use listener::serve;
pub use porch::{Arrivals, Porch};

use crate::consensus::Consensus;
use crate::transport::Door;
use cursors::Cursors;
use trouble::Troubles;

/// What a connection may take, and what the store may hold.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a file's value.
    pub value_bytes_max: usize,
    /// Bytes of a request.
    pub frame_bytes_max: usize,
    /// Connections at once.
    pub connections_max: usize,
    /// Mutations of one connection that have no answer; past it the connection is not read.
    pub in_flight_max: usize,
    /// WAITs and reads at revisions to come of one connection.
    pub waiters_max: usize,
    /// The same, of all connections together.
    pub waiters_total_max: usize,
    /// Bytes of all files; past it only what makes the store smaller is taken.
    pub store_bytes_max: u64,
}

/// What all connections share.
#[derive(Debug)]
pub struct Server {
    consensus: Consensus,
    limits: Limits,
    secrets: Secrets,
    /// Where connections go that turn out to be other nodes'.
    door: Option<Arc<dyn Door>>,
    /// Set while this node stops: mutations are answered READONLY.
    draining: AtomicBool,
    connections: AtomicUsize,
    waiters: AtomicUsize,
    /// Bytes of answers that wait to be written, over all connections.
    unwritten: AtomicUsize,
    large_frames: tokio::sync::Semaphore,
    cursors: Mutex<Vec<Weak<Mutex<Cursors>>>>,
    troubles: Troubles,
}

/// Bytes of requests over [`connection::LARGE_FRAME_BYTES`] that are being received, over all
/// connections.
const LARGE_FRAMES_BYTES_MAX: usize = 256 << 20;

impl Server {
    /// A server of this state; nothing is listened on yet.
    pub fn new(
        consensus: Consensus,
        limits: Limits,
        secrets: Secrets,
        door: Option<Arc<dyn Door>>,
    ) -> Self {
        let large_frames = LARGE_FRAMES_BYTES_MAX.max(limits.frame_bytes_max + 64);
        Self {
            consensus,
            limits,
            secrets,
            door,
            draining: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            waiters: AtomicUsize::new(0),
            unwritten: AtomicUsize::new(0),
            large_frames: tokio::sync::Semaphore::new(large_frames),
            cursors: Mutex::default(),
            troubles: Troubles::default(),
        }
    }

    /// From now on mutations are answered READONLY: surely not executed.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn is_writable(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.consensus.is_writable()
    }

    /// Drops walks that no client has gone on with; called every second.
    pub fn sweep(&self) {
        cursors::sweep(&self.cursors);
    }
}
