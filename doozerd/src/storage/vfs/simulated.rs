//! A disk that forgets what was not synced, fills up, and can be damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::memory::{in_memory, read_from, write_into};
use super::{LockGuard, Vfs, VfsFile};

/// What a disk writes at once, and so what a loss of power tears writes into.
const SECTOR_BYTES: usize = 512;

/// A disk. What it holds in truth is what was synced; what processes see is that and the rest.
/// Clones are the same disk.
#[derive(Clone, Default)]
#[must_use]
pub struct Disk(Arc<Mutex<State>>);

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Disk")
            .field("files", &state.names.len())
            .field("steps", &state.steps)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Disk {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Disk {}

#[derive(Debug, Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<NameChange>,
    locks: BTreeSet<PathBuf>,
    /// Changes and syncs so far.
    steps: u64,
    power_off_at: Option<u64>,
    full_at: Option<u64>,
    slowness: Option<Slowness>,
}

/// How long a slow disk may take, and what is drawn from.
#[derive(Debug, Clone)]
struct Slowness {
    longest: Duration,
    draw: Draw,
}

#[derive(Debug, Clone, Default)]
struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<ContentChange>,
}

#[derive(Debug, Clone)]
enum ContentChange {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl ContentChange {
    fn carry_out(&self, content: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => content.resize(*len, 0),
            Self::Write(offset, bytes) => write_into(content, *offset as u64, bytes),
        }
    }
}

#[derive(Debug, Clone)]
enum NameChange {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

impl NameChange {
    fn carry_out(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Create(path, inode) => drop(names.insert(path.clone(), *inode)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }

    fn is_in(&self, dir: &Path) -> bool {
        match self {
            Self::Create(path, _) | Self::Remove(path) => path.parent() == Some(dir),
            Self::Rename(from, to, _) => from.parent() == Some(dir) || to.parent() == Some(dir),
        }
    }
}

/// What becomes of what was not synced when the power goes.
#[derive(Debug, Clone, Copy)]
pub enum Unsynced {
    /// It is gone.
    Lost,
    /// It stands, as when only the process died.
    Kept,
    /// Each change is lost, kept or torn as this seed says.
    Drawn(u64),
}

/// Random numbers that a seed repeats.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// Draws what this seed says.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }
}

impl Unsynced {
    /// What is left of changes to a file.
    fn of_content(self, changes: &[ContentChange], draw: &mut Draw) -> Vec<ContentChange> {
        match self {
            Self::Lost => Vec::new(),
            Self::Kept => changes.to_vec(),
            Self::Drawn(_) => changes
                .iter()
                .flat_map(|change| torn(change, draw))
                .collect(),
        }
    }

    fn of_names(self, changes: &[NameChange], draw: &mut Draw) -> Vec<NameChange> {
        match self {
            Self::Lost => Vec::new(),
            Self::Kept => changes.to_vec(),
            Self::Drawn(_) => changes
                .iter()
                .filter(|_| draw.below(2) == 0)
                .cloned()
                .collect(),
        }
    }
}

fn torn(change: &ContentChange, draw: &mut Draw) -> Vec<ContentChange> {
    match (draw.below(3), change) {
        (0, _) => Vec::new(),
        (1, ContentChange::Write(offset, bytes)) => {
            let mut kept = Vec::new();
            let mut at = 0;
            while at < bytes.len() {
                let to_boundary = SECTOR_BYTES - (offset + at) % SECTOR_BYTES;
                let end = (at + to_boundary).min(bytes.len());
                if draw.below(2) == 0 {
                    kept.push(ContentChange::Write(offset + at, bytes[at..end].to_vec()));
                }
                at = end;
            }
            kept
        }
        _ => vec![change.clone()],
    }
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes and syncs so far.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// The power goes at this step: it and all later ones fail.
    pub fn power_off_at(&self, step: u64) {
        self.state().power_off_at = Some(step);
    }

    /// The power goes after that many more changes and syncs.
    pub fn power_off_after(&self, steps: u64) {
        let mut state = self.state();
        state.power_off_at = Some(state.steps + steps);
    }

    /// Whether the power has gone.
    pub fn is_off(&self) -> bool {
        let state = self.state();
        state.power_off_at.is_some_and(|at| state.steps > at)
    }

    /// Whether it is full, or fails now or soon.
    pub fn fails(&self) -> bool {
        let state = self.state();
        state.power_off_at.is_some() || state.full_at.is_some()
    }

    /// Whether it is full.
    pub fn is_full(&self) -> bool {
        let state = self.state();
        state.full_at.is_some_and(|at| state.steps >= at)
    }

    /// From now on a commit takes up to `longest`, as this seed says; nothing: none takes any time.
    pub fn slow_down(&self, longest: Duration, seed: u64) {
        self.state().slowness = (!longest.is_zero()).then(|| Slowness {
            longest,
            draw: Draw::new(seed),
        });
    }

    /// Nothing grows and nothing is made from this step on; `None`: there is space again.
    pub fn full_at(&self, step: Option<u64>) {
        self.state().full_at = step;
    }

    /// The disk as it is found when the power is back.
    pub fn power_on(&self, unsynced: Unsynced) -> Self {
        let state = self.state();
        let mut draw = Draw::new(if let Unsynced::Drawn(seed) = unsynced {
            seed
        } else {
            0
        });
        let mut names = state.durable_names.clone();
        for change in unsynced.of_names(&state.unsynced_names, &mut draw) {
            change.carry_out(&mut names);
        }
        let mut inodes = Vec::new();
        for inode in &state.inodes {
            let mut content = inode.durable.clone();
            for change in unsynced.of_content(&inode.unsynced, &mut draw) {
                change.carry_out(&mut content);
            }
            inodes.push(Inode {
                seen: content.clone(),
                durable: content,
                unsynced: Vec::new(),
            });
        }
        let dirs = state.dirs.clone();
        let durable_names = names.clone();
        let state = State {
            inodes,
            names,
            dirs,
            durable_names,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The files' paths.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    /// A file's content.
    pub fn content(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.inodes[state.names[path]].seen.clone()
    }

    /// A copy of the disk in which a file has another content.
    pub fn with_content(&self, path: &Path, content: Vec<u8>) -> Self {
        let copy = self.power_on(Unsynced::Kept);
        {
            let mut state = copy.state();
            let inode = state.names[path];
            state.inodes[inode] = Inode {
                seen: content.clone(),
                durable: content,
                unsynced: Vec::new(),
            };
        }
        copy
    }

    /// A copy of the disk without a file.
    pub fn without(&self, path: &Path) -> Self {
        let copy = self.power_on(Unsynced::Kept);
        copy.state().names.remove(path);
        copy.state().durable_names.remove(path);
        copy
    }

    /// One more step, if the power is on and, for one that needs space, there is some.
    fn step(&self, needs_space: bool) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        let step = state.steps;
        state.steps += 1;
        if state.power_off_at.is_some_and(|at| step >= at) {
            return Err(io::Error::other("the power is off"));
        }
        if needs_space && state.full_at.is_some_and(|at| step >= at) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(state)
    }

    fn rename_names(state: &mut State, change: NameChange) {
        change.carry_out(&mut state.names);
        state.unsynced_names.push(change);
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Vfs for Disk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        self.step(true)?.dirs.insert(dir.to_owned());
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if !state.dirs.contains(dir) {
            return Err(not_found());
        }
        let paths = state.names.keys().chain(&state.dirs);
        let inside = paths.filter(|path| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|path| path.file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.step(true)?;
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        Self::rename_names(&mut state, NameChange::Create(path.to_owned(), inode));
        Ok(Box::new(OpenFile {
            disk: self.clone(),
            inode,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let inode = *self.state().names.get(path).ok_or_else(not_found)?;
        Ok(Box::new(OpenFile {
            disk: self.clone(),
            inode,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.step(false)?;
        let inode = *state.names.get(from).ok_or_else(not_found)?;
        let change = NameChange::Rename(from.to_owned(), to.to_owned(), inode);
        Self::rename_names(&mut state, change);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.step(false)?;
        if !state.names.contains_key(path) {
            return Err(not_found());
        }
        Self::rename_names(&mut state, NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.step(false)?.dirs.remove(dir);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.step(false)?;
        let State {
            unsynced_names,
            durable_names,
            ..
        } = &mut *state;
        let (synced, unsynced) = unsynced_names
            .drain(..)
            .partition(|change| change.is_in(dir));
        *unsynced_names = unsynced;
        let synced: Vec<NameChange> = synced;
        for change in synced {
            change.carry_out(durable_names);
        }
        Ok(())
    }

    fn slowness(&self) -> Duration {
        let mut state = self.state();
        let Some(slowness) = &mut state.slowness else {
            return Duration::ZERO;
        };
        let micros = u64::try_from(slowness.longest.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(slowness.draw.below(micros))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn LockGuard>>> {
        let disk = self.clone();
        let locked = self.state().locks.insert(path.to_owned());
        let path = path.to_owned();
        Ok(locked.then(|| Box::new(Lock { disk, path }) as Box<dyn LockGuard>))
    }
}

#[derive(Debug)]
struct Lock {
    disk: Disk,
    path: PathBuf,
}

impl LockGuard for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

#[derive(Debug)]
struct OpenFile {
    disk: Disk,
    inode: usize,
}

impl OpenFile {
    fn change(&self, change: ContentChange, grows_to: usize) -> io::Result<()> {
        let grows = grows_to > self.disk.state().inodes[self.inode].seen.len();
        let mut state = self.disk.step(grows)?;
        let inode = &mut state.inodes[self.inode];
        change.carry_out(&mut inode.seen);
        inode.unsynced.push(change);
        Ok(())
    }
}

impl VfsFile for OpenFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().inodes[self.inode].seen.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        read_from(&self.disk.state().inodes[self.inode].seen, offset, out)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = in_memory(offset);
        self.change(
            ContentChange::Write(offset, bytes.to_vec()),
            offset + bytes.len(),
        )
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = in_memory(len);
        self.change(ContentChange::SetLen(len), len)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.step(false)?;
        let Inode {
            durable, unsynced, ..
        } = &mut state.inodes[self.inode];
        unsynced
            .drain(..)
            .for_each(|change| change.carry_out(durable));
        Ok(())
    }
}
