//! Rows with a checksum that covers their key too, so that a row in the wrong place is seen.

/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 4;

/// `value` with a checksum over it and `key` before it.
pub(super) fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(CHECKSUM_BYTES + value.len());
    row.extend_from_slice(&checksum(key, value).to_le_bytes());
    row.extend_from_slice(value);
    row
}

/// The value in a row that [`seal`] made, `None` when it is damaged.
pub(super) fn unseal<'row>(key: &[u8], row: &'row [u8]) -> Option<&'row [u8]> {
    let (stored, value) = row.split_at_checked(CHECKSUM_BYTES)?;
    let stored = u32::from_le_bytes(stored.try_into().ok()?);
    (stored == checksum(key, value)).then_some(value)
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_under_its_own_key_only() {
        let row = seal(b"key", b"value");
        assert_eq!(unseal(b"key", &row), Some(&b"value"[..]));
        assert_eq!(unseal(b"kex", &row), None);
        assert_eq!(unseal(b"key", &row[..3]), None);
        for bit in 0..row.len() * 8 {
            let mut damaged = row.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(b"key", &damaged), None, "bit {bit}");
        }
    }
}
