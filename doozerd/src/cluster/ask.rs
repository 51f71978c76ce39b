//! Asks another node about its cluster, and to be taken in.

use bytes::Bytes;
use doozer_proto::peer::{
    AttachRequest, LinkRequest, LinkResponse, attach_response::Result as Outcome, link_request,
    link_response,
};
use thiserror::Error;
use tokio::time::{Duration, timeout};

use crate::consensus::Consensus;
use crate::raft_types::{
    NodeAddr, NodeId, log_id_from_message, node_from_message, node_to_message,
};
use crate::transport::{DialError, Dialer, LinkKind, Peer, Target};

/// How long a node may take to take another one in.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Nodes that are asked after another one said that they lead.
const HOPS_MAX: usize = 4;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("{0} was lost while it was asked")]
    Lost(String),
    #[error("{0} holds no cluster yet")]
    NoCluster(String),
    #[error("{0} knows no leader now")]
    NoLeader(String),
    #[error("the leader at {addr} does not take this node in: {why}")]
    Refused { addr: String, why: String },
}

/// Who is at `addr`, and of which cluster.
pub(super) async fn meet(dialer: &Dialer, addr: &str) -> Result<Peer, DialError> {
    let target = Target::Addr(addr.to_owned());
    let link = dialer.dial(LinkKind::Attach, &target).await?;
    Ok(link.peer)
}

fn lost(addr: &str) -> AskError {
    AskError::Lost(addr.to_owned())
}

/// Asks the node at `addr`, or the leader that it names, to take this one in; returns the address of
/// the one that did.
pub(super) async fn attach(
    dialer: &Dialer,
    addr: &str,
    me: (NodeId, &NodeAddr),
) -> Result<String, AskError> {
    let mut addr = addr.to_owned();
    for _hop in 0..HOPS_MAX {
        match attach_at(dialer, &addr, me).await? {
            Outcome::Attached(at) => {
                let at = log_id_from_message(&at).map_err(|_nonsense| lost(&addr))?;
                dialer.local.attached(at);
                return Ok(addr);
            }
            Outcome::Refused(why) => return Err(AskError::Refused { addr, why }),
            Outcome::NotLeader(leader) => {
                let named = leader.node.as_ref().map(node_from_message);
                match named {
                    // Never this node itself, which asks.
                    Some(Ok((id, node))) if id != me.0 && node.addr != addr => addr = node.addr,
                    _ => return Err(AskError::NoLeader(addr)),
                }
            }
        }
    }
    Err(AskError::NoLeader(addr))
}

/// Asks this node itself, as the leader, to be where it is.
pub(super) async fn attach_here(consensus: &Consensus, own: &NodeAddr) -> Result<(), String> {
    let me = Peer {
        node: consensus.node(),
        cluster: None,
        run: Bytes::new(),
    };
    let asked = consensus.service().start(&me, request(me.node, own));
    match asked.await.await {
        link_response::Body::Attach(response) => match response.result {
            Some(Outcome::Attached(_)) => Ok(()),
            Some(Outcome::Refused(why)) => Err(why),
            _ => Err("this node leads no more".to_owned()),
        },
        _ => Err("this node has stopped".to_owned()),
    }
}

fn request(id: NodeId, node: &NodeAddr) -> link_request::Body {
    link_request::Body::Attach(AttachRequest {
        node: Some(node_to_message(id, node)),
    })
}

async fn attach_at(
    dialer: &Dialer,
    addr: &str,
    (id, node): (NodeId, &NodeAddr),
) -> Result<Outcome, AskError> {
    let target = Target::Addr(addr.to_owned());
    let mut link = dialer.dial(LinkKind::Attach, &target).await?;
    if link.peer.cluster.is_none() {
        return Err(AskError::NoCluster(addr.to_owned()));
    }
    let request = LinkRequest {
        seq: 1,
        body: Some(request(id, node)),
    };
    let exchange = async {
        link.tx.send(&request).await?;
        link.rx.expect::<LinkResponse>().await
    };
    let answered = timeout(ANSWER_MAX, exchange).await;
    let answered = answered.map_err(|_elapsed| lost(addr))?;
    let response = answered.map_err(|_broken| lost(addr))?;
    match response.body {
        Some(link_response::Body::Attach(response)) => response.result.ok_or_else(|| lost(addr)),
        _ => Err(AskError::NoLeader(addr.to_owned())),
    }
}
