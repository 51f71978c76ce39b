//! What clients must know: compared in constant time, never shown.

use std::fmt::{self, Debug};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Bytes that are compared without telling how much of them was right, and hidden from logs.
#[derive(Clone)]
pub struct Secret {
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Secret {
    /// A secret of these bytes. No bytes: everybody knows it.
    pub fn new(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self { bytes, digest }
    }

    /// Whether there is nothing to know.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether `candidate` is the secret. How long that takes depends on `candidate` alone:
    /// digests are compared, so neither the secret's content nor its length shows.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        let candidate: [u8; 32] = Sha256::digest(candidate).into();
        self.digest.ct_eq(&candidate).into()
    }

    /// The bytes themselves, to send to another node.
    pub fn reveal(&self) -> &[u8] {
        &self.bytes
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.is_empty() { "none" } else { "hidden" };
        write!(f, "Secret({shown})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secret: &[u8], candidate: &[u8], expected: bool) {
        assert_eq!(
            Secret::new(secret.to_vec()).matches(candidate),
            expected,
            "{candidate:?}"
        );
    }

    #[test]
    fn a_secret_matches_itself_alone() {
        check(b"open", b"open", true);
        check(b"open", b"opem", false);
        check(b"open", b"ope", false);
        check(b"open", b"open ", false);
        check(b"open", b"", false);
        check(b"\xff\0", b"\xff\0", true);
        check(b"", b"", true);
        check(b"", b"x", false);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(b"swordfish".to_vec());
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_eq!(format!("{secret:#?}"), "Secret(hidden)");
        assert_eq!(format!("{:?}", Secret::new(Vec::new())), "Secret(none)");
        assert_eq!(secret.reveal(), b"swordfish");
    }
}
