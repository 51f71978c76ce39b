//! What other nodes ask of this one.
//!
//! Forwarded commands of one link are handed to the engine in the order they came, and answered
//! when they are agreed on. Whether a command that was not agreed on may still be, is said exactly:
//! only what the engine refused before it was appended is "not proposed".

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use doozer_proto::peer::{
    self, ForwardResponse, forward_response, link_request::Body as Asked,
    link_response::Body as Answer,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use openraft::errors::{ClientWriteError, ForwardToLeader};
use openraft::impls::ProgressResponder;

use super::attach;
use super::memberships::Memberships;
use super::network::receive_snapshots;
use super::thread::Engine;
use crate::raft_types::{
    Command, TypeConfig, append_from_message, appended_to_message, node_to_message,
    transfer_from_message, transferred_to_message, vote_request_from_message,
    vote_response_to_message,
};
use crate::storage::Snapshots;
use crate::transport::{Answering, Link, Peer, Service, Started};

/// Answers other nodes.
#[derive(Clone)]
pub(super) struct Peering {
    pub(super) engine: Engine,
    pub(super) snapshots: Snapshots,
    pub(super) memberships: Arc<Memberships>,
}

impl std::fmt::Debug for Peering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peering").finish_non_exhaustive()
    }
}

impl Service for Peering {
    fn start(&self, peer: &Peer, asked: Asked) -> Started {
        let this = self.clone();
        let node = peer.node;
        match asked {
            Asked::Forward(forward) => Box::pin(this.forward(forward.command)),
            Asked::Attach(request) => {
                let attaching = attach::answer(this.memberships, node, request);
                ready(attaching.map(Answer::Attach).boxed())
            }
            other => ready(this.engine_says(other).boxed()),
        }
    }

    fn snapshots(&self, link: Link) -> BoxFuture<'static, io::Result<()>> {
        Box::pin(receive_snapshots(
            link,
            self.snapshots.clone(),
            self.engine.clone(),
        ))
    }
}

fn ready(answering: Answering) -> Started {
    Box::pin(std::future::ready(answering))
}

impl Peering {
    async fn engine_says(self, asked: Asked) -> Answer {
        // Asked once more, the engine would log each time that it has stopped.
        if let Some(reason) = self.memberships.shared.stopped() {
            return Answer::Failed(reason.to_string());
        }
        let answer = match asked {
            Asked::Append(request) => self.append(request).await,
            Asked::Vote(request) => self.vote(&request, false).await,
            Asked::PreVote(request) => self.vote(&request, true).await,
            Asked::Transfer(request) => self.transfer(&request).await,
            Asked::Forward(_)
            | Asked::Attach(_)
            | Asked::SnapshotBegin(_)
            | Asked::SnapshotPart(_) => Err("a request on a link of another kind".to_owned()),
        };
        answer.unwrap_or_else(Answer::Failed)
    }

    async fn append(&self, request: peer::AppendRequest) -> Result<Answer, String> {
        let request = append_from_message(request).map_err(text)?;
        let response = self.engine.append_entries(request).await.map_err(text)?;
        Ok(Answer::Append(appended_to_message(&response)))
    }

    async fn vote(&self, request: &peer::VoteRequest, pre_vote: bool) -> Result<Answer, String> {
        let request = vote_request_from_message(request).map_err(text)?;
        let response = if pre_vote {
            self.engine.pre_vote(request).await
        } else {
            self.engine.vote(request).await
        };
        let response = response.map_err(text)?;
        Ok(Answer::Vote(vote_response_to_message(&response)))
    }

    async fn transfer(&self, request: &peer::TransferRequest) -> Result<Answer, String> {
        let request = transfer_from_message(request).map_err(text)?;
        let response = self.engine.handle_transfer_leader(request).await;
        Ok(Answer::Transfer(transferred_to_message(
            &response.map_err(text)?,
        )))
    }

    /// Hands a command to the engine; the answer comes when it is agreed on.
    async fn forward(self, command: Bytes) -> Answering {
        if self.memberships.shared.stopped().is_some() {
            return std::future::ready(not_proposed(None)).boxed();
        }
        let (responder, agreed) = ProgressResponder::complete_only();
        let proposed = self
            .engine
            .client_write_ff(Command(command), Some(responder))
            .await;
        if proposed.is_err() {
            // The engine has stopped, and takes nothing any more.
            return std::future::ready(not_proposed(None)).boxed();
        }
        async move {
            match agreed.await {
                Ok(Ok(_)) => forwarded(forward_response::Result::Agreed(peer::Blank {})),
                Ok(Err(ClientWriteError::ForwardToLeader(leader))) => not_proposed(Some(&leader)),
                Ok(Err(
                    ClientWriteError::LogEntryDiscarded(_)
                    | ClientWriteError::ChangeMembershipError(_)
                    | ClientWriteError::PreconditionFailed(_),
                ))
                | Err(_) => forwarded(forward_response::Result::Unknown(peer::Blank {})),
            }
        }
        .boxed()
    }
}

fn forwarded(result: forward_response::Result) -> Answer {
    Answer::Forward(ForwardResponse {
        result: Some(result),
    })
}

fn not_proposed(leader: Option<&ForwardToLeader<TypeConfig>>) -> Answer {
    let node = leader.and_then(|leader| Some((leader.leader_id?, leader.leader_node.as_ref()?)));
    forwarded(forward_response::Result::NotProposed(peer::Leader {
        node: node.map(|(id, node)| node_to_message(id, node)),
    }))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
