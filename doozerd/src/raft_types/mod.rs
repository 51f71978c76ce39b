//! The consensus engine's types as this project sets them: what a node, a command and an entry is.

mod convert;
mod node_id;
mod rpc;
mod runtime;

pub use convert::*;
pub use node_id::{NODE_ID_BYTES, NodeId, NodeIdError};
pub use rpc::*;
pub use runtime::Runtime;

use std::fmt;

use bytes::Bytes;

/// One replicated command, encoded as `peer.Command`: opaque to everything but the store.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Command(pub Bytes);

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({} bytes)", self.0.len())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Where a node is reached, by peers and clients alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeAddr {
    /// `HOST:PORT`.
    pub addr: String,
    /// It keeps everything in memory: it comes back as another node.
    pub memory: bool,
}

openraft::declare_raft_types!(
    /// The engine's configuration. Answers to clients do not travel through the engine: the
    /// proposer keeps them, so a command's result is nothing.
    pub TypeConfig:
        D = Command,
        R = (),
        NodeId = NodeId,
        Node = NodeAddr,
        AsyncRuntime = Runtime,
);

/// Whose term it is, and which.
pub type LeaderId = openraft::type_config::alias::LeaderIdOf<TypeConfig>;
/// A position in the log.
pub type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
/// A vote.
pub type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
/// An entry of the log.
pub type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
/// Who counts and who only receives.
pub type Membership = openraft::Membership<NodeId, NodeAddr>;
/// A membership and where in the log it stands.
pub type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
/// What a snapshot stands for.
pub type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
