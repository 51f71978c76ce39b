//! Kinds of trouble that clients can cause at will: each is logged at most once a minute.

use std::fmt;
use std::time::Instant;

use tracing::warn;

use crate::log::Throttle;

/// One throttle a kind.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    /// Connections beyond the limit.
    pub(super) connections: Throttle,
    /// Connections that the system would not give.
    pub(super) accept: Throttle,
    /// Bytes that are no frames, or no messages.
    pub(super) rubbish: Throttle,
    /// Clients that do not read.
    pub(super) slow: Throttle,
    /// Handshakes that failed.
    pub(super) tls: Throttle,
}

/// Logs a trouble unless its kind was logged less than a minute ago.
pub(super) fn tell(throttle: &Throttle, what: &'static str, detail: impl fmt::Display) {
    if let Some(left_out) = throttle.note(Instant::now()) {
        warn!(%detail, left_out, "{what}");
    }
}
