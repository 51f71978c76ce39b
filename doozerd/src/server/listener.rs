//! Takes connections in, up to the limit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::Server;
use super::connection::Connection;
use super::porch::{Arrival, Arrivals};
use super::stream::Stream;
use super::trouble::tell;
use crate::net::{TcpListener, TcpStream, prepare_client};
use crate::tls::Tls;

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
        let limit = server.limits.connections_max;
        if server.connections() >= limit {
            tell(
                &server.troubles.connections,
                "connection closed: too many",
                limit,
            );
            continue;
        }
        let guard = Counted::new(Arc::clone(&server));
        let (stop, tls) = (stop.clone(), tls.clone());
        tasks.spawn(async move {
            let server = Arc::clone(&guard.0);
            stop.run_until_cancelled(Box::pin(run(server, came, tls)))
                .await;
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

/// A client's stream, once TLS stands where it is spoken.
pub(super) async fn receive(stream: TcpStream, tls: Option<Arc<Tls>>) -> io::Result<Stream> {
    if let Err(error) = prepare_client(&stream) {
        debug!(%error, "set the socket's options");
    }
    let Some(tls) = tls else {
        return Ok(Stream::Plain(stream));
    };
    let accept = TlsAcceptor::from(tls.current()).accept(stream);
    let accepted = tokio::time::timeout(HANDSHAKE_MAX, accept).await;
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
