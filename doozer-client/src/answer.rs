//! What requests are answered with.

use bytes::Bytes;
use doozer_proto::{FLAG_DEL, FLAG_SET, REV_DIR, REV_MISSING, Response};

/// A file as GET sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// The revision it was last set at; 0 when there is no such file.
    pub rev: i64,
    /// Its bytes; empty when there is no such file.
    pub value: Bytes,
}

/// What STAT says of a path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stat {
    /// The file's revision; [`REV_DIR`] for a directory, [`REV_MISSING`] for nothing.
    pub rev: i64,
    /// The file's bytes, or the directory's entries.
    pub len: i32,
}

impl Stat {
    /// Whether the path is a directory.
    pub fn is_dir(&self) -> bool {
        self.rev == REV_DIR
    }

    /// Whether there is nothing at the path.
    pub fn is_missing(&self) -> bool {
        self.rev == REV_MISSING
    }
}

/// What one revision did, as WAIT tells it; or a file, as WALK finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event's revision; of a file found, the one it was last set at.
    pub rev: i64,
    /// The file's path; `/` for a nop.
    pub path: String,
    /// The file's bytes; empty unless it was set.
    pub value: Bytes,
    /// What happened.
    pub kind: EventKind,
}

/// What an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The file was set. Files that WALK finds say so too.
    Set,
    /// The file was deleted.
    Del,
    /// Nothing but a new revision.
    Nop,
}

impl EventKind {
    /// Reads the `flags` of a response.
    pub fn from_flags(flags: i32) -> Self {
        if flags & FLAG_SET != 0 {
            Self::Set
        } else if flags & FLAG_DEL != 0 {
            Self::Del
        } else {
            Self::Nop
        }
    }

    /// The `flags` of a response.
    pub fn flags(self) -> i32 {
        match self {
            Self::Set => FLAG_SET,
            Self::Del => FLAG_DEL,
            Self::Nop => 0,
        }
    }
}

impl Event {
    /// Reads an answer to WAIT or WALK, or names the field it lacks.
    pub(crate) fn from_response(response: Response) -> Result<Self, &'static str> {
        let kind = EventKind::from_flags(response.flags.unwrap_or_default());
        let path = response.path.ok_or("path")?;
        Ok(Self {
            rev: response.rev.ok_or("rev")?,
            path: utf8(&path).ok_or("UTF-8 path")?,
            value: response.value.unwrap_or_default(),
            kind,
        })
    }
}

/// The text, when it is UTF-8.
pub(crate) fn utf8(bytes: &Bytes) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
