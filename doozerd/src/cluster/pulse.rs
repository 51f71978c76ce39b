//! Writes now and then which revision this node has applied.
//!
//! Only when something but pulses has happened since: an idle cluster stays still and keeps its
//! history. (The original wrote every time.)

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::files::ControlFiles;
use crate::store::{Event, ctl};

/// Runs until `stop`.
pub async fn run(files: Arc<ControlFiles>, every: Duration, stop: CancellationToken) {
    let mut tick = interval_at(Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = files.consensus.published().view.rev;
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let newest = files.consensus.published().view.rev;
        if !files.consensus.any_event(known, |event| !is_pulse(event)) {
            known = newest;
            continue;
        }
        match stop.run_until_cancelled(files.write_applied(newest)).await {
            Some(Ok(rev)) => known = rev,
            Some(Err(error)) => debug!(%error, "pulse not written"),
            None => return,
        }
    }
}

fn is_pulse(event: &Event) -> bool {
    let path = event.path.as_str();
    path.starts_with(ctl::NODES) && path.ends_with("/applied")
}
