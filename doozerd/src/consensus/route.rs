//! The way of a command to the leader: this node's own engine, or a link.

use openraft::ServerState;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, Fatal};
use openraft::impls::ProgressResponder;
use openraft::metrics::RaftServerMetrics;

use doozer_proto::peer::{
    ForwardRequest, ForwardResponse, forward_response, link_request::Body as Ask,
    link_response::Body as Answer,
};

use super::network::Peers;
use super::thread::Engine;
use crate::raft_types::{Command, NodeId, TypeConfig};
use crate::transport::CallError;

/// How the system names a full disk.
const NO_SPACE: &str = "No space left on device";

/// What became of a command.
#[derive(Debug)]
pub(super) enum Proposed {
    /// It is agreed on.
    Agreed,
    /// It was surely not appended to any log.
    NotTaken,
    /// It may have been.
    Unknown,
    /// This node's engine has stopped.
    Fatal(String),
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leader {
    /// This node.
    Own,
    /// Another.
    Other(NodeId),
}

/// Who leads, as far as the engine knows. A node that led when it ended, and runs again, does not
/// lead: the engine names it, by its vote alone, until it hears of another leader.
pub(super) fn leader_of(metrics: &RaftServerMetrics<TypeConfig>) -> Option<NodeId> {
    let leader = metrics.current_leader?;
    (leader != metrics.id || metrics.state == ServerState::Leader).then_some(leader)
}

/// The way to the leader.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) engine: Engine,
    pub(super) peers: Peers,
}

impl Route {
    /// Who leads, as far as this node knows.
    pub(super) fn leader(&self) -> Option<Leader> {
        let metrics = self.engine.server_metrics();
        let metrics = metrics.borrow_watched();
        let leader = leader_of(&metrics)?;
        if leader == metrics.id {
            return Some(Leader::Own);
        }
        Some(Leader::Other(leader))
    }

    /// Proposes a command once.
    pub(super) async fn propose(&self, leader: &Leader, command: Command) -> Proposed {
        match leader {
            Leader::Own => self.propose_here(command).await,
            Leader::Other(node) => self.forward(*node, command).await,
        }
    }

    async fn propose_here(&self, command: Command) -> Proposed {
        let (responder, applied) = ProgressResponder::complete_only();
        let taken = self.engine.client_write_ff(command, Some(responder)).await;
        if let Err(fatal) = taken {
            return Proposed::Fatal(describe(&fatal));
        }
        match applied.await {
            Ok(Ok(_)) => Proposed::Agreed,
            Ok(Err(ClientWriteError::ForwardToLeader(_))) => Proposed::NotTaken,
            Ok(Err(
                ClientWriteError::LogEntryDiscarded(_)
                | ClientWriteError::ChangeMembershipError(_)
                | ClientWriteError::PreconditionFailed(_),
            )) => Proposed::Unknown,
            Err(_closed) => match self.engine.is_initialized().await {
                Err(fatal) => Proposed::Fatal(describe(&fatal)),
                Ok(_) => Proposed::Unknown,
            },
        }
    }

    async fn forward(&self, node: NodeId, command: Command) -> Proposed {
        let body = Ask::Forward(ForwardRequest { command: command.0 });
        let caller = self.peers.forward(node);
        let answered = tokio::select! {
            answered = caller.call(body) => answered,
            () = self.leader_changes(node) => return Proposed::Unknown,
        };
        match answered {
            Ok(Answer::Forward(ForwardResponse { result })) => match result {
                Some(forward_response::Result::Agreed(_)) => Proposed::Agreed,
                Some(forward_response::Result::NotProposed(_)) => Proposed::NotTaken,
                Some(forward_response::Result::Unknown(_)) | None => Proposed::Unknown,
            },
            Ok(_) | Err(CallError::Lost(_) | CallError::Stopping) => Proposed::Unknown,
            Err(CallError::NotSent(_)) => self.not_sent().await,
        }
    }

    /// The leader could not be reached; or this node's own engine, which knows it, has stopped.
    async fn not_sent(&self) -> Proposed {
        match self.engine.is_initialized().await {
            Err(fatal) => Proposed::Fatal(describe(&fatal)),
            Ok(_) => Proposed::NotTaken,
        }
    }

    /// Waits until this node knows of another leader than `node`, or its engine is gone.
    async fn leader_changes(&self, node: NodeId) {
        let mut metrics = self.engine.server_metrics();
        loop {
            let leader = leader_of(&metrics.borrow_and_update());
            if leader.is_some_and(|leader| leader != node) || metrics.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Why the engine has stopped, and what to do.
pub(super) fn describe(fatal: &Fatal<TypeConfig>) -> String {
    match fatal {
        Fatal::StorageError(error) => what_to_do(&error.to_string()),
        Fatal::Panicked => "the consensus engine failed; restart this node".to_owned(),
        Fatal::Stopped => "this node is stopping".to_owned(),
    }
}

/// The engine gives a storage error's text alone.
fn what_to_do(error: &str) -> String {
    if error.contains(NO_SPACE) {
        return "disk full: free space and restart this node".to_owned();
    }
    format!("its storage failed, mend it and restart this node: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_that() {
        let full = std::io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        let text = what_to_do(&format!("when Write Log: {full}"));
        assert_eq!(text, "disk full: free space and restart this node");
        assert!(what_to_do("when Write Log: broken").ends_with("when Write Log: broken"));
    }
}
