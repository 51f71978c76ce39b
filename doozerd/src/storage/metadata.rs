//! The metadata's names and values, as bytes.

use bytes::Bytes;
use doozer_proto::peer;
use prost::{DecodeError, Message};
use thiserror::Error;

use crate::raft_types::{
    ConvertError, LogId, Vote, log_id_from_message, log_id_to_message, snapshot_meta_from_message,
    snapshot_meta_to_message, vote_from_message, vote_to_message,
};

use super::SnapshotRecord;
use super::rows::{Change, Recovered};

/// Who the node is: as in the file of that name.
pub(super) const IDENTITY: &str = "identity";
/// How many commits there were.
pub(super) const NUMBER: &str = "commit number";
const VOTE: &str = "vote";
const PURGED: &str = "purged";
const SNAPSHOTS: &str = "snapshots";

/// A value that its checksum vouches for and that makes no sense.
#[derive(Debug, Error)]
pub(super) enum ValueError {
    #[error(transparent)]
    Message(#[from] DecodeError),
    #[error(transparent)]
    Convert(#[from] ConvertError),
    #[error("a hash of {0} bytes")]
    Hash(usize),
}

/// The name and the new value that a change gives to a piece of metadata.
pub(super) fn of_change(change: &Change) -> Option<(&'static str, Vec<u8>)> {
    Some(match change {
        Change::Append { .. } | Change::TruncateFrom(_) | Change::Committed(_) => return None,
        Change::Purge(id) => (PURGED, log_id_to_message(id).encode_to_vec()),
        Change::Vote(vote) => (VOTE, vote_to_message(vote).encode_to_vec()),
        Change::Snapshots(records) => (SNAPSHOTS, encode_records(records)),
    })
}

/// The metadata as `value` gives it by name.
pub(super) fn recover<E: From<ValueError>>(
    value: impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
) -> Result<Recovered, E> {
    let mut recovered = Recovered::default();
    if let Some(bytes) = value(VOTE)? {
        recovered.vote = Some(decode_vote(&bytes)?);
    }
    if let Some(bytes) = value(PURGED)? {
        recovered.purged = Some(decode_log_id(&bytes)?);
    }
    if let Some(bytes) = value(SNAPSHOTS)? {
        recovered.snapshots = decode_records(bytes)?;
    }
    Ok(recovered)
}

fn decode_log_id(bytes: &[u8]) -> Result<LogId, ValueError> {
    Ok(log_id_from_message(&peer::LogId::decode(bytes)?)?)
}

fn decode_vote(bytes: &[u8]) -> Result<Vote, ValueError> {
    Ok(vote_from_message(&peer::Vote::decode(bytes)?)?)
}

fn encode_records(records: &[SnapshotRecord]) -> Vec<u8> {
    let record = |record: &SnapshotRecord| peer::SnapshotRecord {
        name: record.name.clone(),
        meta: Some(snapshot_meta_to_message(&record.meta)),
        bytes: record.bytes,
        sha256: Bytes::copy_from_slice(&record.hash),
    };
    let message = peer::SnapshotRecords {
        record: records.iter().map(record).collect(),
    };
    message.encode_to_vec()
}

fn decode_records(bytes: Vec<u8>) -> Result<Vec<SnapshotRecord>, ValueError> {
    let message = peer::SnapshotRecords::decode(Bytes::from(bytes))?;
    message.record.into_iter().map(decode_record).collect()
}

fn decode_record(record: peer::SnapshotRecord) -> Result<SnapshotRecord, ValueError> {
    let meta = record.meta.as_ref();
    let meta = meta.ok_or(ConvertError::Missing("a snapshot's meaning"))?;
    let hash = record.sha256[..].try_into();
    Ok(SnapshotRecord {
        name: record.name,
        meta: snapshot_meta_from_message(meta)?,
        bytes: record.bytes,
        hash: hash.map_err(|_wrong_length| ValueError::Hash(record.sha256.len()))?,
    })
}
