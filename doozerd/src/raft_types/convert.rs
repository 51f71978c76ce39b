//! The engine's types to our own messages and back. What is read back may be damaged: every
//! conversion that way can fail.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use doozer_proto::peer;
use openraft::EntryPayload;
use openraft::entry::RaftEntry;
use thiserror::Error;

use super::{
    Command, Entry, LeaderId, LogId, Membership, NodeAddr, NodeId, NodeIdError, SnapshotMeta,
    StoredMembership, Vote,
};

/// A message that is readable and makes no sense.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A node's id that is none.
    #[error(transparent)]
    NodeId(#[from] NodeIdError),
    /// A membership that the engine refuses.
    #[error("a membership with a voter that is no node of it")]
    Membership,
}

impl From<NodeId> for Bytes {
    fn from(id: NodeId) -> Self {
        Bytes::copy_from_slice(&id.0)
    }
}

/// A log id as a message.
pub fn log_id_to_message(id: &LogId) -> peer::LogId {
    let leader = id.committed_leader_id();
    peer::LogId {
        term: leader.term,
        leader: leader.node_id.into(),
        index: id.index(),
    }
}

/// A log id from a message.
pub fn log_id_from_message(message: &peer::LogId) -> Result<LogId, ConvertError> {
    let leader = LeaderId {
        term: message.term,
        node_id: NodeId::try_from(&message.leader[..])?,
    };
    Ok(LogId::new(leader, message.index))
}

/// A vote as a message.
pub fn vote_to_message(vote: &Vote) -> peer::Vote {
    let leader = vote.leader_id();
    peer::Vote {
        term: leader.term,
        node: leader.node_id.into(),
        committed: vote.is_committed(),
    }
}

/// A vote from a message.
pub fn vote_from_message(message: &peer::Vote) -> Result<Vote, ConvertError> {
    let node = NodeId::try_from(&message.node[..])?;
    Ok(if message.committed {
        Vote::new_committed(message.term, node)
    } else {
        Vote::new(message.term, node)
    })
}

/// A node and where it is reached, as a message.
pub fn node_to_message(id: NodeId, node: &NodeAddr) -> peer::Node {
    peer::Node {
        id: id.into(),
        addr: node.addr.clone(),
        memory: node.memory,
    }
}

/// A node and where it is reached, from a message.
pub fn node_from_message(message: &peer::Node) -> Result<(NodeId, NodeAddr), ConvertError> {
    let addr = NodeAddr {
        addr: message.addr.clone(),
        memory: message.memory,
    };
    Ok((NodeId::try_from(&message.id[..])?, addr))
}

/// A membership as a message.
pub fn membership_to_message(membership: &Membership) -> peer::Membership {
    let set = |ids: &BTreeSet<NodeId>| peer::VoterSet {
        id: ids.iter().map(|id| Bytes::from(*id)).collect(),
    };
    peer::Membership {
        voters: membership.get_joint_config().iter().map(set).collect(),
        node: membership
            .nodes()
            .map(|(id, node)| node_to_message(*id, node))
            .collect(),
    }
}

/// A membership from a message.
pub fn membership_from_message(message: &peer::Membership) -> Result<Membership, ConvertError> {
    let mut voters = Vec::new();
    for set in &message.voters {
        let ids = set.id.iter().map(|id| NodeId::try_from(&id[..]));
        voters.push(ids.collect::<Result<BTreeSet<_>, _>>()?);
    }
    let mut nodes = BTreeMap::new();
    for node in &message.node {
        let (id, node) = node_from_message(node)?;
        nodes.insert(id, node);
    }
    Membership::new(voters, nodes).map_err(|_refused| ConvertError::Membership)
}

/// An entry as a message.
pub fn entry_to_message(entry: &Entry) -> peer::Entry {
    let payload = match &entry.payload {
        EntryPayload::Blank => peer::entry::Payload::Blank(peer::Blank {}),
        EntryPayload::Normal(command) => peer::entry::Payload::Command(command.0.clone()),
        EntryPayload::Membership(membership) => {
            peer::entry::Payload::Membership(membership_to_message(membership))
        }
    };
    peer::Entry {
        log_id: Some(log_id_to_message(&entry.log_id)),
        payload: Some(payload),
    }
}

/// An entry from a message.
pub fn entry_from_message(message: peer::Entry) -> Result<Entry, ConvertError> {
    let log_id = message
        .log_id
        .ok_or(ConvertError::Missing("an entry's log id"))?;
    let payload = match message
        .payload
        .ok_or(ConvertError::Missing("an entry's payload"))?
    {
        peer::entry::Payload::Blank(_) => EntryPayload::Blank,
        peer::entry::Payload::Command(command) => EntryPayload::Normal(Command(command)),
        peer::entry::Payload::Membership(membership) => {
            EntryPayload::Membership(membership_from_message(&membership)?)
        }
    };
    Ok(Entry::new(log_id_from_message(&log_id)?, payload))
}

/// A snapshot's meaning as a message.
pub fn snapshot_meta_to_message(meta: &SnapshotMeta) -> peer::SnapshotMeta {
    peer::SnapshotMeta {
        last: meta.last_log_id.as_ref().map(log_id_to_message),
        membership_at: meta
            .last_membership
            .log_id()
            .as_ref()
            .map(log_id_to_message),
        membership: Some(membership_to_message(meta.last_membership.membership())),
    }
}

/// A snapshot's meaning from a message.
pub fn snapshot_meta_from_message(
    message: &peer::SnapshotMeta,
) -> Result<SnapshotMeta, ConvertError> {
    let membership = message
        .membership
        .as_ref()
        .ok_or(ConvertError::Missing("a snapshot's membership"))?;
    let at = message
        .membership_at
        .as_ref()
        .map(log_id_from_message)
        .transpose()?;
    Ok(SnapshotMeta {
        last_log_id: message.last.as_ref().map(log_id_from_message).transpose()?,
        last_membership: StoredMembership::new(at, membership_from_message(membership)?),
    })
}
