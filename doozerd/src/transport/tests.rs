//! Two nodes and the links between them, over sockets of 127.0.0.1.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doozer_proto::peer::{AppendRequest, LinkRequest, LinkResponse, link_request, link_response};
use doozer_proto::{FRAME_HEADER_BYTES, Request, decode_request};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::raft_types::LeaderId;
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
