//! Tests of the whole, each kind of trouble in a file of its own.

mod basics;
mod damage;
mod full;
mod model;
mod power;
mod succession;
use super::vfs::simulated;
mod suite;

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::{EntryPayload, RaftLogReader};

use crate::raft_types::{
    Command, Entry, LeaderId, LogId, Membership, NodeAddr, NodeId, SnapshotMeta, StoredMembership,
    TypeConfig, Vote,
};

use super::folder::Folder;
use super::vfs::Vfs;
use super::{Execution, Identity, LogStore, OpenError, Storage, StorageOptions};

pub(super) const NODE: NodeId = NodeId([7; 10]);
pub(super) const INLINE: StorageOptions = StorageOptions {
    execution: Execution::Inline,
};
pub(super) const THREAD: StorageOptions = StorageOptions {
    execution: Execution::Thread,
};

pub(super) fn identity() -> Identity {
    Identity {
        cluster_id: [1; 16],
        cluster_name: "test".to_owned(),
        node: NODE,
        attached: false,
    }
}

pub(super) fn open(vfs: &Arc<impl Vfs>, options: StorageOptions) -> Result<Storage, OpenError> {
    let folder = Folder {
        vfs: Arc::clone(vfs) as Arc<dyn Vfs>,
        dir: PathBuf::from("/data"),
    };
    Storage::open_in(folder, identity, options)
}

pub(super) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(
        LeaderId {
            term,
            node_id: NODE,
        },
        index,
    )
}

pub(super) fn entry(term: u64, index: u64) -> Entry {
    let command = format!("{term} {index} {}", "x".repeat(100));
    Entry::new(
        log_id(term, index),
        EntryPayload::Normal(Command(Bytes::from(command))),
    )
}

pub(super) fn entries(term: u64, indexes: RangeInclusive<u64>) -> Vec<Entry> {
    indexes.map(|index| entry(term, index)).collect()
}

pub(super) fn meta(term: u64, index: u64) -> SnapshotMeta {
    let node = NodeAddr {
        addr: "127.0.0.1:8046".to_owned(),
        memory: false,
    };
    let membership = Membership::new(vec![[NODE].into()], BTreeMap::from([(NODE, node)])).unwrap();
    SnapshotMeta {
        last_log_id: Some(log_id(term, index)),
        last_membership: StoredMembership::new(Some(log_id(1, 0)), membership),
    }
}

/// Runs a future that waits for nothing but other threads.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// What can be done to storage, for scripts.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Append(u64, RangeInclusive<u64>),
    Vote(u64),
    Committed(u64, u64),
    TruncateAfter(u64, u64),
    Purge(u64, u64),
    Snapshot(u64, u64),
    Install(u64, u64),
}

/// Does one step, and waits until it is durable where that is promised.
pub(super) fn step(storage: &mut Storage, step: &Step) -> io::Result<()> {
    let log = &mut storage.log;
    match step.clone() {
        Step::Append(term, indexes) => run(append(log, entries(term, indexes))),
        Step::Vote(term) => run(log.save_vote(&Vote::new(term, NODE))),
        Step::Committed(term, index) => run(log.save_committed(Some(log_id(term, index)))),
        Step::TruncateAfter(term, index) => run(log.truncate_after(Some(log_id(term, index)))),
        Step::Purge(term, index) => run(log.purge(log_id(term, index))),
        Step::Snapshot(term, index) => snapshot(storage, term, index, false),
        Step::Install(term, index) => snapshot(storage, term, index, true),
    }
}

/// Appends, and waits until it is durable.
pub(super) async fn append(log: &mut LogStore, entries: Vec<Entry>) -> io::Result<()> {
    let (tx, rx) = TypeConfig::oneshot();
    log.append(entries, IOFlushed::signal(tx)).await?;
    rx.await.map_err(io::Error::other)?
}

fn snapshot(storage: &Storage, term: u64, index: u64, installed: bool) -> io::Result<()> {
    let mut writer = storage.snapshots.begin()?;
    for frame in frames(index) {
        writer.write_frame(&frame)?;
    }
    let meta = meta(term, index);
    if installed {
        writer.finish_installed(&meta)
    } else {
        writer.finish(&meta)
    }
    .map(drop)
}

/// A snapshot's content, told by its index.
pub(super) fn frames(index: u64) -> Vec<Vec<u8>> {
    (0..3)
        .map(|frame| format!("{index} {frame} {}", "y".repeat(700)).into_bytes())
        .collect()
}

/// Everything that storage holds, for comparing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Held {
    pub(super) vote: Option<Vote>,
    pub(super) committed: Option<LogId>,
    pub(super) purged: Option<LogId>,
    pub(super) last: Option<LogId>,
    pub(super) entries: Vec<Entry>,
    pub(super) snapshot: Option<LogId>,
}

pub(super) fn held(storage: &mut Storage) -> Held {
    let log = &mut storage.log;
    let state = run(log.get_log_state()).unwrap();
    let latest = storage.snapshots.latest();
    if let Some(record) = &latest {
        let read = storage
            .snapshots
            .read(record)
            .unwrap()
            .collect::<Result<Vec<_>, _>>();
        assert_eq!(
            read.unwrap(),
            frames(record.meta.last_log_id.unwrap().index())
        );
    }
    Held {
        vote: run(log.read_vote()).unwrap(),
        committed: run(log.read_committed()).unwrap(),
        purged: state.last_purged_log_id,
        last: state.last_log_id,
        entries: run(log.try_get_log_entries(..)).unwrap(),
        snapshot: latest.and_then(|record| record.meta.last_log_id),
    }
}
