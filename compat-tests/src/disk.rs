//! Data folders that are copied and damaged, and file systems that are too small.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// One kind of damage to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// One bit is another: the byte, and which bit.
    Flip(u64, u8),
    /// What stands from here on is gone.
    Cut(u64),
    /// 512 bytes from here on are zero.
    Zero(u64),
    /// The whole file is gone.
    Missing,
}

impl Damage {
    /// Does it; false if the file was that way before.
    pub fn apply(self, path: &Path) -> bool {
        match self {
            Self::Flip(at, bit) => replace(path, at, 1, |bytes| bytes[0] ^= 1 << bit),
            Self::Zero(at) => replace(path, at, 512, |bytes| bytes.fill(0)),
            Self::Cut(length) => {
                let file = OpenOptions::new()
                    .write(true)
                    .open(path)
                    .expect("a file to cut");
                file.set_len(length).expect("a file can be cut");
                true
            }
            Self::Missing => {
                fs::remove_file(path).expect("a file can be removed");
                true
            }
        }
    }
}

fn replace(path: &Path, at: u64, count: usize, change: impl FnOnce(&mut [u8])) -> bool {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("a file to damage");
    file.seek(SeekFrom::Start(at)).expect("a place in a file");
    let mut bytes = Vec::new();
    (&file)
        .take(count as u64)
        .read_to_end(&mut bytes)
        .expect("bytes of a file");
    let before = bytes.clone();
    change(&mut bytes);
    file.seek(SeekFrom::Start(at)).expect("a place in a file");
    file.write_all(&bytes).expect("a file can be written");
    bytes != before
}

/// The files below `folder`, relative to it, with their sizes.
pub fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    collect(folder, Path::new(""), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, below: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(folder.join(below)).expect("a folder") {
        let entry = entry.expect("an entry of a folder");
        let (path, kind) = (
            below.join(entry.file_name()),
            entry.metadata().expect("its kind"),
        );
        if kind.is_dir() {
            collect(folder, &path, found);
        } else {
            found.push((path, kind.len()));
        }
    }
}

/// Copies all that is below `from` to a new folder `to`.
pub fn copy(from: &Path, to: &Path) {
    for (path, _) in files(from) {
        let target = to.join(&path);
        fs::create_dir_all(target.parent().expect("a file in a folder")).expect("a new folder");
        fs::copy(from.join(&path), target).expect("a copy of a file");
    }
}

/// A file system in memory of a few megabytes, unmounted at the end.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts one; panics saying what is needed where that is forbidden.
    pub fn mount(bytes: u64) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(folder.path())
            .output()
            .expect("mount can be executed");
        assert!(
            mounted.status.success(),
            "a small file system is needed and mounting it is forbidden here: run as root, or \
             under `unshare --user --map-root-user --mount`: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // At worst an empty mount point stays.
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}
