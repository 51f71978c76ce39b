//! The engine's own tests of a storage.

use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, TryStreamExt};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::alias::SnapshotOf;
use openraft::{OptionalSend, StorageError};

use crate::raft_types::{LogId, SnapshotMeta, StoredMembership, TypeConfig};
use crate::storage::vfs::MemoryFiles;
use crate::storage::{LogStore, StorageOptions};

use super::{INLINE, THREAD, open};

type Snapshot = SnapshotOf<TypeConfig, Cursor<Vec<u8>>>;

/// A state machine that only counts.
#[derive(Debug, Clone, Default)]
struct Counter(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    applied: Option<LogId>,
    membership: StoredMembership,
    snapshot: Option<SnapshotMeta>,
}

impl Counter {
    fn current(&self) -> Option<Snapshot> {
        let meta = self.0.lock().unwrap().snapshot.clone()?;
        Some(Snapshot {
            meta,
            snapshot: Cursor::default(),
        })
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Counter {
    type SnapshotData = Cursor<Vec<u8>>;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        {
            let mut counted = self.0.lock().unwrap();
            counted.snapshot = Some(SnapshotMeta {
                last_log_id: counted.applied,
                last_membership: counted.membership.clone(),
            });
        }
        Ok(self.current().unwrap())
    }
}

impl RaftStateMachine<TypeConfig> for Counter {
    type SnapshotData = Cursor<Vec<u8>>;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let counted = self.0.lock().unwrap();
        Ok((counted.applied, counted.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let mut counted = self.0.lock().unwrap();
            counted.applied = Some(entry.log_id());
            if let Some(membership) = entry.get_membership() {
                counted.membership = StoredMembership::new(Some(entry.log_id()), membership);
            }
            drop(counted);
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        _snapshot: Cursor<Vec<u8>>,
    ) -> Result<(), io::Error> {
        let mut counted = self.0.lock().unwrap();
        counted.applied = meta.last_log_id;
        counted.membership = meta.last_membership.clone();
        counted.snapshot = Some(meta.clone());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        Ok(self.current())
    }
}

struct Builder(StorageOptions);

impl StoreBuilder<TypeConfig, LogStore, Counter> for Builder {
    async fn build(&self) -> Result<((), LogStore, Counter), StorageError<TypeConfig>> {
        let storage = open(&Arc::new(MemoryFiles::default()), self.0).unwrap();
        Ok(((), storage.log, Counter::default()))
    }
}

fn check(options: StorageOptions) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(Suite::test_all(Builder(options))).unwrap();
}

#[test]
fn the_engines_suite_passes_with_a_thread() {
    check(THREAD);
}

#[test]
fn the_engines_suite_passes_inline() {
    check(INLINE);
}
