//! A secret, which never shows itself.

use std::fmt;

use bytes::Bytes;

/// What opens a server: the value that ACCESS sends.
///
/// Its `Debug` form never shows the value, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Bytes);

impl Secret {
    /// A secret of these bytes.
    pub fn new(value: impl Into<Bytes>) -> Self {
        Self(value.into())
    }

    /// The bytes themselves, for sending.
    pub fn reveal(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(Bytes::copy_from_slice(value.as_bytes()))
    }
}
