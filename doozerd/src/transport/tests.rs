//! Two nodes and the links between them, over sockets of 127.0.0.1.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doozer_proto::peer::{
    AppendRequest, LinkChallenge, LinkProof, LinkRefusal, LinkRefusalKind, LinkRequest,
    LinkResponse, LinkWelcome, link_request, link_response,
};
use doozer_proto::{FRAME_HEADER_BYTES, Request, Response, decode_request};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use prost::Message;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::raft_types::{LeaderId, log_id_to_message};
use crate::secret::Secret;

const CLUSTER: ClusterId = [7; 16];
/// How long anything here may take.
const WITHIN: Duration = Duration::from_secs(20);

fn id(number: u64) -> NodeId {
    NodeId::from(number)
}

fn at(index: u64) -> LogId {
    let leader = LeaderId {
        term: 1,
        node_id: id(1),
    };
    LogId::new(leader, index)
}

fn members(all: &[u64]) -> BTreeSet<NodeId> {
    all.iter().map(|number| id(*number)).collect()
}

fn standing(node: u64) -> Arc<Standing> {
    let standing = Standing::new(id(node), "local".to_owned());
    standing.hold(CLUSTER);
    Arc::new(standing)
}

fn secrets(secret: &str) -> PeerSecrets {
    PeerSecrets::new(vec![Secret::new(secret.as_bytes().to_vec())])
}

fn dialer(local: &Arc<Standing>, secret: &str) -> Dialer {
    Dialer {
        local: Arc::clone(local),
        secrets: secrets(secret),
        tls: None,
    }
}

/// Answers every request at once.
#[derive(Debug)]
struct Echo;

impl Service for Echo {
    fn start(&self, _peer: &Peer, _body: link_request::Body) -> Started {
        let body = link_response::Body::Failed("heard".to_owned());
        std::future::ready(std::future::ready(body).boxed()).boxed()
    }

    fn snapshots(&self, _link: Link) -> BoxFuture<'static, io::Result<()>> {
        std::future::ready(Ok(())).boxed()
    }
}

async fn turned(mut stream: TcpStream) -> Turned {
    let mut header = [0; FRAME_HEADER_BYTES];
    stream
        .read_exact(&mut header)
        .await
        .expect("a socket of this machine");
    let mut body =
        vec![0; usize::try_from(i32::from_be_bytes(header)).expect("a socket of this machine")];
    stream
        .read_exact(&mut body)
        .await
        .expect("a socket of this machine");
    let request: Request = decode_request(&body).expect("a socket of this machine");
    Turned {
        stream: Box::new(stream),
        early: Bytes::new(),
        tag: request.tag,
        hello: request.value.unwrap_or_default(),
        certified: false,
    }
}

/// A node that takes links in.
struct Node {
    addr: String,
    links: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.links.abort();
    }
}

async fn node(local: &Arc<Standing>, secret: &str) -> Node {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a socket of this machine");
    let addr = listener
        .local_addr()
        .expect("a socket of this machine")
        .to_string();
    let acceptor = Acceptor {
        local: Arc::clone(local),
        secrets: secrets(secret),
        demands_certificate: false,
    };
    let links = async move {
        loop {
            let (stream, _addr) = listener.accept().await.expect("a socket of this machine");
            drop(tokio::task::spawn_local(serve(acceptor.clone(), stream)));
        }
    };
    Node {
        addr,
        links: tokio::task::spawn_local(links),
    }
}

async fn serve(acceptor: Acceptor, stream: TcpStream) {
    if let Ok(Ok((link, kind))) = acceptor.accept(turned(stream).await).await {
        drop(link.serve(kind, Arc::new(Echo)).await);
    }
}

async fn is_answered(link: &mut Link) -> bool {
    let body = Some(link_request::Body::Append(AppendRequest::default()));
    let exchange = async {
        link.tx.send(&LinkRequest { seq: 1, body }).await?;
        link.rx.expect::<LinkResponse>().await
    };
    let answered = tokio::time::timeout(WITHIN, exchange).await;
    answered.expect("an answer or an end").is_ok()
}

fn locally(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a socket of this machine"), test);
}

#[test]
fn a_link_ends_when_its_node_is_removed() {
    locally(async {
        let (own, other) = (standing(1), standing(2));
        own.set_members(Some(at(5)), members(&[1, 2]));
        other.set_members(Some(at(5)), members(&[1, 2]));
        let node = node(&own, "s").await;
        let target = Target::At(id(1), node.addr.clone());
        let dialer = dialer(&other, "s");
        let mut link = dialer.dial(LinkKind::Control, &target).await.unwrap();
        assert!(is_answered(&mut link).await);
        own.set_members(Some(at(6)), members(&[1, 2, 3]));
        assert!(
            is_answered(&mut link).await,
            "it is still one of the members"
        );
        own.set_members(Some(at(7)), members(&[1, 3]));
        assert!(!is_answered(&mut link).await);
    });
}

#[test]
fn a_link_of_a_node_that_knows_a_newer_membership_lasts_until_that_is_known() {
    locally(async {
        let (own, other) = (standing(1), standing(2));
        own.set_members(Some(at(1)), members(&[1]));
        other.set_members(Some(at(5)), members(&[1, 2]));
        let node = node(&own, "s").await;
        let target = Target::At(id(1), node.addr.clone());
        let dialer = dialer(&other, "s");
        let mut link = dialer.dial(LinkKind::Control, &target).await.unwrap();
        own.set_members(Some(at(4)), members(&[1, 3]));
        assert!(is_answered(&mut link).await);
        own.set_members(Some(at(6)), members(&[1, 3]));
        assert!(!is_answered(&mut link).await);
    });
}

/// A link of the node `other` to `own`.
async fn dialled(own: &Arc<Standing>, other: &Arc<Standing>) -> Result<Link, DialError> {
    let node = node(own, "s").await;
    let target = Target::At(id(1), node.addr.clone());
    dialer(other, "s").dial(LinkKind::Control, &target).await
}

#[test]
fn a_node_that_was_removed_is_told_so_until_it_is_taken_in_again() {
    locally(async {
        let (own, other) = (standing(1), standing(2));
        own.set_members(Some(at(7)), members(&[1]));
        other.set_members(Some(at(5)), members(&[1, 2]));
        let refused = dialled(&own, &other).await.unwrap_err().to_string();
        assert!(refused.contains("no member"), "{refused}");
        assert!(other.is_removed() && other.is_out(Some(at(5))));
        other.attached(at(9));
        assert!(!other.is_out(Some(at(5))), "it need not ask again");
        assert!(other.is_removed(), "it has not come so far itself");
        assert!(
            dialled(&own, &other).await.is_ok(),
            "what it knows is newer"
        );
        other.set_members(Some(at(8)), members(&[1]));
        assert!(!other.is_removed() && !other.is_out(Some(at(8))));
        own.set_members(Some(at(12)), members(&[1]));
        assert!(dialled(&own, &other).await.is_err());
        assert!(other.is_removed() && other.is_out(Some(at(8))));
    });
}

#[test]
fn what_is_said_of_a_membership_that_is_behind_the_own_one_is_not_believed() {
    let own = standing(2);
    own.set_members(Some(at(5)), members(&[1, 2]));
    let refuse = |index| Refusal::NotAMember {
        node: id(2),
        at: at(index),
    };
    own.refused("somewhere", LinkKind::Control, &refuse(5));
    assert!(!own.is_removed());
    own.attached(at(8));
    own.refused("somewhere", LinkKind::Control, &refuse(7));
    assert!(!own.is_removed());
    own.refused("somewhere", LinkKind::Control, &refuse(9));
    assert!(own.is_removed());
}

/// A stranger that says at once that the other node was removed.
async fn lie(listener: TcpListener, in_welcome: bool) {
    let (stream, _addr) = listener.accept().await.expect("a connection");
    let turned = turned(stream).await;
    let refusal = Some(LinkRefusal {
        kind: LinkRefusalKind::NotAMember.into(),
        detail: "gone".to_owned(),
        membership_at: Some(log_id_to_message(&at(99))),
    });
    let challenge = LinkChallenge {
        version: PROTOCOL_VERSION,
        node: id(1).into(),
        cluster_id: Bytes::copy_from_slice(&CLUSTER),
        cluster_name: "local".to_owned(),
        refusal: refusal.clone().filter(|_| !in_welcome),
        ..LinkChallenge::default()
    };
    let (mut tx, mut rx) = frames::split(turned.stream, &[], HANDSHAKE_BYTES_MAX);
    let response = Response {
        tag: turned.tag,
        value: Some(challenge.encode_to_vec().into()),
        ..Response::default()
    };
    drop(tx.send(&response).await);
    if in_welcome {
        drop(rx.next::<LinkProof>().await);
        let welcome = LinkWelcome {
            refusal,
            ..LinkWelcome::default()
        };
        drop(tx.send(&welcome).await);
    }
    drop(rx.next::<LinkProof>().await);
}

#[test]
fn who_does_not_know_the_secret_removes_nobody() {
    for in_welcome in [false, true] {
        locally(async move {
            let own = standing(2);
            own.set_members(Some(at(5)), members(&[1, 2]));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap().to_string();
            let lying = tokio::task::spawn_local(lie(listener, in_welcome));
            let dialer = dialer(&own, "s");
            let target = Target::At(id(1), addr);
            let refused = dialer.dial(LinkKind::Control, &target).await;
            assert!(
                matches!(refused, Err(DialError::Refused { .. })),
                "{refused:?}"
            );
            assert!(!own.is_removed(), "in the welcome: {in_welcome}");
            lying.abort();
        });
    }
}
