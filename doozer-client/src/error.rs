//! What can go wrong with a request, from the user's side.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use doozer_proto::{DecodeError, ErrCode, FrameError};
use thiserror::Error;

use crate::{TlsError, UriError};

/// Why a request has no answer, or which refusal it was answered with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered with an error.
    #[error("{request}: {code}{}", detail_of(.detail.as_deref()))]
    Refused {
        /// Which error.
        code: Code,
        /// The server's explanation, if it gave one.
        detail: Option<String>,
        /// The request, as verb, path and revision.
        request: String,
    },
    /// The mutation was sent and its answer never came: it took effect once, or not at all. It is
    /// not sent again; read the file to find out.
    #[error("{request}: outcome unknown")]
    OutcomeUnknown {
        /// The request, as verb, path and revision.
        request: String,
        /// Why there is no answer.
        source: Unanswered,
    },
    /// There was no answer in time. A mutation that ends so was never sent.
    #[error("{request}: no answer within {after:?}")]
    Timeout {
        /// The request, as verb, path and revision.
        request: String,
        /// The limit.
        after: Duration,
        /// What stood in the way last, when there was no connection.
        source: Option<Arc<Error>>,
    },
    /// A watch asked for a revision the server no longer keeps: events are lost to it.
    #[error("history is gone: revision {wanted} is no longer kept")]
    HistoryGone {
        /// The first revision the watch has not seen.
        wanted: i64,
    },
    /// No connection could be made.
    #[error("cannot connect to {address}")]
    Dial {
        /// Where to.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// A connection was lost before it was of use.
    #[error("lost the connection to {address}")]
    Lost {
        /// Where to.
        address: String,
        /// What ended it.
        source: ConnectionLost,
    },
    /// A node has not yet seen a revision that this client has: reading there would go back.
    #[error("{address} is behind: it has not seen revision {rev}")]
    Behind {
        /// The node's address.
        address: String,
        /// The highest revision this client has seen.
        rev: i64,
    },
    /// Neither the URI nor a name look-up gave an address.
    #[error("no address given")]
    NoAddress,
    /// The URI has a cluster's name alone, and there is no `DzNS` to look it up at.
    #[error("cluster `{name}` cannot be looked up: no boot URI given")]
    NoDzns {
        /// The name.
        name: String,
    },
    /// The name cannot be a cluster's: it has a character that no path may have.
    #[error("`{name}` cannot be a cluster's name: letters, digits, `.` and `-` can")]
    BadName {
        /// The name.
        name: String,
    },
    /// The `DzNS` knows no such cluster.
    #[error("cluster `{name}` is not registered; {}", registered_of(.registered))]
    NameUnknown {
        /// The name looked up.
        name: String,
        /// The names that are registered.
        registered: Vec<String>,
    },
    /// The `DzNS` could not be asked.
    #[error("cannot look up cluster `{name}` at the DzNS")]
    LookUp {
        /// The name looked up.
        name: String,
        /// What failed there.
        source: Box<Error>,
    },
    /// An address of the cluster is not one.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The request is too long to be sent.
    #[error("{request}: {bytes} bytes are over the limit of {limit}")]
    TooLong {
        /// The request, as verb, path and revision.
        request: String,
        /// Its bytes.
        bytes: usize,
        /// The most that is sent.
        limit: usize,
    },
    /// The server's answer lacks what such an answer must have.
    #[error("{request}: the answer has no {missing}")]
    BadAnswer {
        /// The request, as verb, path and revision.
        request: String,
        /// What it lacks.
        missing: &'static str,
    },
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}

impl Error {
    /// The server's error code, when the server refused and the code is known here.
    pub fn code(&self) -> Option<ErrCode> {
        match self {
            Self::Refused {
                code: Code::Known(code),
                ..
            } => Some(*code),
            _ => None,
        }
    }

    /// Whether the file has changed since the revision that the mutation named.
    pub fn is_rev_mismatch(&self) -> bool {
        self.code() == Some(ErrCode::RevMismatch)
    }

    /// Whether the mutation may have taken effect, or may not.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// Whether another try at the same address could not end otherwise.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Closed | Self::Tls(_))
    }
}

/// An error code on the wire: one this library knows, or a newer server's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// One of the protocol's.
    Known(ErrCode),
    /// A number that is not known here.
    Unknown(i32),
}

impl From<i32> for Code {
    fn from(number: i32) -> Self {
        ErrCode::try_from(number).map_or(Self::Unknown(number), Self::Known)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(code) => f.write_str(code.as_str_name()),
            Self::Unknown(number) => write!(f, "error {number}"),
        }
    }
}

/// Why a request that was sent has no answer.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// The connection ended first.
    #[error("lost the connection to {address}")]
    Lost {
        /// Where to.
        address: String,
        /// What ended it.
        source: ConnectionLost,
    },
    /// Time ran out.
    #[error("no answer within {after:?}")]
    Timeout {
        /// The limit.
        after: Duration,
    },
}

/// What ended a connection.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ConnectionLost {
    /// The server closed it.
    #[error("closed by the server")]
    ByServer,
    /// This client closed it.
    #[error("closed by this client")]
    ByClient,
    /// Reading or writing failed.
    #[error("reading or writing failed")]
    Io(#[source] Arc<io::Error>),
    /// The server sent something that is no frame.
    #[error("the server sent a bad frame")]
    Frame(#[from] FrameError),
    /// The server sent something that is no message.
    #[error("the server sent a bad message")]
    Message(#[from] DecodeError),
    /// The server answered nothing for a while, not even a probe.
    #[error("nothing heard for {0:?}")]
    Silent(Duration),
}

impl From<io::Error> for ConnectionLost {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

fn detail_of(detail: Option<&str>) -> String {
    detail.map_or_else(String::new, |detail| format!(": {detail}"))
}

fn registered_of(names: &[String]) -> String {
    if names.is_empty() {
        return "none is".to_owned();
    }
    format!("registered are: {}", names.join(", "))
}
