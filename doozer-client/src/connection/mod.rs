//! One connection: many requests at once, answers matched by tag.

mod channel;
mod ledger;
mod run;
mod socket;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub(crate) use channel::Channel;
pub(crate) use ledger::Unsettled;
pub(crate) use socket::{Reader, Writer, open};

/// A connection to one server. Dropped, it is closed.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) address: String,
    channel: Arc<Channel>,
    useful: AtomicBool,
    _stop: DropGuard,
}

impl Connection {
    /// Serves the stream by a task of `tasks` until `stop`, the drop, or the stream's end.
    pub(crate) fn start(
        address: String,
        (reader, writer): (Reader, Writer),
        frame_bytes_max: usize,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let channel = Arc::new(Channel::new(stop.clone()));
        let served = Arc::clone(&channel);
        tasks.spawn(async move {
            let cause = run::run(&served, reader, writer, frame_bytes_max).await;
            served.end(&cause);
        });
        Self {
            address,
            channel,
            useful: AtomicBool::new(false),
            _stop: stop.drop_guard(),
        }
    }

    /// Notes that a user's request was answered over it.
    pub(crate) fn mark_useful(&self) {
        self.useful.store(true, Relaxed);
    }

    /// Whether a user's request was ever answered over it.
    pub(crate) fn is_useful(&self) -> bool {
        self.useful.load(Relaxed)
    }

    /// What the connection's users share; holding it does not keep the connection.
    pub(crate) fn channel(&self) -> Arc<Channel> {
        Arc::clone(&self.channel)
    }
}

impl Deref for Connection {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}
