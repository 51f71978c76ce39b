//! Takes connections in before there is anything to serve: other nodes go on, clients wait.
//!
//! A node that looks for its cluster, or waits for a quorum after a start, must already be one that
//! others can talk to. What a client sends meanwhile is answered when the node is ready; what tells
//! the two apart is the first request.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use doozer_proto::{FRAME_HEADER_BYTES, Request, VERB_LINK, decode_request};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::listener::{FIRST_MAX, LINKS_SPARE, receive};
use super::stream::Stream;
use crate::net::{TcpListener, TcpStream};
use crate::tls::Tls;
use crate::transport::{Door, Turned};

/// Clients that may wait; others are closed, and will come back.
const WAITING_MAX: usize = 4096;
/// Connections at once.
const CONNECTIONS_MAX: usize = 8192;
/// Bytes of a first request that are held: a longer one is read when the node is ready.
const FIRST_BYTES_MAX: usize = 64 << 10;
/// Rest after the system refused a connection.
const ACCEPT_RETRY_AFTER: Duration = Duration::from_millis(100);

/// A client that came before the node was ready.
#[derive(Debug)]
pub struct Arrival {
    pub(super) stream: Stream,
    /// What it has sent so far.
    pub(super) early: Bytes,
}

/// Clients on their way from the porch to the server.
pub type Arrivals = mpsc::Receiver<Arrival>;

/// Where they wait.
#[derive(Debug)]
pub struct Porch {
    /// Where other nodes go on.
    pub door: Arc<dyn Door>,
    /// How TLS is spoken, where it is.
    pub tls: Option<Arc<Tls>>,
    waiting: mpsc::Sender<Arrival>,
}

impl Porch {
    /// A porch, and where its clients come out.
    pub fn new(door: Arc<dyn Door>, tls: Option<Arc<Tls>>) -> (Self, Arrivals) {
        let (waiting, arrivals) = mpsc::channel(WAITING_MAX);
        (Self { door, tls, waiting }, arrivals)
    }

    /// Takes connections in until `ready`. Links go on until `stop`.
    pub async fn receive(
        self,
        listener: &TcpListener,
        ready: CancellationToken,
        stop: CancellationToken,
    ) {
        let tasks = TaskTracker::new();
        while let Some(accepted) = ready.run_until_cancelled(listener.accept()).await {
            let stream = match accepted {
                Ok((stream, _addr)) => stream,
                Err(error) => {
                    debug!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_RETRY_AFTER).await;
                    continue;
                }
            };
            let beyond = tasks.len().checked_sub(CONNECTIONS_MAX);
            if beyond.is_some_and(|beyond| beyond >= LINKS_SPARE) {
                continue;
            }
            let visit = Visit {
                door: Arc::clone(&self.door),
                tls: self.tls.clone(),
                waiting: self.waiting.clone(),
                ready: ready.clone(),
                is_beyond: beyond.is_some(),
            };
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(visit.run(stream)).await });
        }
    }
}

struct Visit {
    door: Arc<dyn Door>,
    tls: Option<Arc<Tls>>,
    waiting: mpsc::Sender<Arrival>,
    ready: CancellationToken,
    /// It has a place that a link alone may have.
    is_beyond: bool,
}

/// What a first request shows.
pub(super) enum First {
    Link(Request),
    Client,
    Gone,
}

impl Visit {
    async fn run(self, stream: TcpStream) {
        let received = receive(stream, self.tls.clone());
        let mut stream = match self.in_time(received).await {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => return debug!(%error, "TLS handshake failed"),
            None => return,
        };
        let mut received = BytesMut::new();
        let first = first_request(&mut stream, &mut received);
        let first = self.in_time(self.ready.run_until_cancelled(first)).await;
        let Some(first) = first else { return };
        match first.unwrap_or(First::Client) {
            First::Gone => {}
            First::Client if self.is_beyond => {}
            First::Client => {
                let early = received.freeze();
                if self.waiting.try_send(Arrival { stream, early }).is_err() {
                    debug!("client closed: too many wait for this node to be ready");
                }
            }
            First::Link(request) => {
                enter(&*self.door, stream, received.freeze(), request).await;
            }
        }
    }

    /// What `shown` gives; nothing from one beyond the limit that takes too long.
    async fn in_time<T>(&self, shown: impl Future<Output = T>) -> Option<T> {
        if self.is_beyond {
            return timeout(FIRST_MAX, shown).await.ok();
        }
        Some(shown.await)
    }
}

/// Hands a stream on to whoever serves other nodes.
pub(super) async fn enter(door: &dyn Door, stream: Stream, early: Bytes, request: Request) {
    stream.becomes_link();
    let entering = door.enter(Turned {
        certified: stream.is_certified(),
        stream: Box::new(stream),
        early,
        tag: request.tag,
        hello: request.value.unwrap_or_default(),
    });
    entering.await;
}

/// Reads up to the end of the first request. A link's is taken out of what was received, a client's
/// is not.
pub(super) async fn first_request(stream: &mut Stream, received: &mut BytesMut) -> First {
    loop {
        if let Some(first) = whole_request(received) {
            return first;
        }
        match stream.read_buf(received).await {
            Ok(0) | Err(_) => return First::Gone,
            Ok(_) => {}
        }
    }
}

/// What the first request shows, once it is whole or too long to be waited for.
fn whole_request(received: &mut BytesMut) -> Option<First> {
    let header = received.first_chunk::<FRAME_HEADER_BYTES>()?;
    let length = usize::try_from(i32::from_be_bytes(*header)).unwrap_or(usize::MAX);
    if length > FIRST_BYTES_MAX {
        return Some(First::Client);
    }
    let end = FRAME_HEADER_BYTES + length;
    let request = decode_request(received.get(FRAME_HEADER_BYTES..end)?);
    Some(match request {
        Ok(request) if request.verb == Some(VERB_LINK) => {
            received.advance(end);
            First::Link(request)
        }
        _ => First::Client,
    })
}
