//! A node's id: 80 random bits, written as 16 characters of base32 (A-Z, 2-7).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Bytes of a node's id.
pub const NODE_ID_BYTES: usize = 10;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const CHARACTERS: usize = NODE_ID_BYTES * 8 / 5;

/// Who a node is. An id is never used again by another node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeId(pub [u8; NODE_ID_BYTES]);

/// A text or bytes that are no node's id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeIdError {
    /// Not 16 characters of base32.
    #[error("node id {0:?} is not 16 characters of A-Z and 2-7")]
    Text(String),
    /// Not 10 bytes.
    #[error("a node id has {NODE_ID_BYTES} bytes, not {0}")]
    Length(usize),
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bits = self
            .0
            .iter()
            .fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut text = [0u8; CHARACTERS];
        for character in text.iter_mut().rev() {
            *character = ALPHABET[(bits & 31) as usize];
            bits >>= 5;
        }
        f.write_str(std::str::from_utf8(&text).expect("invariant: the alphabet is ASCII"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        let refused = || NodeIdError::Text(text.to_owned());
        if text.len() != CHARACTERS {
            return Err(refused());
        }
        let mut bits = 0u128;
        for character in text.bytes() {
            let digit = ALPHABET
                .iter()
                .position(|c| *c == character)
                .ok_or_else(refused)?;
            bits = bits << 5 | digit as u128;
        }
        let mut id = [0u8; NODE_ID_BYTES];
        id.copy_from_slice(&bits.to_be_bytes()[16 - NODE_ID_BYTES..]);
        Ok(Self(id))
    }
}

impl TryFrom<&[u8]> for NodeId {
    type Error = NodeIdError;

    fn try_from(bytes: &[u8]) -> Result<Self, NodeIdError> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_wrong_length| NodeIdError::Length(bytes.len()))
    }
}

/// The engine's tests number their nodes.
#[cfg(test)]
impl From<u64> for NodeId {
    fn from(number: u64) -> Self {
        let mut id = [0; NODE_ID_BYTES];
        id[NODE_ID_BYTES - 8..].copy_from_slice(&number.to_be_bytes());
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_sixteen_characters_and_reads_back() {
        for bytes in [[0; 10], [0xff; 10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] {
            let text = NodeId(bytes).to_string();
            assert_eq!(text.len(), 16);
            assert_eq!(text.parse(), Ok(NodeId(bytes)));
        }
        assert_eq!(NodeId([0; 10]).to_string(), "AAAAAAAAAAAAAAAA");
        assert_eq!(NodeId([0xff; 10]).to_string(), "7777777777777777");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "AAAA",
            "aaaaaaaaaaaaaaaa",
            "AAAAAAAAAAAAAAA1",
            "AAAAAAAAAAAAAAAAA",
        ] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
    }
}
