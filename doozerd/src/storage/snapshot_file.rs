//! A snapshot file's bytes: a header, frames and a footer.
//!
//! Header: `DOOZSNAP` and a version (u32). Frame: its length (u32), a CRC-32 over that and the
//! frame, the frame. Footer: `0xffff_ffff` where a length would stand, how many frames, all bytes
//! before the footer (u64 each), their SHA-256, and a CRC-32 over the footer. Numbers are little
//! endian.

use std::io;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::vfs::VfsFile;

/// The longest frame: more than any setting lets a value be.
pub const SNAPSHOT_FRAME_BYTES_MAX: usize = 256 << 20;

const MAGIC: &[u8; 8] = b"DOOZSNAP";
pub(super) const VERSION: u32 = 1;
const HEADER_BYTES: u64 = 12;
const FRAME_HEADER_BYTES: u64 = 8;
const FOOTER_BYTES: u64 = 4 + 8 + 8 + 32 + 4;
const FOOTER_MARK: u32 = u32::MAX;
/// Bytes collected before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// What is wrong with a snapshot file.
#[derive(Debug, Error)]
pub(super) enum SnapshotFlaw {
    #[error("it is missing")]
    Missing,
    #[error("it ends at byte {0}, in the middle")]
    Short(u64),
    #[error("it does not begin as a snapshot does")]
    Magic,
    #[error("it has format version {0}, and this doozerd knows up to {VERSION}")]
    Version(u32),
    #[error("the frame at byte {0} has a wrong checksum")]
    Frame(u64),
    #[error("the footer at byte {0} has a wrong checksum or sum")]
    Footer(u64),
    #[error("its hash is not the one noted")]
    Hash,
    #[error("it goes on past its footer at byte {0}")]
    Trailing(u64),
    #[error("reading it failed")]
    Io(#[from] io::Error),
}

impl From<SnapshotFlaw> for io::Error {
    fn from(flaw: SnapshotFlaw) -> Self {
        match flaw {
            SnapshotFlaw::Io(error) => error,
            flaw => Self::new(io::ErrorKind::InvalidData, flaw),
        }
    }
}

/// Writes header, frames and footer.
#[derive(Debug)]
pub(super) struct FrameWriter {
    file: Box<dyn VfsFile>,
    buffer: Vec<u8>,
    /// Bytes that have left the buffer.
    written: u64,
    hasher: Sha256,
    frames: u64,
}

impl FrameWriter {
    /// Begins in an empty file.
    pub(super) fn new(file: Box<dyn VfsFile>) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        buffer.extend_from_slice(MAGIC);
        buffer.extend_from_slice(&VERSION.to_le_bytes());
        Self {
            file,
            buffer,
            written: 0,
            hasher: Sha256::new(),
            frames: 0,
        }
    }

    pub(super) fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        if frame.len() > SNAPSHOT_FRAME_BYTES_MAX {
            let text = format!("a snapshot's frame of {} bytes", frame.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let len = u32::try_from(frame.len())
            .expect("invariant: below the limit")
            .to_le_bytes();
        self.buffer.extend_from_slice(&len);
        self.buffer
            .extend_from_slice(&frame_checksum(len, frame).to_le_bytes());
        self.buffer.extend_from_slice(frame);
        self.frames += 1;
        if self.buffer.len() < BUFFER_BYTES {
            Ok(())
        } else {
            self.flush()
        }
    }

    /// Writes the footer and makes all durable. The file's bytes and the hash.
    pub(super) fn finish(mut self) -> io::Result<(u64, [u8; 32])> {
        self.flush()?;
        let hash: [u8; 32] = self.hasher.finalize().into();
        let footer = footer(self.frames, self.written, hash);
        self.file.write_at(self.written, &footer)?;
        self.file.sync()?;
        Ok((self.written + FOOTER_BYTES, hash))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.buffer);
        self.file.write_at(self.written, &self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn footer(frames: u64, bytes: u64, hash: [u8; 32]) -> Vec<u8> {
    let mut footer = FOOTER_MARK.to_le_bytes().to_vec();
    footer.extend_from_slice(&frames.to_le_bytes());
    footer.extend_from_slice(&bytes.to_le_bytes());
    footer.extend_from_slice(&hash);
    footer.extend_from_slice(&crc32fast::hash(&footer).to_le_bytes());
    footer
}

fn frame_checksum(len: [u8; 4], frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&len);
    hasher.update(frame);
    hasher.finalize()
}

/// How much is checked beside every frame's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// That the footer has the hash noted.
    Checksums,
    /// That the bytes have it too.
    Hash,
}

/// Reads what [`FrameWriter`] wrote.
#[derive(Debug)]
pub(super) struct FrameReader {
    file: Arc<dyn VfsFile>,
    len: u64,
    offset: u64,
    hasher: Option<Sha256>,
    noted: [u8; 32],
    frames: u64,
    ended: bool,
}

impl FrameReader {
    /// A reader of a file that should have this hash.
    pub(super) fn new(
        file: Box<dyn VfsFile>,
        noted: [u8; 32],
        depth: Depth,
    ) -> Result<Self, SnapshotFlaw> {
        let len = file.len()?;
        let hasher = (depth == Depth::Hash).then(Sha256::new);
        let file = Arc::from(file);
        let mut reader = Self {
            file,
            len,
            offset: 0,
            hasher,
            noted,
            frames: 0,
            ended: false,
        };
        let header = reader.read(HEADER_BYTES)?;
        let (magic, version) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(SnapshotFlaw::Magic);
        }
        let version = u32_at(version, 0);
        if version != VERSION {
            return Err(SnapshotFlaw::Version(version));
        }
        reader.hash(&header);
        Ok(reader)
    }

    /// The next frame, `None` after the last one when all that was read was right.
    pub(super) fn next_frame(&mut self) -> Result<Option<Vec<u8>>, SnapshotFlaw> {
        let at = self.offset;
        let mark = self.read(4)?;
        if u32_at(&mark, 0) == FOOTER_MARK {
            self.check_footer(at)?;
            return Ok(None);
        }
        let checksum = self.read(FRAME_HEADER_BYTES - 4)?;
        let len = u32_at(&mark, 0);
        if len as usize > SNAPSHOT_FRAME_BYTES_MAX || u64::from(len) > self.len - self.offset {
            return Err(SnapshotFlaw::Frame(at));
        }
        let frame = self.read(u64::from(len))?;
        if frame_checksum(len.to_le_bytes(), &frame) != u32_at(&checksum, 0) {
            return Err(SnapshotFlaw::Frame(at));
        }
        self.hash(&mark);
        self.hash(&checksum);
        self.hash(&frame);
        self.frames += 1;
        Ok(Some(frame))
    }

    fn check_footer(&mut self, at: u64) -> Result<(), SnapshotFlaw> {
        self.offset = at;
        let stored = self.read(FOOTER_BYTES)?;
        if stored != footer(self.frames, at, self.noted) {
            return Err(SnapshotFlaw::Footer(at));
        }
        if self.offset != self.len {
            return Err(SnapshotFlaw::Trailing(at));
        }
        let hash = self.hasher.take().map(|hasher| hasher.finalize().into());
        if hash.is_some_and(|hash: [u8; 32]| hash != self.noted) {
            return Err(SnapshotFlaw::Hash);
        }
        Ok(())
    }

    fn read(&mut self, bytes: u64) -> Result<Vec<u8>, SnapshotFlaw> {
        if self.len - self.offset < bytes {
            return Err(SnapshotFlaw::Short(self.len));
        }
        let mut read = vec![0; usize::try_from(bytes).expect("invariant: below the limit")];
        self.file.read_at(self.offset, &mut read)?;
        self.offset += bytes;
        Ok(read)
    }

    fn hash(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
    }
}

impl Iterator for FrameReader {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_frame().map_err(io::Error::from).transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..at + 4].try_into();
    u32::from_le_bytes(bytes.expect("invariant: four bytes"))
}
