//! Writes now and then which revision this node has applied.
//!
//! Only when something but a pulse has happened since: an idle cluster stays still and keeps its
//! history. (The original wrote every time.)

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::control_files::ControlFiles;

/// Runs until `stop`.
pub(super) async fn run(files: ControlFiles, every: Duration, stop: CancellationToken) {
    let mut tick = interval_at(Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = files.consensus.published().view.rev;
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let newest = files.consensus.published().view.rev;
        if newest == known {
            continue;
        }
        match stop.run_until_cancelled(files.write_applied(newest)).await {
            Some(Ok(rev)) => known = rev,
            Some(Err(error)) => debug!(%error, "pulse not written"),
            None => return,
        }
    }
}
