//! Takes connections in, up to the limit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::Server;
use super::connection::Connection;
use super::stream::Stream;
use super::trouble::tell;
use crate::tls::Tls;

/// Rest after the system refused a connection: out of files, mostly.
const ACCEPT_RETRY_AFTER: Duration = Duration::from_millis(100);
/// Silence after which the system asks whether a client's machine is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(2);
/// How long a TLS handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Serves clients until `stop`; returns when the last connection has ended.
pub async fn serve(
    server: Arc<Server>,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _addr)) => stream,
            Err(error) => {
                tell(&server.troubles.accept, "connection not accepted", error);
                tokio::time::sleep(ACCEPT_RETRY_AFTER).await;
                continue;
            }
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
            stop.run_until_cancelled(Box::pin(run(server, stream, tls)))
                .await;
            drop(guard);
        });
    }
    tasks.close();
    tasks.wait().await;
}

async fn run(server: Arc<Server>, stream: TcpStream, tls: Option<Arc<Tls>>) {
    if let Err(error) = prepare(&stream) {
        debug!(%error, "set the socket's options");
    }
    let stream = match tls {
        None => Stream::Plain(stream),
        Some(tls) => {
            let accept = TlsAcceptor::from(tls.current()).accept(stream);
            match tokio::time::timeout(HANDSHAKE_MAX, accept).await {
                Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                Ok(Err(error)) => return tell(&server.troubles.tls, "TLS handshake failed", error),
                Err(_elapsed) => return,
            }
        }
    };
    Connection::new(server, stream).run().await;
}

/// Answers leave at once; a client whose machine is gone is noticed in the end.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_AFTER)?;
    Ok(())
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
