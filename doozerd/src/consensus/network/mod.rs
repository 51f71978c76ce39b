//! The engine's messages to other nodes.
//!
//! Votes, heartbeats and the handing over of leadership go through one shared link for each node;
//! entries and snapshots each through links of their own, made by the one task that sends them.
//! The engine keeps these clients over a change of an address: where a node is, is looked up at
//! each dial.

mod append;
mod snapshot;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use doozer_proto::peer::{link_request, link_response};
use futures_util::Stream;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2, stream_append_sequential};
use openraft::raft::{SnapshotResponse, StreamAppendResult};
use openraft::type_config::alias::SnapshotOf;
use tokio_util::task::TaskTracker;

use self::append::AppendLink;
pub(super) use self::snapshot::receive as receive_snapshots;
use crate::raft_types::{
    AppendRequest, AppendResponse, ConvertError, NodeAddr, NodeId, TransferRequest,
    TransferResponse, TypeConfig, Vote, VoteRequest, VoteResponse, append_to_message,
    appended_from_message, transfer_to_message, transferred_from_message, vote_request_to_message,
    vote_response_from_message,
};
use crate::storage::{SnapshotRecord, Snapshots};
use crate::transport::{CallError, Caller, Dialer, Hearings, LinkKind};

type RpcError = RPCError<TypeConfig>;

/// Links to other nodes. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    dialer: Dialer,
    snapshots: Snapshots,
    tasks: TaskTracker,
    known: Arc<Mutex<BTreeMap<NodeId, Known>>>,
    heard: Arc<Hearings>,
}

/// The shared links to one node.
#[derive(Debug, Clone)]
struct Known {
    control: Caller,
    forward: Caller,
}

/// What a client of the engine's is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Entries,
    Heartbeats,
}

/// The engine's way to one node.
#[derive(Debug)]
pub(super) struct Peer {
    peers: Peers,
    node: NodeId,
    control: Caller,
    purpose: Purpose,
    entries: Option<AppendLink>,
}

impl Peers {
    pub(super) fn new(dialer: Dialer, snapshots: Snapshots, tasks: TaskTracker) -> Self {
        Self {
            dialer,
            snapshots,
            tasks,
            known: Arc::default(),
            heard: Arc::default(),
        }
    }

    /// What was heard of other nodes.
    pub(super) fn heard(&self) -> Arc<Hearings> {
        Arc::clone(&self.heard)
    }

    /// What commands are forwarded to `node` through.
    pub(super) fn forward(&self, node: NodeId) -> Caller {
        self.known(node).forward
    }

    /// The newest membership has these nodes, there; lets go of the links to all others.
    pub(super) fn keep_only(&self, nodes: BTreeMap<NodeId, String>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|node, _| nodes.contains_key(node));
        self.heard.keep_only(&nodes.keys().copied().collect());
        self.dialer.local.set_addrs(nodes);
    }

    fn known(&self, node: NodeId) -> Known {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = known.get(&node) {
            return there.clone();
        }
        let dialer = || self.dialer.clone();
        let start = |kind| Caller::start(dialer(), (kind, node), self.heard(), &self.tasks);
        let made = Known {
            control: start(LinkKind::Control),
            forward: start(LinkKind::Forward),
        };
        known.insert(node, made.clone());
        made
    }

    fn peer(&self, node: NodeId, addr: &NodeAddr, purpose: Purpose) -> Peer {
        self.dialer.local.set_addr(node, addr.addr.clone());
        Peer {
            peers: self.clone(),
            node,
            control: self.known(node).control,
            purpose,
            entries: None,
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for Peers {
    type Network = Peer;

    async fn new_client(&mut self, target: NodeId, node: &NodeAddr) -> Peer {
        self.peer(target, node, Purpose::Entries)
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, node: &NodeAddr) -> Peer {
        self.peer(target, node, Purpose::Heartbeats)
    }
}

impl Peer {
    async fn ask(&self, body: link_request::Body) -> Result<link_response::Body, RpcError> {
        self.control.call(body).await.map_err(|error| match error {
            CallError::NotSent(_) | CallError::Stopping => {
                RPCError::Unreachable(Unreachable::new(&error))
            }
            CallError::Lost(_) => RPCError::Network(NetworkError::new(&error)),
        })
    }
}

fn nonsense(error: &ConvertError) -> RpcError {
    RPCError::Network(NetworkError::new(error))
}

/// The other node could not, or answered something else.
fn unexpected(body: link_response::Body) -> RpcError {
    let text = match body {
        link_response::Body::Failed(text) => text,
        _ => "an answer to another request".to_owned(),
    };
    RPCError::Unreachable(Unreachable::from_string(text))
}

impl RaftNetworkV2<TypeConfig> for Peer {
    type SnapshotData = SnapshotRecord;

    /// A heartbeat; entries are streamed.
    async fn append_entries(
        &mut self,
        request: AppendRequest,
        _option: RPCOption,
    ) -> Result<AppendResponse, RpcError> {
        let body = link_request::Body::Append(append_to_message(&request));
        match self.ask(body).await? {
            link_response::Body::Append(response) => {
                appended_from_message(&response).map_err(|error| nonsense(&error))
            }
            other => Err(unexpected(other)),
        }
    }

    fn stream_append<S>(
        &mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<
        '_,
        Result<BoxStream<'_, Result<StreamAppendResult<TypeConfig>, RpcError>>, RpcError>,
    >
    where
        S: Stream<Item = AppendRequest> + Send + Unpin + 'static,
    {
        match self.purpose {
            Purpose::Heartbeats => stream_append_sequential(self, input, option),
            Purpose::Entries => Box::pin(append::stream(self, input)),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest,
        _option: RPCOption,
    ) -> Result<VoteResponse, RpcError> {
        let body = link_request::Body::Vote(vote_request_to_message(&request));
        vote_of(self.ask(body).await?)
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest,
        _option: RPCOption,
    ) -> Result<VoteResponse, RpcError> {
        let body = link_request::Body::PreVote(vote_request_to_message(&request));
        vote_of(self.ask(body).await?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<TypeConfig, SnapshotRecord>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let sending = snapshot::send(&self.peers, self.node, vote, snapshot);
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = sending => sent,
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferRequest,
        _option: RPCOption,
    ) -> Result<TransferResponse, RpcError> {
        let body = link_request::Body::Transfer(transfer_to_message(&request));
        match self.ask(body).await? {
            link_response::Body::Transfer(response) => {
                transferred_from_message(&response, &request).map_err(|error| nonsense(&error))
            }
            other => Err(unexpected(other)),
        }
    }
}

fn vote_of(body: link_response::Body) -> Result<VoteResponse, RpcError> {
    match body {
        link_response::Body::Vote(response) => {
            vote_response_from_message(&response).map_err(|error| nonsense(&error))
        }
        other => Err(unexpected(other)),
    }
}
