//! The server that a command asks.

use std::time::Duration;

use anyhow::Context;
use doozer_client::{Client, DoozerUri, Error, Options};

use crate::args::{Invocation, Target};

/// The longest value that is read from standard input or from the server, with its message. The
/// server's own limit is far below unless it is raised.
pub(crate) const FRAME_BYTES_MAX: usize = 1 << 30;

/// A server, connected to.
#[derive(Debug)]
pub(crate) struct Server {
    /// Speaks to it.
    pub(crate) client: Client,
    /// Where it is, for those who read what went wrong.
    pub(crate) address: String,
}

impl Server {
    /// Connects to the target of `invocation`, and goes on with other members of its cluster where
    /// it fails or takes no writes.
    pub(crate) async fn connect(invocation: &Invocation) -> anyhow::Result<Self> {
        Self::open(invocation, options(invocation)?).await
    }

    /// Connects to the target of `invocation`, and to nothing else.
    pub(crate) async fn connect_alone(invocation: &Invocation) -> anyhow::Result<Self> {
        let options = Options {
            follow_members: false,
            ..options(invocation)?
        };
        Self::open(invocation, options).await
    }

    async fn open(invocation: &Invocation, options: Options) -> anyhow::Result<Self> {
        let uri = uri(&invocation.target)?;
        let client = Client::connect(&uri, options).await;
        let client = client.with_context(|| invocation.to_string())?;
        let address = client.addresses().join(", ");
        Ok(Self { client, address })
    }

    /// Adds the server's address to an error that does not name it.
    pub(crate) fn name_in(&self, error: anyhow::Error) -> anyhow::Error {
        let from_server = error.downcast_ref::<Error>();
        let named = matches!(
            from_server,
            None | Some(Error::Dial { .. } | Error::Lost { .. } | Error::Behind { .. })
        );
        if named {
            error
        } else {
            error.context(self.address.clone())
        }
    }
}

/// The target's address as a URI.
pub(crate) fn uri(target: &Target) -> anyhow::Result<DoozerUri> {
    let uri = target.address.parse::<DoozerUri>();
    uri.map_err(|error| anyhow::Error::from(error).context(format!("-a {:?}", target.address)))
}

fn options(invocation: &Invocation) -> anyhow::Result<Options> {
    let defaults = Options::default();
    let boot = invocation.target.boot.as_deref();
    let boot = boot.map(|uri| {
        uri.parse::<DoozerUri>()
            .map_err(|error| anyhow::Error::from(error).context(format!("-b {uri:?}")))
    });
    let within = |limit: Duration| invocation.limit.map_or(limit, |given| given.min(limit));
    Ok(Options {
        boot: boot.transpose()?,
        dial_timeout: within(defaults.dial_timeout),
        request_timeout: request_timeout(invocation, defaults.request_timeout),
        frame_bytes_max: FRAME_BYTES_MAX,
        ..defaults
    })
}

/// A revision to come may be a long time coming.
fn request_timeout(invocation: &Invocation, default: Option<Duration>) -> Option<Duration> {
    match (invocation.limit, invocation.rev) {
        (Some(limit), _) => Some(limit),
        (None, Some(_)) => None,
        (None, None) => default,
    }
}
