//! A slow disk, as simulations have it: what is asked of the queue is written a while later.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use tokio_util::task::TaskTracker;

use super::queue::Shared;
use super::vfs::Vfs;

/// Writes later what a slow disk would not have written yet.
#[derive(Debug)]
pub(super) struct Slow {
    vfs: Arc<dyn Vfs>,
    tasks: TaskTracker,
    is_under_way: AtomicBool,
}

impl Slow {
    pub(super) fn new(vfs: Arc<dyn Vfs>) -> Self {
        Self {
            vfs,
            tasks: TaskTracker::new(),
            is_under_way: AtomicBool::new(false),
        }
    }

    /// Whether what waits is written later, by a task; else the caller writes.
    pub(super) fn takes_over(&self, queue: &Arc<Shared>) -> bool {
        if self.is_under_way.load(Ordering::Relaxed) {
            return true;
        }
        let takes = self.vfs.slowness();
        if takes.is_zero() {
            return false;
        }
        self.is_under_way.store(true, Ordering::Relaxed);
        // The queue is closed when its owner lets go of it, not when this is done.
        let queue: Weak<Shared> = Arc::downgrade(queue);
        self.tasks.spawn(async move {
            tokio::time::sleep(takes).await;
            queue.upgrade().inspect(write);
        });
        true
    }
}

fn write(queue: &Arc<Shared>) {
    queue.slow.is_under_way.store(false, Ordering::Relaxed);
    queue.drain();
}
