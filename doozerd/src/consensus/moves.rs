//! Changes where a node of the cluster is.

use std::time::Duration;

use openraft::ChangeMembers;
use openraft::raft::Precondition;
use tokio::time::timeout;
use tracing::{info, warn};

use super::memberships::{Known, Memberships};
use crate::raft_types::{LogId, NodeAddr, NodeId};
use crate::transport::{LinkKind, Local, Target};

/// How long a change of an address may take.
const CHANGE_MAX: Duration = Duration::from_secs(5);

/// A node that says it is somewhere else than the membership has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) node: NodeId,
    pub(super) from: NodeAddr,
    pub(super) to: NodeAddr,
}

impl Memberships {
    /// The move of a node that says it is there; nothing if it is there by the membership, or is no
    /// node of the cluster.
    pub(super) fn move_of(&self, node: NodeId, to: &NodeAddr) -> Option<Move> {
        let from = self.addr(node).filter(|from| from != to)?;
        let to = to.clone();
        Some(Move { node, from, to })
    }

    /// Looks whether the node is there, and there alone; from then on it is looked for there. An
    /// error says why it may not be said to be there.
    pub(super) async fn check_move(&self, asked: &Move) -> Result<(), String> {
        let Move { node, from, to } = asked;
        if from.addr == to.addr {
            return Ok(());
        }
        let at = |addr: &str| Target::At(*node, addr.to_owned());
        let (new, old) = (at(&to.addr), at(&from.addr));
        let (new, old) = tokio::join!(
            self.dialer.dial(LinkKind::Attach, &new),
            self.dialer.dial(LinkKind::Attach, &old),
        );
        let own = *node == self.me();
        let run = match new {
            // Where others reach this node is for them to see.
            _ if own => self.dialer.local.run().to_vec(),
            Ok(met) => met.peer.run.to_vec(),
            Err(error) => {
                return Err(format!("node {node} was not met at {}: {error}", to.addr));
            }
        };
        if old.is_ok_and(|met| met.peer.run[..] != run) {
            return Err(format!(
                "another process answers at {} as node {node}: stop one of the two, which have \
                 copies of one data folder",
                from.addr
            ));
        }
        if !own {
            self.dialer.local.met_at(*node, to.addr.clone());
        }
        Ok(())
    }

    /// Says that the node is there, in the membership at `known`. Nothing if that was not agreed
    /// on: it may ask again.
    pub(super) async fn carry_out(&self, known: &Known, asked: Move) -> Option<LogId> {
        let Move { node, to, .. } = asked;
        info!(%node, addr = to.addr, "node is at another address");
        let change = ChangeMembers::SetNodes([(node, to)].into());
        let only_on = Precondition::LastMembershipLogId {
            last_membership_log_id: known.at,
        };
        let changing = self.engine.change_membership_if(change, true, [only_on]);
        match timeout(CHANGE_MAX, changing).await {
            Ok(Ok(changed)) => Some(changed.log_id),
            Ok(Err(error)) => {
                warn!(%error, "address not changed");
                None
            }
            Err(_elapsed) => None,
        }
    }
}
