//! Serves a link that another node made: its requests to the service, the answers back.

use std::fmt;
use std::io;
use std::sync::Arc;

use doozer_proto::peer::{LinkKind, LinkRequest, LinkResponse, link_request, link_response};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};

use super::{IN_FLIGHT_MAX, Link, Peer};

/// An answer under way.
pub type Answering = BoxFuture<'static, link_response::Body>;
/// A request that is being begun: requests of one link are begun one after another, in their
/// order, and may end in any.
pub type Started = BoxFuture<'static, Answering>;

/// What answers other nodes.
pub trait Service: Send + Sync + fmt::Debug {
    /// Begins to carry out a request of `peer`.
    fn start(&self, peer: &Peer, body: link_request::Body) -> Started;
    /// Receives snapshots over a link of their own until it ends.
    fn snapshots(&self, link: Link) -> BoxFuture<'static, io::Result<()>>;
}

/// Answers in the order of their requests, or as they come.
enum Answers {
    Ordered(FuturesOrdered<BoxFuture<'static, LinkResponse>>),
    Any(FuturesUnordered<BoxFuture<'static, LinkResponse>>),
}

impl Answers {
    fn push(&mut self, answer: BoxFuture<'static, LinkResponse>) {
        match self {
            Self::Ordered(answers) => answers.push_back(answer),
            Self::Any(answers) => answers.push(answer),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Ordered(answers) => answers.len(),
            Self::Any(answers) => answers.len(),
        }
    }

    async fn next(&mut self) -> Option<LinkResponse> {
        match self {
            Self::Ordered(answers) => answers.next().await,
            Self::Any(answers) => answers.next().await,
        }
    }
}

impl Link {
    /// Answers what comes over this link until the other end closes it, or is let in no more.
    pub async fn serve(mut self, kind: LinkKind, service: Arc<dyn Service>) -> io::Result<()> {
        let node = self.peer.node;
        let Some(admission) = self.admission.take() else {
            return self.answer(kind, service).await;
        };
        tokio::select! {
            biased;
            refusal = admission.local.removes(node, admission.membership_at) => {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, refusal))
            }
            served = self.answer(kind, service) => served,
        }
    }

    async fn answer(mut self, kind: LinkKind, service: Arc<dyn Service>) -> io::Result<()> {
        if kind == LinkKind::Snapshot {
            return service.snapshots(self).await;
        }
        let mut answers = match kind {
            LinkKind::Append => Answers::Ordered(FuturesOrdered::new()),
            _ => Answers::Any(FuturesUnordered::new()),
        };
        loop {
            tokio::select! {
                biased;
                Some(response) = answers.next(), if answers.len() > 0 => {
                    self.tx.send(&response).await?;
                }
                request = self.rx.next::<LinkRequest>(), if answers.len() < IN_FLIGHT_MAX => {
                    let Some(request) = request? else { return Ok(()) };
                    if !belongs(kind, request.body.as_ref()) {
                        let what = format!("a request that does not belong on a link of kind {kind:?}");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                    }
                    answers.push(begin(&*service, &self.peer, request).await);
                }
            }
        }
    }
}

/// What was proved for one kind of link is good for its requests alone.
fn belongs(kind: LinkKind, body: Option<&link_request::Body>) -> bool {
    use link_request::Body;

    match body {
        None => true,
        Some(Body::Append(_)) => matches!(kind, LinkKind::Append | LinkKind::Control),
        Some(Body::Vote(_) | Body::PreVote(_) | Body::Transfer(_)) => kind == LinkKind::Control,
        Some(Body::Forward(_)) => kind == LinkKind::Forward,
        Some(Body::Attach(_)) => kind == LinkKind::Attach,
        Some(Body::SnapshotBegin(_) | Body::SnapshotPart(_)) => kind == LinkKind::Snapshot,
    }
}

async fn begin(
    service: &dyn Service,
    peer: &Peer,
    request: LinkRequest,
) -> BoxFuture<'static, LinkResponse> {
    let seq = request.seq;
    let Some(body) = request.body else {
        let body = Some(link_response::Body::Failed("an unknown request".to_owned()));
        return Box::pin(async move { LinkResponse { seq, body } });
    };
    let answering = service.start(peer, body).await;
    Box::pin(async move {
        LinkResponse {
            seq,
            body: Some(answering.await),
        }
    })
}
