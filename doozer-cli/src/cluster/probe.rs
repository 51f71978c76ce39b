//! Asks nodes, each at its own address, who they are and how far.

use std::time::Duration;

use doozer_client::{Client, DoozerUri, Error, Options};
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::time::timeout;

use crate::server::Reach;

/// How long a node may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What an address showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A node that serves.
    Node {
        /// Its id.
        id: String,
        /// The name of its cluster.
        cluster: String,
        /// The newest revision that it has applied.
        rev: i64,
    },
    /// Something takes connections and does not answer, as a node that has no cluster yet.
    Mute,
    /// Nobody, and why.
    Nobody(String),
}

/// What is at each of `addrs`, all asked at once; as one who has the secrets of `reach`.
pub(crate) async fn probe_all(reach: &Reach, addrs: impl IntoIterator<Item = &str>) -> Vec<Seen> {
    let all: FuturesOrdered<_> = addrs.into_iter().map(|addr| look_at(reach, addr)).collect();
    all.collect().await
}

/// What is at `addr`.
pub(crate) async fn look_at(reach: &Reach, addr: &str) -> Seen {
    let uri = match addr.parse::<DoozerUri>() {
        Ok(uri) => DoozerUri {
            secret: reach.uri.secret.clone(),
            ..uri
        },
        Err(error) => return Seen::Nobody(error.to_string()),
    };
    let options = Options {
        dial_timeout: ANSWER_MAX,
        request_timeout: Some(ANSWER_MAX),
        boot: None,
        follow_members: false,
        ..reach.options.clone()
    };
    let client = match Client::connect(&uri, options).await {
        Ok(client) => client,
        Err(error) => return Seen::Nobody(reason(&error)),
    };
    match timeout(ANSWER_MAX, ask(&client)).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(Error::Timeout { .. })) | Err(_) => Seen::Mute,
        Ok(Err(error)) => Seen::Nobody(reason(&error)),
    }
}

async fn ask(client: &Client) -> Result<Seen, Error> {
    let (id, rev) = tokio::try_join!(client.self_id(), client.rev())?;
    // Without a secret that may be refused: then the name is not known.
    let name = client.get("/ctl/name", None).await.unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Seen::Node {
        id: text(&id),
        cluster: text(&name.value),
        rev,
    })
}

/// The innermost reason, as the address is told anyway.
fn reason(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

impl Seen {
    /// The newest revision that a node has applied.
    pub(crate) fn rev(&self) -> Option<i64> {
        match self {
            Self::Node { rev, .. } => Some(*rev),
            Self::Mute | Self::Nobody(_) => None,
        }
    }

    /// Whether the node `id` serves there.
    pub(crate) fn is(&self, node: &str) -> bool {
        matches!(self, Self::Node { id, .. } if id == node)
    }

    /// In words, where the node `node` was expected.
    pub(crate) fn told(&self, node: &str) -> String {
        match self {
            Self::Node { id, .. } if id == node => "yes".to_owned(),
            Self::Node { id, .. } => format!("no: node {id} is there"),
            Self::Mute => "no: it does not answer".to_owned(),
            Self::Nobody(reason) => format!("no: {reason}"),
        }
    }
}
