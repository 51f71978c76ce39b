//! Links between nodes, on the clients' port.
//!
//! # How a link begins
//! The dialer connects and sends a client frame of a verb of our own with a hello; a server that
//! does not know the verb (the original) answers `UNKNOWN_VERB`, ours answers with a challenge, and
//! the connection speaks these messages from then on.
//!
//! | step | who | says | checks of the other |
//! | --- | --- | --- | --- |
//! | hello | dialer | version, kind, cluster, who it is, *whom it means*, a nonce | |
//! | challenge | acceptor | version, cluster, who it is, a nonce | version, cluster name and id, that it is the one meant |
//! | proof | dialer | a MAC over all of that for each secret it holds | cluster name and id, that it met whom it meant |
//! | welcome | acceptor | likewise, or a refusal | one of the MACs, where it has a secret; that the dialer is still a member |
//! | | dialer | | one of the MACs, where it has a secret |
//!
//! That it is no member any more is said last, with the MACs and the membership that it is not of: a
//! node believes it of those alone that know the secret, and of no membership older than its own,
//! or than the one it was taken into last.
//!
//! The dialer proves itself first, so that nobody who only connects gets anything made with a
//! secret. Both sides may hold several secrets: a link stands when they have one in common, which
//! is how a secret is changed node by node. A MAC covers both nonces, both ids, the cluster, the
//! kind and the side, so that none can be replayed, turned round or used for another kind.
//!
//! An empty newcomer on a member's address is not the node that is meant, says so, and closes
//! before anything of the engine's is said: it never answers for a vote that it has forgotten.
//!
//! A link lasts as long as its dialer would be let in: when a membership is agreed on that it is not
//! of, and that is newer than the one it knew, the acceptor closes.
//!
//! # Kinds
//! What is small and urgent never queues behind what is large: votes and heartbeats, entries,
//! snapshots and forwarded commands each have their own connection.
//!
//! # Limits
//! A hello and what follows it up to the welcome are at most [`HANDSHAKE_BYTES_MAX`] long and take
//! at most [`HANDSHAKE_MAX`]; a message [`MESSAGE_BYTES_MAX`]; requests under way on one link
//! [`IN_FLIGHT_MAX`]. A network fault is noticed by the system within seconds (`net`).

mod accept;
mod calls;
mod dial;
mod frames;
mod handshake;
mod heard;
#[cfg(test)]
mod recorded;
mod secrets;
mod serve;
mod standing;

pub use accept::{Acceptor, Turned};
pub use calls::{CallError, Caller};
pub use dial::{DialError, Dialer, Target};
pub use frames::{Receiver, Sender};
pub use handshake::{ClusterId, Local, PROTOCOL_VERSION, Refusal};
pub use heard::Hearings;
pub use secrets::PeerSecrets;
pub use serve::{Answering, Service, Started};
pub use standing::{Said, Standing};

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::raft_types::{LogId, NodeId};

/// A link's kind.
pub use doozer_proto::peer::LinkKind;

/// Bytes of each message before a link stands.
const HANDSHAKE_BYTES_MAX: usize = 64 << 10;
/// Bytes of a message: one mutation of the largest value that can be allowed, and then some.
const MESSAGE_BYTES_MAX: usize = 80 << 20;
/// How long a link may take to stand, from connecting on.
const HANDSHAKE_MAX: Duration = Duration::from_secs(2);
/// Requests under way on one link; past it none is read.
const IN_FLIGHT_MAX: usize = 64;

/// A stream of bytes to another node.
pub trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> Io for T {}

/// Where connections go that turn out to be another node's.
pub trait Door: Send + Sync + std::fmt::Debug {
    /// Serves the other node until the link ends.
    fn enter(&self, turned: Turned) -> BoxFuture<'static, ()>;
}

/// Another node as a link's beginning showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who it is.
    pub node: NodeId,
    /// Its cluster; nothing while it holds none.
    pub cluster: Option<ClusterId>,
    /// Tells its process from another that has a copy of its folder; nothing where this node was
    /// dialled.
    pub run: Bytes,
}

/// A link that stands.
#[derive(Debug)]
pub struct Link {
    /// Who is at the other end.
    pub peer: Peer,
    /// What this end says.
    pub tx: Sender,
    /// What the other end says.
    pub rx: Receiver,
    /// As whom its dialer was let in; nothing for one that this node has dialled.
    admission: Option<Admission>,
}

/// A link lasts as long as its beginning would be let in.
#[derive(Debug)]
struct Admission {
    local: Arc<Standing>,
    /// The newest membership that the dialer knew.
    membership_at: Option<LogId>,
}

#[cfg(all(test, not(feature = "simulation")))]
mod tests;
