//! Revisions: versions of the store and of its files.

use std::fmt;

/// The greatest revision that a snapshot, or a store that is raised, may have: no store comes near
/// it by itself.
pub(super) const REVISION_MAX: i64 = i64::MAX / 2;

/// A version of the store or of a file. The first mutation makes revision 1.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Revision(pub i64);

impl Revision {
    /// The revision of a file that is missing, and of a store that is empty.
    pub const MISSING: Self = Self(0);
    /// In a request: whatever the file's revision is.
    pub const CLOBBER: Self = Self(-1);
    /// The revision of a directory.
    pub const DIR: Self = Self(-2);

    /// The revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
