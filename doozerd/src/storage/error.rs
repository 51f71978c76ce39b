//! Why a data folder cannot be opened.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What helps when a file is damaged.
const RESTORE: &str = "restore the whole folder from a backup, or move it away and let this node \
                       join its cluster anew";

/// A data folder that is refused: which file, what is wrong with it, and what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The system refused something.
    #[error("{}: {doing}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process holds the folder.
    #[error(
        "{} is held by another doozerd: stop that one, or give this one a folder of its own \
         with --data-dir", path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// Something stands there, but it is no data folder.
    #[error(
        "{} is no data folder: it holds {found} but no file `identity`; give an empty folder, or \
         put the file back from a backup", path.display()
    )]
    NotADataFolder {
        /// The folder.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// Written by a newer version.
    #[error(
        "{} has format version {found}, and this doozerd knows up to {known}: start the newer \
         doozerd that wrote it", path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// A file of the folder is missing.
    #[error("{} is missing: {RESTORE}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file that cannot be what was written.
    #[error("{} is damaged: {what}: {RESTORE}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// A file that was whole once and has gone back in time.
    #[error(
        "{} is damaged: it ends at commit {number}, and commit {watermark} was made: {RESTORE}",
        path.display()
    )]
    RolledBack {
        /// The file.
        path: PathBuf,
        /// Its last commit.
        number: u64,
        /// The last that is known of.
        watermark: u64,
    },
    /// Two files of different nodes in one folder.
    #[error(
        "{} belongs to another node than the file `identity` beside it: put back the files that \
         belong together", path.display()
    )]
    IdentitiesDiffer {
        /// The file.
        path: PathBuf,
    },
    /// The log begins in the middle and no snapshot is noted that it follows.
    #[error(
        "{} is damaged: no snapshot is noted that the log follows: {RESTORE}", path.display()
    )]
    SnapshotUnnoted {
        /// The database.
        path: PathBuf,
    },
    /// No good snapshot stands that the log could be added to.
    #[error(
        "{} is damaged: {what}, and no other snapshot and log together hold what it held: \
         {RESTORE}", path.display()
    )]
    SnapshotLost {
        /// The snapshot's file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl OpenError {
    /// For `map_err`: the system refused to do this to that file.
    pub(super) fn io(
        path: impl Into<PathBuf>,
        doing: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            path,
            doing,
            source,
        }
    }
}
