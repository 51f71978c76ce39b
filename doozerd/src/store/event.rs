//! Mutations, what is proposed, and the events they make.

use std::sync::Arc;

use bytes::Bytes;

use super::{Path, Revision};

/// A file's bytes. Cloning it copies none.
pub type Value = Arc<[u8]>;

/// A change asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    /// Changes nothing, and takes a revision.
    Nop,
    /// Writes a file.
    Set {
        /// The file.
        path: Path,
        /// The newest revision that the file may have, or [`Revision::CLOBBER`].
        rev: Revision,
        /// Its new bytes.
        value: Bytes,
    },
    /// Deletes a file.
    Del {
        /// The file.
        path: Path,
        /// The newest revision that the file may have, or [`Revision::CLOBBER`].
        rev: Revision,
    },
}

/// A mutation on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Tells it apart from the others of its session.
    pub counter: u64,
    /// What is asked for.
    pub mutation: Mutation,
}

/// Why a mutation, when it was applied, did not do what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The file is newer than the revision asked for.
    RevMismatch,
    /// Something above the last name is a file.
    NotDir,
    /// The path is a directory.
    IsDir,
}

impl Refusal {
    /// What is written to `/ctl/err`.
    pub fn text(self) -> &'static str {
        match self {
            Self::RevMismatch => "rev mismatch",
            Self::NotDir => "not a directory",
            Self::IsDir => "is a directory",
        }
    }
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Nothing; the path is `/`.
    Nop,
    /// A file was written.
    Set,
    /// A file was deleted, or was asked to be and was missing already.
    Del,
}

/// What one revision did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The revision.
    pub rev: Revision,
    /// The kind.
    pub kind: EventKind,
    /// The file.
    pub path: Path,
    /// Its new bytes; empty but for a set.
    pub value: Value,
}
