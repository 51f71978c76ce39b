//! The bytes of a log file: a header, then records, each of one commit, then zeros.
//!
//! Header: `DOOZLOGS`, a version (u32), the file's number (u64), the number of the last commit
//! before it (u64), the checksum that its first record goes on from (u32), and a CRC-32 over all of
//! that. Record: the length of its items (u32), a CRC-32 (u32), the commit's number (u64), the
//! items. The CRC covers the one before it, the length, the number and the items: a record stands
//! only behind the very record that it was written behind, so that bytes which an earlier life left
//! there are never taken for a record. Item: a kind (u8) and what belongs to it. Numbers are little
//! endian.

use thiserror::Error;

/// The version of this format.
pub(super) const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"DOOZLOGS";
/// Bytes of a file's header.
pub(super) const HEADER_BYTES: u64 = 8 + 4 + 8 + 8 + 4 + 4;
/// Bytes of a record before its items.
pub(super) const RECORD_HEADER_BYTES: u64 = 4 + 4 + 8;
/// Bytes of an entry's item before the entry.
const ENTRY_HEADER_BYTES: usize = 1 + 8 + 4 + 4;

const ENTRY: u8 = 1;
const TRUNCATE: u8 = 2;
const COMMITTED: u8 = 3;

/// What is wrong with a log file.
#[derive(Debug, Error)]
pub(super) enum LogFlaw {
    #[error("it does not begin as a log file does")]
    Header,
    #[error("it has format version {0}, and this doozerd knows up to {VERSION}")]
    Version(u32),
    #[error("the record at byte {0} has a wrong checksum")]
    Record(u64),
    #[error("the record at byte {0} makes no sense")]
    Items(u64),
}

/// Where records go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    /// The last commit's number.
    pub(super) number: u64,
    /// Its record's checksum.
    pub(super) checksum: u32,
}

/// The header of the file of that number.
pub(super) fn header(file: u64, chain: Chain) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend(file.to_le_bytes());
    header.extend(chain.number.to_le_bytes());
    header.extend(chain.checksum.to_le_bytes());
    header.extend(crc32fast::hash(&header).to_le_bytes());
    header
}

/// Where the first record of a file goes on from, if it has this number.
pub(super) fn read_header(bytes: &[u8], file: u64) -> Result<Chain, LogFlaw> {
    let number = |at: usize| {
        let bytes = bytes
            .get(at..at + 8)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.map(u64::from_le_bytes).ok_or(LogFlaw::Header)
    };
    if bytes.get(..8) != Some(MAGIC) {
        return Err(LogFlaw::Header);
    }
    let chain = Chain {
        number: number(20)?,
        checksum: u32_at(bytes, 28).ok_or(LogFlaw::Header)?,
    };
    let version = u32_at(bytes, 8).ok_or(LogFlaw::Header)?;
    let sealed = u32_at(bytes, 32) == Some(crc32fast::hash(&bytes[..32]));
    match (sealed, version) {
        (true, VERSION) if number(12)? == file => Ok(chain),
        (true, newer) if newer > VERSION => Err(LogFlaw::Version(newer)),
        _ => Err(LogFlaw::Header),
    }
}

/// A record that is being put together.
#[derive(Debug)]
pub(super) struct RecordWriter {
    bytes: Vec<u8>,
}

impl RecordWriter {
    pub(super) fn new() -> Self {
        let header = usize::try_from(RECORD_HEADER_BYTES).expect("invariant: small");
        Self {
            bytes: vec![0; header],
        }
    }

    /// Adds an entry; where it stands in the record, and how long it is.
    pub(super) fn entry(&mut self, index: u64, entry: &[u8]) -> (u64, u32) {
        let len = u32::try_from(entry.len()).expect("invariant: an entry is below 4 GiB");
        self.bytes.push(ENTRY);
        self.bytes.extend(index.to_le_bytes());
        self.bytes.extend(len.to_le_bytes());
        self.bytes
            .extend(entry_checksum(index, entry).to_le_bytes());
        let at = self.bytes.len() as u64;
        self.bytes.extend_from_slice(entry);
        (at, len)
    }

    /// Adds that entries from `index` on are gone.
    pub(super) fn truncate(&mut self, index: u64) {
        self.bytes.push(TRUNCATE);
        self.bytes.extend(index.to_le_bytes());
    }

    /// Adds that this is the committed index, encoded; nothing for none.
    pub(super) fn committed(&mut self, id: &[u8]) {
        let len = u32::try_from(id.len()).expect("invariant: a log id is short");
        self.bytes.push(COMMITTED);
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend_from_slice(id);
    }

    /// The record's bytes behind `before`, and where the next one goes on from.
    pub(super) fn finish(mut self, before: Chain) -> (Vec<u8>, Chain) {
        let number = before.number + 1;
        let items = self.bytes.len() as u64 - RECORD_HEADER_BYTES;
        let items = u32::try_from(items).expect("invariant: a commit is below 4 GiB");
        self.bytes[..4].copy_from_slice(&items.to_le_bytes());
        self.bytes[8..16].copy_from_slice(&number.to_le_bytes());
        let checksum = record_checksum(before, &self.bytes);
        self.bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        (self.bytes, Chain { number, checksum })
    }
}

/// One thing that a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// An entry, whose bytes are at this place of the record.
    Entry { index: u64, at: u64, len: u32 },
    /// Entries from this index on are gone.
    Truncate(u64),
    /// The committed index is this, encoded.
    Committed(&'a [u8]),
}

/// The record's whole length, from its first bytes.
pub(super) fn record_bytes(header: &[u8]) -> Option<u64> {
    u32_at(header, 0).map(|items| u64::from(items) + RECORD_HEADER_BYTES)
}

/// Where the next record goes on from, if these bytes are the record behind `before`.
pub(super) fn check_record(before: Chain, record: &[u8]) -> Option<Chain> {
    let number = record.get(8..16)?.try_into().ok().map(u64::from_le_bytes)?;
    let checksum = u32_at(record, 4)?;
    let good = number == before.number + 1
        && record.len() as u64 == record_bytes(record)?
        && checksum == record_checksum(before, record);
    good.then_some(Chain { number, checksum })
}

/// What a record that was checked says, in order.
pub(super) fn items(record: &[u8], offset: u64) -> Result<Vec<Item<'_>>, LogFlaw> {
    let mut items = Vec::new();
    let mut at = usize::try_from(RECORD_HEADER_BYTES).expect("invariant: small");
    while at < record.len() {
        let (item, next) = item(record, at).ok_or(LogFlaw::Items(offset))?;
        items.push(item);
        at = next;
    }
    Ok(items)
}

fn item(record: &[u8], at: usize) -> Option<(Item<'_>, usize)> {
    let number = |at: usize| {
        let bytes = record.get(at..at + 8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    };
    match *record.get(at)? {
        ENTRY => {
            let (index, len) = (number(at + 1)?, u32_at(record, at + 9)?);
            let start = at + ENTRY_HEADER_BYTES;
            let end = start + len as usize;
            let entry = record.get(start..end)?;
            if u32_at(record, at + 13)? != entry_checksum(index, entry) {
                return None;
            }
            let at = start as u64;
            Some((Item::Entry { index, at, len }, end))
        }
        TRUNCATE => Some((Item::Truncate(number(at + 1)?), at + 9)),
        COMMITTED => {
            let len = u32_at(record, at + 1)? as usize;
            let end = at + 5 + len;
            Some((Item::Committed(record.get(at + 5..end)?), end))
        }
        _ => None,
    }
}

/// Whether these bytes, with the four before them, are that entry.
pub(super) fn is_entry(index: u64, checksum_and_entry: &[u8]) -> bool {
    checksum_and_entry
        .split_at_checked(4)
        .is_some_and(|(checksum, entry)| u32_at(checksum, 0) == Some(entry_checksum(index, entry)))
}

fn entry_checksum(index: u64, entry: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&index.to_le_bytes());
    hasher.update(entry);
    hasher.finalize()
}

/// Over the checksum before, and the record without its own.
fn record_checksum(before: Chain, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&before.checksum.to_le_bytes());
    hasher.update(&record[..4]);
    hasher.update(&record[8..]);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Chain = Chain {
        number: 6,
        checksum: 9,
    };

    fn record() -> (Vec<u8>, Chain) {
        let mut writer = RecordWriter::new();
        writer.truncate(3);
        writer.entry(3, b"three");
        writer.entry(4, b"");
        writer.committed(b"id");
        writer.finish(START)
    }

    #[test]
    fn what_a_record_says_reads_back_in_order() {
        let (bytes, chain) = record();
        assert_eq!(check_record(START, &bytes), Some(chain));
        assert_eq!(chain.number, 7);
        let items = items(&bytes, 0).unwrap();
        assert_eq!(items[0], Item::Truncate(3));
        let Item::Entry { index, at, len } = items[1] else {
            panic!("{items:?}")
        };
        let at = usize::try_from(at).unwrap();
        assert_eq!((index, &bytes[at..at + len as usize]), (3, &b"three"[..]));
        assert!(is_entry(3, &bytes[at - 4..at + 5]));
        assert!(!is_entry(4, &bytes[at - 4..at + 5]));
        assert_eq!(items[3], Item::Committed(b"id"));
    }

    #[test]
    fn a_record_stands_only_behind_the_one_it_was_written_behind() {
        let (bytes, _) = record();
        let behind = |number, checksum| check_record(Chain { number, checksum }, &bytes);
        assert_eq!(behind(6, 8), None);
        assert_eq!(behind(7, 9), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check_record(START, &flipped), None, "bit {bit}");
        }
        assert_eq!(check_record(START, &bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn a_header_is_known_whole_and_by_its_number() {
        let bytes = header(5, START);
        assert_eq!(bytes.len() as u64, HEADER_BYTES);
        assert_eq!(read_header(&bytes, 5).unwrap(), START);
        assert!(matches!(read_header(&bytes, 6), Err(LogFlaw::Header)));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read_header(&flipped, 5).is_err(), "bit {bit}");
        }
        let mut newer = bytes[..32].to_vec();
        newer[8] = 2;
        newer.extend(crc32fast::hash(&newer).to_le_bytes());
        assert!(matches!(read_header(&newer, 5), Err(LogFlaw::Version(2))));
    }
}
