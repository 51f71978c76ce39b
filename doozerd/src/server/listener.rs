//! Takes connections in, up to the limit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::Server;
use super::connection::Connection;
use super::porch::{Arrival, Arrivals, First, enter, first_request};
use super::stream::Stream;
use super::trouble::tell;
use crate::net::{TcpListener, TcpStream, prepare_client};
use crate::tls::Tls;

/// Connections beyond the limit that other nodes' links alone may have: what clients do must not
/// keep nodes apart.
pub(super) const LINKS_SPARE: usize = 256;
/// How long one that comes there may take to show what it is.
pub(super) const FIRST_MAX: Duration = Duration::from_secs(2);
/// Rest after the system refused a connection: out of files, mostly.
const ACCEPT_RETRY_AFTER: Duration = Duration::from_millis(100);
/// How long a TLS handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Serves clients until `stop`, and those who arrived early; returns when the last connection has
/// ended.
pub async fn serve(
    server: Arc<Server>,
    listener: Arc<TcpListener>,
    mut arrivals: Arrivals,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let mut are_arriving = true;
    loop {
        let came = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            arrival = arrivals.recv(), if are_arriving => {
                let Some(arrival) = arrival else {
                    are_arriving = false;
                    continue;
                };
                Came::Early(arrival)
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, _addr)) => Came::Now(stream),
                Err(error) => {
                    tell(&server.troubles.accept, "connection not accepted", error);
                    tokio::time::sleep(ACCEPT_RETRY_AFTER).await;
                    continue;
                }
            },
        };
        let beyond = server
            .connections()
            .checked_sub(server.limits.connections_max);
        if beyond.is_some_and(|beyond| beyond >= LINKS_SPARE) {
            too_many(&server);
            continue;
        }
        let guard = Counted::new(Arc::clone(&server));
        let (stop, tls) = (stop.clone(), tls.clone());
        tasks.spawn(async move {
            let server = Arc::clone(&guard.0);
            let running = async {
                match beyond {
                    None => run(server, came, tls).await,
                    Some(_) => run_link(server, came, tls).await,
                }
            };
            stop.run_until_cancelled(Box::pin(running)).await;
            drop(guard);
        });
    }
    tasks.close();
    tasks.wait().await;
}

/// A client that came.
enum Came {
    Early(Arrival),
    Now(TcpStream),
}

async fn run(server: Arc<Server>, came: Came, tls: Option<Arc<Tls>>) {
    match came {
        Came::Early(Arrival { stream, early }) => {
            Connection::new(server, stream, &early).run().await;
        }
        Came::Now(stream) => match receive(stream, tls).await {
            Ok(stream) => Connection::new(server, stream, &[]).run().await,
            Err(error) => tell(&server.troubles.tls, "TLS handshake failed", error),
        },
    }
}

/// One that came beyond the limit: a link, or it is closed.
async fn run_link(server: Arc<Server>, came: Came, tls: Option<Arc<Tls>>) {
    let shown = async {
        let (mut stream, early) = match came {
            Came::Early(Arrival { stream, early }) => (stream, early),
            Came::Now(stream) => (receive(stream, tls).await?, Bytes::new()),
        };
        let mut received = BytesMut::from(early);
        let first = first_request(&mut stream, &mut received).await;
        Ok::<_, io::Error>((first, stream, received))
    };
    match (timeout(FIRST_MAX, shown).await, &server.door) {
        (Ok(Ok((First::Link(request), stream, received))), Some(door)) => {
            enter(&**door, stream, received.freeze(), request).await;
        }
        _ => too_many(&server),
    }
}

fn too_many(server: &Server) {
    tell(
        &server.troubles.connections,
        "connection closed: too many",
        server.limits.connections_max,
    );
}

/// A client's stream, once TLS stands where it is spoken.
pub(super) async fn receive(stream: TcpStream, tls: Option<Arc<Tls>>) -> io::Result<Stream> {
    if let Err(error) = prepare_client(&stream) {
        debug!(%error, "set the socket's options");
    }
    let Some(tls) = tls else {
        return Ok(Stream::Plain(stream));
    };
    let accept = TlsAcceptor::from(tls.current()).accept(stream);
    let accepted = timeout(HANDSHAKE_MAX, accept).await;
    let late = |_elapsed| io::Error::new(io::ErrorKind::TimedOut, "it takes too long");
    Ok(Stream::Tls(Box::new(accepted.map_err(late)??)))
}

/// One in the number of connections.
struct Counted(Arc<Server>);

impl Counted {
    fn new(server: Arc<Server>) -> Self {
        server.connections.fetch_add(1, Ordering::Relaxed);
        Self(server)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
