//! Listens for browsers and probes, and carries the answers, within limits.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
pub use tokio::net::TcpListener as Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::StatusSource;
use super::answer::answer;

/// Connections open at once: more wait in the system's queue. A page is no way in for a crowd.
const CONNECTIONS_MAX: usize = 64;
/// How long a client may take to send its request's header.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// How long a connection, which carries one request, may live.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's header.
const HEADER_BYTES_MAX: usize = 16 << 10;
/// Lines of a request's header.
const HEADER_LINES_MAX: usize = 64;
/// How long to wait when no connection can be taken (no file free, for one).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whether the status page has an address.
#[derive(Debug)]
pub enum Opened {
    /// It has: pass this on to [`serve`].
    Listening(TcpListener),
    /// The default address could not be had: warn, and go on without a page.
    Without(OpenError),
}

/// Why the status page has no address.
#[derive(Debug, Error)]
#[error("cannot serve the status page at {address}")]
pub struct OpenError {
    /// Where it should have been.
    pub address: String,
    /// Why it is not.
    pub source: io::Error,
}

/// Listens at `address`. Where that fails it is an error if the operator asked for this address
/// (`given`), and otherwise a reason to go on without a page.
pub async fn open(address: &str, given: bool) -> Result<Opened, OpenError> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Opened::Listening(listener)),
        Err(source) => {
            let address = address.to_owned();
            let error = OpenError { address, source };
            if given {
                Err(error)
            } else {
                Ok(Opened::Without(error))
            }
        }
    }
}

/// Answers until `stop`; connections that are open then are closed.
pub async fn serve(listener: TcpListener, source: Arc<dyn StatusSource>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Some(Some((stream, slot))) = stop.run_until_cancelled(accept(&listener, &slots)).await
    {
        let (source, stop) = (Arc::clone(&source), stop.clone());
        connections.spawn(async move {
            let _slot = slot;
            stop.run_until_cancelled(connection(stream, source)).await;
        });
    }
    connections.close();
    connections.wait().await;
}

/// The next connection and the slot that it takes; nothing when there will be none.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _addr)) => return Some((stream, slot)),
            Err(error) => {
                debug!(%error, "cannot take a connection to the status page");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, source: Arc<dyn StatusSource>) {
    let service = service_fn(|request| {
        let response = answer(request.method(), request.uri().path(), &*source);
        ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADER_LINES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection to the status page failed"),
        Err(_elapsed) => debug!("a connection to the status page took too long"),
    }
}
