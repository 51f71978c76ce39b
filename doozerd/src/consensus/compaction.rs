//! When a snapshot is made, and what of the log goes after it.
//!
//! A snapshot is due when the log behind the last one has grown past the larger of
//! [`LOG_BYTES_MIN`] and that snapshot's own size, or holds so many mutations that replaying them
//! would hold up a start. It is written by a thread of the blocking pool from a cheap copy of the
//! state; entries go on being applied. Only when it stands (synced, renamed, recorded) does the
//! engine hear of it, and only then is the log purged, up to the *older* of the two snapshots kept:
//! should the newer turn out unreadable, the older and the log behind it still hold everything.
//! A failed build leaves nothing behind and is tried again after [`RETRY_AFTER`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::Raft;
use tokio::time::Instant;
use tracing::{info, warn};

use super::blocking;
use super::machine::Machine;
use super::shared::Shared;
use crate::raft_types::{SnapshotMeta, TypeConfig};
use crate::storage::{LogStore, SnapshotRecord, Snapshots};

/// Log behind the last snapshot that is always allowed: a simulation is short.
const LOG_BYTES_MIN: u64 = if cfg!(feature = "simulation") {
    64 << 10
} else {
    64 << 20
};
/// Mutations behind the last snapshot, for each `LOG_BYTES_MIN` of its size: replaying one takes
/// some microseconds.
const MUTATIONS_MIN: u64 = 200_000;
/// How often it is asked whether a snapshot is due.
const CHECK_EVERY: Duration = Duration::from_millis(500);
/// Rest after a build that failed.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Makes snapshots and purges the log.
#[derive(Debug)]
pub(super) struct Compaction {
    pub(super) shared: Arc<Shared>,
    pub(super) log: LogStore,
    pub(super) snapshots: Snapshots,
    pub(super) raft: Raft<TypeConfig, Machine>,
}

impl Compaction {
    /// Runs until the task is dropped.
    pub(super) async fn run(self) {
        let mut tick = tokio::time::interval(CHECK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut not_before = Instant::now();
        loop {
            tick.tick().await;
            if Instant::now() < not_before || !self.is_due() {
                continue;
            }
            if let Err(error) = self.compact().await {
                warn!(%error, "snapshot put off");
                not_before = Instant::now() + RETRY_AFTER;
            }
        }
    }

    fn is_due(&self) -> bool {
        let latest = self.snapshots.latest();
        let (index, bytes) = latest.map_or((0, 0), |record| {
            (
                record.meta.last_log_id.map_or(0, |id| id.index()),
                record.bytes,
            )
        });
        let allowed = bytes.max(LOG_BYTES_MIN);
        self.log.bytes_since(index) > allowed
            || self.shared.revs_since_snapshot() > MUTATIONS_MIN * (allowed / LOG_BYTES_MIN)
    }

    async fn compact(&self) -> io::Result<()> {
        let copy = self.shared.snapshot();
        let (source, rev) = (copy.source, copy.rev);
        let snapshots = self.snapshots.clone();
        let meta = SnapshotMeta {
            last_log_id: copy.applied,
            last_membership: copy.membership,
        };
        let build = blocking::run(move || -> io::Result<SnapshotRecord> {
            let mut writer = snapshots.begin()?;
            for frame in source {
                writer.write_frame(&frame)?;
            }
            writer.finish(&meta)
        });
        let record = build.await??;
        self.shared.snapshot_stands(rev);
        info!(bytes = record.bytes, %rev, "snapshot written");
        self.raft
            .trigger()
            .snapshot()
            .await
            .map_err(io::Error::other)?;
        if let Some(last) = self.snapshots.purge_to() {
            self.raft
                .trigger()
                .purge_log(last.index())
                .await
                .map_err(io::Error::other)?;
        }
        Ok(())
    }
}
