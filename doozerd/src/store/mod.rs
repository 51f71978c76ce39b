//! The replicated store: a tree of files, its history, and who has been answered what.
//!
//! Everything here is decided by commands and state alone: no clock, no file, no socket, no
//! random number, no log. Two stores that applied the same commands are equal; only how much
//! history each still keeps is its own affair.

mod command;
mod cursor;
mod event;
mod glob;
mod history;
mod name;
mod path;
mod restore;
mod revision;
mod revision_waiters;
mod sessions;
mod snapshot;
mod state;
mod tree;
mod tree_builder;
mod watch;

pub mod ctl;

#[cfg(test)]
mod tests;

pub use command::{CommandError, encode_batch, encode_direct, encode_open_session, proposal_bytes};
pub use cursor::{DirCursor, DirError, WalkCursor, WalkItem, WalkStep};
pub use event::{Event, EventKind, Mutation, Proposal, Refusal, Value};
pub use glob::{Glob, GlobError};
pub use history::{History, HistoryLimits, Search, TooLate};
pub use name::Name;
pub use path::{PATH_BYTES_MAX, PATH_NAMES_MAX, Path, PathError};
pub use restore::{SnapshotError, SnapshotSink};
pub use revision::Revision;
pub use revision_waiters::RevisionWaiters;
pub use sessions::{ANSWERS_MAX, Answer, NODE_BYTES_MAX, SESSIONS_MAX};
pub use snapshot::{SNAPSHOT_FRAME_BYTES, SnapshotSource};
pub use state::{AnsweredBatch, Applied, Opened, Store};
pub use tree::{Found, PER_DIRECTORY_BYTES, PER_FILE_BYTES, Tree, View};
pub use watch::{WaitId, WatchIndex};
