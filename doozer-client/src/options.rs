//! How a client connects, and how long it waits.

use std::time::Duration;

use crate::{DoozerUri, Secret, Tls};

/// How a client connects, and how long it waits.
///
/// ```
/// use std::time::Duration;
/// use doozer_client::Options;
///
/// let options = Options {
///     request_timeout: Some(Duration::from_secs(5)),
///     ..Options::default()
/// };
/// assert_eq!(options.dial_timeout, Duration::from_secs(5));
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// The longest that connecting to one address may take, TLS and ACCESS included. 5 s.
    pub dial_timeout: Duration,
    /// The longest from a request to its answer, with all reconnecting and asking again. Not set,
    /// there is no limit. How long a WAIT waits for its event is not limited, only how long it may
    /// be without a connection. 30 s.
    pub request_timeout: Option<Duration>,
    /// A secret to send after connecting, after that of the URI.
    pub secret: Option<Secret>,
    /// TLS, when the server wants it.
    pub tls: Option<Tls>,
    /// The longest message sent or taken, in bytes. A server that sends a longer one loses the
    /// connection. 16 MiB.
    pub frame_bytes_max: usize,
    /// The `DzNS`, where the cluster's name in a URI is looked up.
    pub boot: Option<DoozerUri>,
    /// Whether to learn the other nodes' addresses from the cluster, to go there when a node fails
    /// or refuses to write. On.
    pub follow_members: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dial_timeout: Duration::from_secs(5),
            request_timeout: Some(Duration::from_secs(30)),
            secret: None,
            tls: None,
            frame_bytes_max: 16 << 20,
            boot: None,
            follow_members: true,
        }
    }
}
