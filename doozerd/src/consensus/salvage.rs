//! What a survivor's folder holds, and the cluster of one that goes on from it.
//!
//! When a quorum is lost for good, nothing says which of the last entries of a survivor's log were
//! agreed on. All of them are applied: what was acknowledged to a client by way of this node is
//! among them, and so may be a few mutations whose outcome nobody was ever told. What only others
//! had acknowledged is lost, which is why an operator has to ask for this.
//!
//! The new cluster has an id of its own, and its one node too, so that an old member which comes
//! back is a stranger to it and can take nothing with it. Its revision is raised far beyond what
//! the old one can have reached: a revision never means two things, and a client that watches from
//! an old one is told `TOO_LATE` and reads anew. History begins behind the raise for the same
//! reason. Sessions are of old nodes and are let go: a mutation that was on its way is not taken up.
//!
//! What the old nodes said of themselves under /ctl is removed. The slots stay, all free but one,
//! which the new node takes: attached nodes fill them again as ever.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use openraft::EntryPayload;
use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;
use thiserror::Error;

use super::memberships::files_below;
use super::slots::Slots;
use crate::raft_types::{
    Command, LeaderId, LogId, Membership, NodeAddr, NodeId, SnapshotMeta, StoredMembership, Vote,
};
use crate::storage::Storage;
use crate::store::{
    CommandError, HistoryLimits, Mutation, Revision, SnapshotError, SnapshotSink, Store, ctl,
};

/// History is not looked at: the least that can be kept.
const HISTORY: HistoryLimits = HistoryLimits {
    revisions: 1,
    bytes: 0,
};

/// What a survivor's folder holds.
#[derive(Debug)]
pub struct Salvaged {
    /// The store with all of the log applied.
    pub store: Store,
    /// The nodes of its cluster, by the last membership of its log.
    pub nodes: BTreeMap<NodeId, NodeAddr>,
    /// Those that voted.
    pub voters: BTreeSet<NodeId>,
    /// Where its log ends.
    pub last: LogId,
    /// The revision up to which it knew that all was agreed on.
    pub agreed: Revision,
}

/// Why a folder does not give a new cluster.
#[derive(Debug, Error)]
pub enum SalvageError {
    /// The disk refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A snapshot makes no sense.
    #[error("the newest snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
    /// An entry makes no sense.
    #[error("entry {index} of the log: {source}")]
    Entry {
        /// Which.
        index: u64,
        /// Why.
        source: CommandError,
    },
    /// It never had a cluster.
    #[error("it holds nothing yet: this node was never taken into a cluster")]
    Empty,
    /// Revisions would overflow.
    #[error("revision {0} cannot be raised by so much: give a smaller --bump")]
    Bump(Revision),
}

/// Reads all that a folder holds. Blocks on the disk.
pub async fn salvage(storage: &Storage) -> Result<Salvaged, SalvageError> {
    let (mut store, mut membership, mut last) = (Store::new(), StoredMembership::default(), None);
    if let Some(record) = storage.snapshots.latest() {
        let mut sink = SnapshotSink::new();
        for frame in storage.snapshots.read(&record)? {
            sink.frame(&frame?)?;
        }
        store = sink.finish()?;
        membership = record.meta.last_membership;
        last = record.meta.last_log_id;
    }
    let committed = storage.log.committed().max(last);
    let mut log = storage.log.clone();
    let mut agreed = store.rev();
    loop {
        let next = last.map_or(0, |last: LogId| last.index() + 1);
        let entries = log.limited_get_log_entries(next, u64::MAX).await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            let index = entry.log_id.index();
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(Command(bytes)) => {
                    let applied = store.apply(index, &bytes);
                    applied.map_err(|source| SalvageError::Entry { index, source })?;
                }
                EntryPayload::Membership(changed) => {
                    membership = StoredMembership::new(Some(entry.log_id), changed);
                }
            }
            if Some(entry.log_id) <= committed {
                agreed = store.rev();
            }
            last = Some(entry.log_id);
        }
        store.trim(&HISTORY);
    }
    let membership = membership.membership();
    Ok(Salvaged {
        store,
        nodes: membership
            .nodes()
            .map(|(id, node)| (*id, node.clone()))
            .collect(),
        voters: membership.voter_ids().collect(),
        last: last.ok_or(SalvageError::Empty)?,
        agreed,
    })
}

/// Writes into `storage`, which was founded for it, what a cluster of its node alone begins with.
/// Returns the cluster's revision. Blocks on the disk.
pub async fn found_successor(
    storage: &Storage,
    salvaged: Salvaged,
    (old, addr): (NodeId, NodeAddr),
    bump: u64,
) -> Result<Revision, SalvageError> {
    let node = storage.identity.node;
    let gone = salvaged.nodes.keys().copied().chain([old]);
    let name = &storage.identity.cluster_name;
    let mutations = leave_taking(&salvaged.store, name, &gone.collect(), (old, node));
    let rev = salvaged.store.rev();
    let store = salvaged.store.into_successor(bump, mutations);
    let store = store.ok_or(SalvageError::Bump(rev))?;
    // Behind all that was: the engine begins as behind a snapshot that another node sent.
    let leader = LeaderId {
        term: salvaged.last.committed_leader_id().term + 1,
        node_id: node,
    };
    let at = LogId::new(leader, salvaged.last.index() + 1);
    let membership = Membership::new(vec![[node].into()], BTreeMap::from([(node, addr)]));
    let membership = membership.map_err(io::Error::other)?;
    let meta = SnapshotMeta {
        last_log_id: Some(at),
        last_membership: StoredMembership::new(Some(at), membership),
    };
    let mut log = storage.log.clone();
    log.save_vote(&Vote::new(leader.term, node)).await?;
    let mut writer = storage.snapshots.begin()?;
    for frame in store.snapshot() {
        writer.write_frame(&frame)?;
    }
    writer.finish_installed(&meta)?;
    log.purge(at).await?;
    Ok(store.rev())
}

/// What makes the old nodes' files go and gives the new one a slot: that of the survivor, or the
/// first.
fn leave_taking(
    store: &Store,
    name: &str,
    gone: &BTreeSet<NodeId>,
    (old, new): (NodeId, NodeId),
) -> Vec<Mutation> {
    let tree = store.view().tree;
    let rev = Revision::CLOBBER;
    let mut globs = vec![format!("{}/**", ctl::NODES)];
    globs.extend(gone.iter().map(|id| format!("{}/{name}/{id}", ctl::NS)));
    let paths = globs
        .iter()
        .flat_map(|glob| files_below(&tree, glob, usize::MAX));
    let mut mutations: Vec<Mutation> = paths.map(|path| Mutation::Del { path, rev }).collect();
    let slots = Slots::of(&tree).0;
    let own = slots.iter().find(|slot| slot.node() == Some(old));
    let own = own.or(slots.first()).map(|slot| slot.path.clone());
    mutations.extend(slots.into_iter().map(|slot| {
        let taken = Some(&slot.path) == own.as_ref();
        let value = if taken {
            new.to_string()
        } else {
            String::new()
        };
        Mutation::Set {
            path: slot.path,
            rev,
            value: value.into(),
        }
    }));
    mutations
}
