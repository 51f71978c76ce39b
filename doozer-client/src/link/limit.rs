//! A time limit on a request, or none.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// When a request has to be answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) after: Duration,
    deadline: Option<Instant>,
}

impl Limit {
    /// A limit that far from now; one too far to be told counts as none.
    pub(crate) fn start(after: Option<Duration>) -> Self {
        Self {
            after: after.unwrap_or(Duration::MAX),
            deadline: after.and_then(|after| Instant::now().checked_add(after)),
        }
    }

    /// The same limit, from now.
    pub(crate) fn anew(self) -> Self {
        Self::start(Some(self.after))
    }

    /// What `future` gives, if it does so in time.
    pub(crate) async fn within<F: Future>(self, future: F) -> Option<F::Output> {
        match self.deadline {
            None => Some(future.await),
            Some(deadline) => timeout_at(deadline, future).await.ok(),
        }
    }
}
