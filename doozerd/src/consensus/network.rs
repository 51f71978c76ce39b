//! Messages to other voters. A cluster of one has none: every peer is unreachable.

use std::future::Future;

use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::SnapshotOf;

use crate::raft_types::{NodeAddr, NodeId, TypeConfig, Vote};
use crate::storage::SnapshotRecord;

/// Makes links to peers.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoPeers;

/// A link to a peer that is not there.
#[derive(Debug)]
pub(super) struct NoLink {
    target: NodeId,
}

impl NoLink {
    fn unreachable(&self) -> Unreachable<TypeConfig> {
        Unreachable::from_string(format!("no link to node {}", self.target))
    }
}

impl RaftNetworkFactory<TypeConfig> for NoPeers {
    type Network = NoLink;

    async fn new_client(&mut self, target: NodeId, _node: &NodeAddr) -> NoLink {
        NoLink { target }
    }
}

impl RaftNetworkV2<TypeConfig> for NoLink {
    type SnapshotData = SnapshotRecord;

    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    /// The engine's default grants every pre-vote; a peer that is not there grants none.
    async fn pre_vote(
        &mut self,
        _rpc: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn full_snapshot(
        &mut self,
        _vote: Vote,
        _snapshot: SnapshotOf<TypeConfig, SnapshotRecord>,
        _cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        Err(StreamingError::Unreachable(self.unreachable()))
    }
}
