//! Names of directory entries, kept in 16 bytes when they are short.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The longest name kept without an allocation of its own.
const SHORT_BYTES_MAX: usize = 14;

/// One name in a path. Names are ordered by their bytes.
///
/// A store of many files is mostly names: a short one takes 16 bytes in all, where text behind a
/// pointer would take 16 and about 32 more.
#[derive(Clone)]
pub struct Name(Repr);

#[derive(Clone)]
enum Repr {
    Short {
        len: u8,
        bytes: [u8; SHORT_BYTES_MAX],
    },
    // A thin pointer: a wide one would make every name 24 bytes.
    Long(Arc<String>),
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Short { .. } => {
                std::str::from_utf8(self.as_bytes()).expect("invariant: a name is made of text")
            }
            Repr::Long(text) => text,
        }
    }

    /// The name as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long(text) => text.as_bytes(),
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT_BYTES_MAX];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(start), Ok(len)) => {
                start.copy_from_slice(text.as_bytes());
                Self(Repr::Short { len, bytes })
            }
            _ => Self(Repr::Long(Arc::new(text.to_owned()))),
        }
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_16_bytes() {
        assert_eq!(size_of::<Name>(), 16);
    }

    #[test]
    fn names_of_every_length_are_kept_and_ordered_by_their_bytes() {
        let texts: Vec<String> = (1..=20).map(|length| "n".repeat(length)).collect();
        for text in &texts {
            assert_eq!(Name::from(text.as_str()).as_str(), text);
        }
        for pair in texts.windows(2) {
            assert!(Name::from(pair[0].as_str()) < Name::from(pair[1].as_str()));
        }
        assert!(Name::from("a-long-name-of-many") < Name::from("b"));
        assert!(Name::from("B") < Name::from("a"));
    }
}
