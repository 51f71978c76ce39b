//! Our errors as the wire's: the one table from the one to the other.

use std::fmt::Write as _;

use bytes::BytesMut;
use doozer_proto::{ErrCode, Reply};

use crate::consensus::WriteError;
use crate::store::Refusal;

/// Why a request is not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    UnknownVerb,
    PermissionDenied,
    ReadOnly,
    MissingArg,
    BadPath,
    BadGlob(Vec<u8>),
    Range,
    TooLate,
    NotDir,
    NoEnt,
    IsDir,
    RevMismatch,
    ValueTooLarge { bytes: usize, limit: usize },
    StoreFull { bytes: u64, limit: u64 },
    NoSuchNode(Vec<u8>),
    NodeInMemory(Vec<u8>),
    LastSlot,
    TooManyWaiters { limit: usize },
    TooManyWaitersInAll { limit: usize },
    Write(WriteError),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::RevMismatch => Self::RevMismatch,
            Refusal::NotDir => Self::NotDir,
            Refusal::IsDir => Self::IsDir,
        }
    }
}

impl Refused {
    fn code(&self) -> ErrCode {
        match self {
            Self::UnknownVerb => ErrCode::UnknownVerb,
            Self::ReadOnly => ErrCode::Readonly,
            Self::MissingArg => ErrCode::MissingArg,
            Self::BadPath => ErrCode::BadPath,
            Self::Range => ErrCode::Range,
            Self::TooLate => ErrCode::TooLate,
            Self::NotDir => ErrCode::Notdir,
            Self::NoEnt => ErrCode::Noent,
            Self::IsDir => ErrCode::Isdir,
            Self::RevMismatch => ErrCode::RevMismatch,
            Self::PermissionDenied
            | Self::BadGlob(_)
            | Self::ValueTooLarge { .. }
            | Self::StoreFull { .. }
            | Self::NoSuchNode(_)
            | Self::NodeInMemory(_)
            | Self::LastSlot
            | Self::TooManyWaiters { .. }
            | Self::TooManyWaitersInAll { .. }
            | Self::Write(_) => ErrCode::Other,
        }
    }

    fn detail(&self) -> Option<Vec<u8>> {
        let mut text = String::new();
        let written = match self {
            Self::PermissionDenied => write!(text, "permission denied"),
            Self::BadGlob(glob) => {
                return Some([b"invalid glob pattern: ", &glob[..]].concat());
            }
            Self::ValueTooLarge { bytes, limit } => {
                write!(text, "value of {bytes} bytes is over the limit of {limit}")
            }
            Self::StoreFull { bytes, limit } => write!(
                text,
                "store is full: {bytes} bytes with this file, {limit} allowed; delete files or \
                 raise --store-bytes"
            ),
            Self::NoSuchNode(id) => write!(
                text,
                "no node {} is attached: a slot holds a node's id, or nothing while it is free",
                String::from_utf8_lossy(id)
            ),
            Self::NodeInMemory(id) => write!(
                text,
                "node {} keeps everything in memory: it can be a member only of a cluster that was \
                 founded so",
                String::from_utf8_lossy(id)
            ),
            Self::LastSlot => write!(
                text,
                "this is the last slot that a node holds: give another node a slot first"
            ),
            Self::TooManyWaiters { limit } => {
                write!(text, "more than {limit} requests wait on this connection")
            }
            Self::TooManyWaitersInAll { limit } => {
                write!(text, "more than {limit} requests wait on this server")
            }
            Self::Write(error) => write!(text, "{error}"),
            Self::UnknownVerb
            | Self::ReadOnly
            | Self::MissingArg
            | Self::BadPath
            | Self::Range
            | Self::TooLate
            | Self::NotDir
            | Self::NoEnt
            | Self::IsDir
            | Self::RevMismatch => return None,
        };
        written.expect("invariant: a String takes all");
        Some(text.into_bytes())
    }

    /// Appends the error answer to `out`.
    pub(super) fn encode(&self, tag: Option<i32>, out: &mut BytesMut) {
        let detail = self.detail();
        Reply {
            tag,
            err_code: Some(self.code().into()),
            err_detail: detail.as_deref(),
            ..Reply::default()
        }
        .encode_frame(out);
    }
}
