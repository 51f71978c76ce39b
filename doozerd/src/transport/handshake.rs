//! Who this node is for others, and what the two ends of a link check of each other.

use std::fmt;

use bytes::Bytes;
use doozer_proto::peer::{LinkChallenge, LinkHello, LinkKind, LinkRefusal, LinkRefusalKind};
use thiserror::Error;

use crate::raft_types::{
    ConvertError, LogId, NodeId, NodeIdError, log_id_from_message, log_id_to_message,
};

use super::Peer;

/// The version of the messages between nodes. A node talks to those of its own version alone.
pub const PROTOCOL_VERSION: u32 = 1;

/// What tells a cluster from all others.
pub type ClusterId = [u8; 16];

/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 32;
/// Bytes of what tells one process from another.
pub(super) const RUN_BYTES: usize = 8;

/// Who this node is at the moment.
pub trait Local: Send + Sync + fmt::Debug {
    /// Its id.
    fn node(&self) -> NodeId;
    /// Its cluster; nothing while it holds none.
    fn cluster(&self) -> Option<ClusterId>;
    /// The name of its cluster, or of the one it looks for.
    fn cluster_name(&self) -> String;
    /// The newest membership that it knows to be agreed on.
    fn membership_at(&self) -> Option<LogId>;
    /// Why a node that knows this membership is not let in; nothing where it is.
    fn refuses(&self, node: NodeId, membership_at: Option<LogId>) -> Option<Refusal>;
    /// Tells this process from another that has a copy of its folder.
    fn run(&self) -> [u8; RUN_BYTES];
    /// Bytes nobody can guess.
    fn nonce(&self) -> [u8; NONCE_BYTES];
}

/// Why one end of a link does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Their messages are of other versions.
    #[error(
        "it speaks version {theirs} of the protocol between nodes, this node version {ours}: the \
         two need doozerds that speak the same"
    )]
    Version {
        /// The other's.
        theirs: u32,
        /// This node's.
        ours: u32,
    },
    /// They belong to clusters of different names.
    #[error("it belongs to the cluster {theirs:?}, this node to {ours:?} (-c)")]
    ClusterName {
        /// The other's.
        theirs: String,
        /// This node's.
        ours: String,
    },
    /// They belong to different clusters of one name.
    #[error(
        "it belongs to another cluster of the name {name:?}: to join one, a node begins with an \
         empty data folder"
    )]
    ClusterId {
        /// The name of both.
        name: String,
    },
    /// Somebody else was meant.
    #[error("node {meant} was meant, and it is {met}")]
    AnotherNode {
        /// Who was.
        meant: NodeId,
        /// Who answered.
        met: NodeId,
    },
    /// It does not know the secret.
    #[error(
        "it does not know the secret that this node has (DOOZER_PEERSECRET, or DOOZER_RWSECRET \
         where that is not set)"
    )]
    Secret,
    /// It showed no certificate, and must.
    #[error("it showed no certificate (--tls-client-auth)")]
    Certificate,
    /// It was removed from the cluster.
    #[error("node {node} is no member of the cluster any more: it was removed")]
    NotAMember {
        /// Which node.
        node: NodeId,
        /// The membership that it is not of.
        at: LogId,
    },
    /// This node takes no part in consensus now.
    #[error("{0}")]
    NotReady(String),
    /// The other end said so, in its words.
    #[error("it refuses, saying {detail:?}")]
    Told {
        /// What kind of refusal.
        kind: LinkRefusalKind,
        /// Its words.
        detail: String,
    },
    /// What it said makes no sense.
    #[error("it says what makes no sense: {0}")]
    Nonsense(String),
}

impl From<NodeIdError> for Refusal {
    fn from(error: NodeIdError) -> Self {
        Self::Nonsense(error.to_string())
    }
}

impl From<ConvertError> for Refusal {
    fn from(error: ConvertError) -> Self {
        Self::Nonsense(error.to_string())
    }
}

impl Refusal {
    /// What kind of refusal it is.
    pub fn kind(&self) -> LinkRefusalKind {
        match self {
            Self::Version { .. } => LinkRefusalKind::Version,
            Self::ClusterName { .. } => LinkRefusalKind::ClusterName,
            Self::ClusterId { .. } => LinkRefusalKind::ClusterId,
            Self::AnotherNode { .. } => LinkRefusalKind::AnotherNode,
            Self::Secret | Self::Certificate => LinkRefusalKind::Secret,
            Self::NotAMember { .. } => LinkRefusalKind::NotAMember,
            Self::NotReady(_) => LinkRefusalKind::NotReady,
            Self::Told { kind, .. } => *kind,
            Self::Nonsense(_) => LinkRefusalKind::Other,
        }
    }

    pub(super) fn to_message(&self) -> LinkRefusal {
        let membership_at = match self {
            Self::NotAMember { at, .. } => Some(log_id_to_message(at)),
            _ => None,
        };
        LinkRefusal {
            kind: self.kind().into(),
            detail: self.to_string(),
            membership_at,
        }
    }

    /// What a welcome refuses `node` for, whose sender has proved that it knows the secret.
    pub(super) fn from_proven(message: &LinkRefusal, node: NodeId) -> Self {
        let at = message.membership_at.as_ref().map(log_id_from_message);
        match at {
            Some(Ok(at)) if message.kind() == LinkRefusalKind::NotAMember => {
                Self::NotAMember { node, at }
            }
            _ => Self::from_message(message),
        }
    }

    pub(super) fn from_message(message: &LinkRefusal) -> Self {
        let kind = LinkRefusalKind::try_from(message.kind).unwrap_or(LinkRefusalKind::Other);
        Self::Told {
            kind,
            detail: message.detail.clone(),
        }
    }
}

pub(super) fn hello(local: &dyn Local, kind: LinkKind, to: Option<NodeId>) -> LinkHello {
    LinkHello {
        version: PROTOCOL_VERSION,
        kind: kind.into(),
        node: local.node().into(),
        to: to.map(Bytes::from).unwrap_or_default(),
        cluster_id: cluster_bytes(local),
        cluster_name: local.cluster_name(),
        nonce: Bytes::copy_from_slice(&local.nonce()),
        membership_at: local.membership_at().as_ref().map(log_id_to_message),
    }
}

pub(super) fn challenge(local: &dyn Local, refusal: Option<&Refusal>) -> LinkChallenge {
    LinkChallenge {
        version: PROTOCOL_VERSION,
        node: local.node().into(),
        cluster_id: cluster_bytes(local),
        cluster_name: local.cluster_name(),
        nonce: Bytes::copy_from_slice(&local.nonce()),
        refusal: refusal.map(Refusal::to_message),
        run: Bytes::copy_from_slice(&local.run()),
    }
}

/// What a hello asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) peer: Peer,
    pub(super) kind: LinkKind,
    /// The newest membership that the dialer knows.
    pub(super) membership_at: Option<LogId>,
}

/// What an acceptor checks of a hello.
pub(super) fn check_hello(local: &dyn Local, hello: &LinkHello) -> Result<Asked, Refusal> {
    check_version(hello.version)?;
    let kind = LinkKind::try_from(hello.kind)
        .map_err(|_unknown| Refusal::Nonsense(format!("a link of kind {}", hello.kind)))?;
    let node = NodeId::try_from(&hello.node[..])?;
    let cluster = check_cluster(local, &hello.cluster_name, &hello.cluster_id)?;
    if !hello.to.is_empty() {
        check_meant(NodeId::try_from(&hello.to[..])?, local.node())?;
    }
    let at = hello.membership_at.as_ref().map(log_id_from_message);
    let membership_at = at.transpose()?;
    let run = Bytes::new();
    Ok(Asked {
        peer: Peer { node, cluster, run },
        kind,
        membership_at,
    })
}

/// What a dialer checks of a challenge: what it can see by itself first, so that it is told from
/// this node's side.
pub(super) fn check_challenge(
    local: &dyn Local,
    challenge: &LinkChallenge,
    meant: Option<NodeId>,
) -> Result<Peer, Refusal> {
    check_version(challenge.version)?;
    let node = NodeId::try_from(&challenge.node[..])?;
    let cluster = check_cluster(local, &challenge.cluster_name, &challenge.cluster_id)?;
    if let Some(refusal) = &challenge.refusal {
        return Err(Refusal::from_message(refusal));
    }
    if let Some(meant) = meant {
        check_meant(meant, node)?;
    }
    let run = challenge.run.clone();
    Ok(Peer { node, cluster, run })
}

fn check_version(theirs: u32) -> Result<(), Refusal> {
    let ours = PROTOCOL_VERSION;
    if theirs == ours {
        return Ok(());
    }
    Err(Refusal::Version { theirs, ours })
}

fn check_meant(meant: NodeId, met: NodeId) -> Result<(), Refusal> {
    if meant == met {
        return Ok(());
    }
    Err(Refusal::AnotherNode { meant, met })
}

/// The other's cluster, which must be this node's where both have one.
fn check_cluster(local: &dyn Local, name: &str, id: &[u8]) -> Result<Option<ClusterId>, Refusal> {
    let ours = local.cluster_name();
    if name != ours {
        let theirs = name.to_owned();
        return Err(Refusal::ClusterName { theirs, ours });
    }
    if id.is_empty() {
        return Ok(None);
    }
    let id = ClusterId::try_from(id)
        .map_err(|_wrong_length| Refusal::Nonsense("a cluster id of a wrong length".to_owned()))?;
    match local.cluster() {
        Some(own) if own != id => Err(Refusal::ClusterId { name: ours }),
        _ => Ok(Some(id)),
    }
}

fn cluster_bytes(local: &dyn Local) -> Bytes {
    local
        .cluster()
        .map(|id| Bytes::copy_from_slice(&id))
        .unwrap_or_default()
}
