//! A data folder: its lock, its founding, and whether what stands in it is one.
//!
//! Founding builds all files in a folder `founding` inside, durably, moves them up, the file
//! `identity` last, and removes `founding`. So a folder with `founding` and without `identity` was
//! never used, and is founded anew; one without both that holds anything is not ours.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::raft_types::NodeId;

use super::database::MetadataRows;
use super::identity::{FORMAT_VERSION, Identity, IdentityFlaw};
use super::vfs::{LockGuard, Vfs, read_small};
use super::watermark::Watermark;
use super::{OpenError, snapshots};

pub(super) const DATABASE: &str = "metadata.redb";
pub(super) const WATERMARK: &str = "watermark";
pub(super) const LOG_WATERMARK: &str = "watermark-log";
const IDENTITY: &str = "identity";
pub(super) const LOCK: &str = "lock";
const FOUNDING: &str = "founding";
/// The id that a node without a cluster goes into an election with.
const CANDIDATE: &str = "candidate";
const CANDIDATE_ASIDE: &str = "candidate.aside";
/// What stands in an empty file system's root.
pub(super) const LOST_FOUND: &str = "lost+found";

/// More than an identity file can be.
const IDENTITY_BYTES_MAX: u64 = 64 << 10;
/// Names told of a folder that is not ours.
const NAMES_TOLD: usize = 5;

/// A data folder's files.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) vfs: Arc<dyn Vfs>,
    pub(super) dir: PathBuf,
}

/// A folder that is locked and has an identity.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) lock: Box<dyn LockGuard>,
    pub(super) identity: Identity,
    /// The identity's file.
    pub(super) identity_bytes: Vec<u8>,
    pub(super) founded: bool,
}

impl Folder {
    /// The path of a file in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether nothing stands in it, or nothing that was ever used.
    pub(super) fn is_fresh(&self) -> Result<bool, OpenError> {
        let made = self.vfs.make_dir(&self.dir);
        made.map_err(OpenError::io(&self.dir, "making the data folder"))?;
        self.is_to_be_founded()
    }

    /// The id that was kept before, or `fresh`, which is kept durably from now on until the folder
    /// is founded.
    pub(super) fn candidate(&self, fresh: NodeId) -> io::Result<NodeId> {
        let (vfs, path) = (&*self.vfs, self.path(CANDIDATE));
        match vfs.open(&path) {
            Ok(file) => {
                let kept = read_small(&*file, IDENTITY_BYTES_MAX)?;
                let kept = std::str::from_utf8(&kept).map_err(invalid)?;
                return kept.parse().map_err(invalid);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let aside = self.path(CANDIDATE_ASIDE);
        let file = vfs.create(&aside)?;
        file.write_at(0, fresh.to_string().as_bytes())?;
        file.sync()?;
        drop(file);
        vfs.rename(&aside, &path)?;
        vfs.sync_dir(&self.dir)?;
        Ok(fresh)
    }

    /// Locks the folder, founds it if nothing stands in it, and reads who it belongs to.
    pub(super) fn enter(&self, fresh: impl FnOnce() -> Identity) -> Result<Entered, OpenError> {
        let made = self.vfs.make_dir(&self.dir);
        made.map_err(OpenError::io(&self.dir, "making the data folder"))?;
        let path = self.path(LOCK);
        let lock = self
            .vfs
            .lock(&path)
            .map_err(OpenError::io(&path, "locking"))?;
        let lock = lock.ok_or(OpenError::Locked { path })?;
        self.succeed()?;
        let founded = self.is_to_be_founded()?;
        if founded {
            self.found(&fresh())
                .map_err(OpenError::io(&self.dir, "founding the data folder"))?;
        }
        let tidied = self.remove_founding();
        tidied.map_err(OpenError::io(
            self.path(FOUNDING),
            "removing what founding left",
        ))?;
        let (identity, identity_bytes) = self.read_identity()?;
        Ok(Entered {
            lock,
            identity,
            identity_bytes,
            founded,
        })
    }

    /// Removes snapshot files that are not among those named.
    pub(super) fn remove_strays(&self, named: &[&str]) -> io::Result<()> {
        for name in self.vfs.list(&self.dir)? {
            if name.starts_with(snapshots::NAME) && !named.contains(&&name[..]) {
                self.vfs.remove_file(&self.path(&name))?;
            }
        }
        Ok(())
    }

    fn is_to_be_founded(&self) -> Result<bool, OpenError> {
        let names = self.vfs.list(&self.dir);
        let mut names = names.map_err(OpenError::io(&self.dir, "listing the data folder"))?;
        names.retain(|name| ![LOCK, LOST_FOUND, CANDIDATE, CANDIDATE_ASIDE].contains(&&name[..]));
        if names.iter().any(|name| name == IDENTITY) || self.is_succeeded() {
            return Ok(false);
        }
        let begun = names.iter().any(|name| name == FOUNDING);
        names.retain(|name| {
            !(begun && [FOUNDING, DATABASE, WATERMARK, LOG_WATERMARK].contains(&&name[..]))
        });
        if names.is_empty() {
            return Ok(true);
        }
        let more = if names.len() > NAMES_TOLD {
            ", …"
        } else {
            ""
        };
        names.truncate(NAMES_TOLD);
        let found = names.join(", ") + more;
        Err(OpenError::NotADataFolder {
            path: self.dir.clone(),
            found,
        })
    }

    fn found(&self, identity: &Identity) -> io::Result<()> {
        let vfs = &*self.vfs;
        let aside = self.path(FOUNDING);
        let identity = identity.encode();
        vfs.make_dir(&aside)?;
        MetadataRows::found(vfs.create(&aside.join(DATABASE))?, &identity)?;
        for name in [WATERMARK, LOG_WATERMARK] {
            Watermark::found(vfs, &aside.join(name))?;
        }
        let file = vfs.create(&aside.join(IDENTITY))?;
        file.write_at(0, &identity)?;
        file.sync()?;
        vfs.sync_dir(&aside)?;
        for name in [DATABASE, WATERMARK, LOG_WATERMARK] {
            vfs.rename(&aside.join(name), &self.path(name))?;
        }
        vfs.sync_dir(&self.dir)?;
        vfs.rename(&aside.join(IDENTITY), &self.path(IDENTITY))?;
        vfs.sync_dir(&self.dir)
    }

    fn remove_founding(&self) -> io::Result<()> {
        for name in [CANDIDATE, CANDIDATE_ASIDE] {
            match self.vfs.remove_file(&self.path(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let aside = self.path(FOUNDING);
        let names = match self.vfs.list(&aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            names => names?,
        };
        for name in names {
            self.vfs.remove_file(&aside.join(name))?;
        }
        self.vfs.remove_dir(&aside)?;
        self.vfs.sync_dir(&self.dir)
    }

    fn read_identity(&self) -> Result<(Identity, Vec<u8>), OpenError> {
        let path = self.path(IDENTITY);
        let read = || read_small(&*self.vfs.open(&path)?, IDENTITY_BYTES_MAX);
        let bytes = read().map_err(OpenError::io(&path, "reading who this node is"))?;
        match Identity::decode(&bytes) {
            Ok(identity) => Ok((identity, bytes)),
            Err(IdentityFlaw::Newer(found)) => Err(OpenError::NewerFormat {
                path,
                found,
                known: FORMAT_VERSION,
            }),
            Err(flaw) => Err(OpenError::Damaged {
                path,
                what: flaw.to_string(),
            }),
        }
    }
}

pub(super) fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The database's file, which must be there.
pub(super) fn open_file(
    vfs: &dyn Vfs,
    path: &Path,
) -> Result<Box<dyn super::vfs::VfsFile>, OpenError> {
    vfs.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::Missing {
            path: path.to_owned(),
        },
        _ => OpenError::io(path, "opening")(error),
    })
}
