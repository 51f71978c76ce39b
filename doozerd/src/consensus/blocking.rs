//! Work that blocks on the disk: on a thread of the blocking pool or, in a simulation, at once.

use std::io;

/// Does `work`, and gives what it gives.
#[cfg(not(feature = "simulation"))]
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)
}

/// Does `work` here: a simulated node has no threads.
#[cfg(feature = "simulation")]
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    tokio::task::yield_now().await;
    Ok(work())
}
