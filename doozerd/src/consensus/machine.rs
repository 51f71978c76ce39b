//! The state machine as the engine sees it: entries go in, snapshots come and go.
//!
//! Snapshots are built by `compaction`, outside the engine: a build that fails (a full disk) is
//! put off there, and the engine only ever hears of one that stands on disk.

use std::io;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::alias::SnapshotOf;

use super::blocking;
use super::shared::Shared;
use crate::raft_types::{LogId, SnapshotMeta, StoredMembership, TypeConfig};
use crate::storage::{LogStore, SnapshotRecord, Snapshots};
use crate::store::{SnapshotSink, Store};

type Snapshot = SnapshotOf<TypeConfig, SnapshotRecord>;

/// The engine's handle of the state.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) shared: Arc<Shared>,
    pub(super) log: LogStore,
    pub(super) snapshots: Snapshots,
}

/// Gives the engine the newest snapshot that stands on disk.
#[derive(Debug)]
pub(super) struct BuiltSnapshot(Option<SnapshotRecord>);

impl RaftSnapshotBuilder<TypeConfig> for BuiltSnapshot {
    type SnapshotData = SnapshotRecord;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let record = self.0.take();
        record
            .map(as_snapshot)
            .ok_or_else(|| io::Error::other("no snapshot stands on disk"))
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = SnapshotRecord;
    type SnapshotBuilder = BuiltSnapshot;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let state = self.shared.state();
        Ok((state.applied, state.membership.clone()))
    }

    /// An entry may be agreed on before this node has it on disk. It is applied only then: what a
    /// client has seen here must still be here after a crash.
    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + Send,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            if !self.log.flushed(entry.log_id.index()).await {
                return Err(io::Error::other("the log cannot be written any more"));
            }
            self.shared.apply(&entry).map_err(|error| {
                let index = entry.log_id.index();
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("entry {index}: {error}"),
                )
            })?;
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, _force: bool) -> Option<BuiltSnapshot> {
        self.snapshots
            .latest()
            .map(|record| BuiltSnapshot(Some(record)))
    }

    async fn get_snapshot_builder(&mut self) -> BuiltSnapshot {
        BuiltSnapshot(self.snapshots.latest())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotRecord,
    ) -> io::Result<()> {
        let snapshots = self.snapshots.clone();
        let store = blocking::run(move || read_whole(&snapshots, &snapshot)).await??;
        let before = self
            .shared
            .install(store, meta.last_log_id, meta.last_membership.clone());
        // A large state takes a while to be let go of, too.
        blocking::run(move || drop(before)).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        Ok(self.snapshots.latest().map(as_snapshot))
    }
}

fn read_whole(snapshots: &Snapshots, record: &SnapshotRecord) -> io::Result<Store> {
    let mut sink = SnapshotSink::new();
    for frame in snapshots.read(record)? {
        sink.frame(&frame?).map_err(invalid)?;
    }
    sink.finish().map_err(invalid)
}

fn as_snapshot(record: SnapshotRecord) -> Snapshot {
    Snapshot {
        meta: record.meta.clone(),
        snapshot: record,
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
