//! What clients asked of a cluster and were told, with the times of it, and the history that its
//! nodes tell afterwards. [`check`] holds the one against the other.

pub mod check;
pub mod client;
pub mod glob;
pub mod recorder;
pub mod tale;

use std::time::Duration;

use crate::wire::Response;

/// Below this folder only recorded clients write, and each value is written once.
pub const FOLDER: &str = "/history";

/// True for the paths that recorded clients alone write.
pub fn is_ours(path: &str) -> bool {
    path.strip_prefix(FOLDER)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Set {
        path: String,
        rev: i64,
        value: Vec<u8>,
    },
    Del {
        path: String,
        rev: i64,
    },
    Get {
        path: String,
    },
    Wait {
        glob: String,
        rev: i64,
    },
    Nop,
    Rev,
}

impl Kind {
    /// True for what makes a revision.
    pub fn is_mutation(&self) -> bool {
        matches!(self, Self::Set { .. } | Self::Del { .. } | Self::Nop)
    }
}

/// What came of it, as far as the client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered(Answer),
    Refused(Refusal),
    /// A mutation that may have been applied, or anything else that was not answered.
    Unknown(Doubt),
}

/// The fields of a successful answer that matter; 0 or empty where the verb has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub rev: i64,
    /// A WAIT's event.
    pub event: Option<Event>,
    /// A GET's value.
    pub value: Vec<u8>,
}

/// Why a request surely did nothing below [`FOLDER`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    ReadOnly,
    Mismatch,
    /// OTHER, with a detail that promises it.
    NotExecuted,
    /// Any other error code, which no recorded client should meet.
    Code(i32, String),
}

/// Why a client does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    ConnectionLost,
    /// Nothing came for as long as the client had patience.
    Silence,
    /// OTHER, with this detail.
    Told(String),
}

/// One request of one client.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Which of the recorder's clients, and of the cluster's nodes.
    pub client: usize,
    pub node: usize,
    /// Numbered over all clients.
    pub connection: u64,
    pub kind: Kind,
    pub outcome: Outcome,
    /// Both since the recorder began. Nothing is known of an unanswered mutation's end.
    pub invoked: Duration,
    pub returned: Duration,
}

/// What happened at one revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    pub path: String,
    pub change: Change,
}

/// What became of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    Set(Vec<u8>),
    Del,
    Nop,
}

impl Event {
    /// The event that a successful answer to a WAIT tells.
    pub fn of(response: &Response) -> Self {
        let change = match response.flags.unwrap_or_default() {
            4 => Change::Set(response.value.clone().unwrap_or_default()),
            8 => Change::Del,
            _ => Change::Nop,
        };
        Self {
            path: response.path_text(),
            change,
        }
    }
}
