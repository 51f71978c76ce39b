//! The server that a command asks.

use std::fmt;
use std::time::Duration;

use doozer_client::{Client, DoozerUri, Error, Options};

/// The longest value that is read from standard input or from the server, with its message. The
/// server's own limit is far below unless it is raised.
pub(crate) const FRAME_BYTES_MAX: usize = 1 << 30;

/// Where a server is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// Its profile's name, else its URI, for people.
    pub(crate) name: String,
    /// Its addresses, or its cluster's name.
    pub(crate) uri: DoozerUri,
    /// TLS, the `DzNS`, a secret.
    pub(crate) options: Options,
}

/// A server, connected to.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Speaks to it, and goes on with other members of its cluster where it fails or takes no
    /// writes.
    pub(crate) client: Client,
    /// Where it is, for those who read what went wrong.
    pub(crate) address: String,
}

/// Where something went wrong.
#[derive(Debug, Clone)]
struct At(String);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Server {
    /// Connects.
    pub(crate) async fn connect(reach: Reach) -> Result<Self, Error> {
        let client = Client::connect(&reach.uri, reach.options).await?;
        let address = client.addresses().join(", ");
        Ok(Self { client, address })
    }

    /// The same, with another limit on each request.
    pub(crate) fn with_request_timeout(&self, request_timeout: Option<Duration>) -> Self {
        Self {
            client: self.client.with_request_timeout(request_timeout),
            address: self.address.clone(),
        }
    }

    /// Adds the server's address to an error that comes from it and does not name it.
    pub(crate) fn name_in(&self, error: anyhow::Error) -> anyhow::Error {
        let from_server = error.downcast_ref::<Error>();
        let named = matches!(
            from_server,
            None | Some(Error::Dial { .. } | Error::Lost { .. } | Error::Behind { .. })
        );
        if named { error } else { self.at(error) }
    }

    /// Adds the server's address to an error, unless it has one already.
    pub(crate) fn at(&self, error: impl Into<anyhow::Error>) -> anyhow::Error {
        let error = error.into();
        if error.is::<At>() {
            return error;
        }
        error.context(At(self.address.clone()))
    }
}
