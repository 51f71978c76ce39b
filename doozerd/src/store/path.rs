//! Paths: which are valid, and their names.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The longest path, in bytes. It bounds what matching one glob can cost. (The original never
/// answered a SET of more than about 3,000 bytes, path included.)
pub const PATH_BYTES_MAX: usize = 4096;

/// The most names in a path. Directories are let go of one inside the other, on the stack.
pub const PATH_NAMES_MAX: usize = 1000;

/// Why bytes are not a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// Not `/` and not one or more of `/name`.
    #[error("not a path: it must be / or names of A-Z a-z 0-9 . - each after a /")]
    Invalid,
    /// Over [`PATH_BYTES_MAX`].
    #[error("path of {0} bytes is over the limit of {PATH_BYTES_MAX}")]
    TooLong(usize),
    /// Over [`PATH_NAMES_MAX`].
    #[error("path of {0} names is over the limit of {PATH_NAMES_MAX}")]
    TooDeep(usize),
}

/// A valid path. Cloning it copies no text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Arc<str>);

impl Path {
    /// Checks bytes for being a path.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        check(bytes, |byte| {
            byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'
        })
        .map(|text| Self(text.into()))
    }

    /// `/`, the path of the root directory and of nops.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The names from the root on; none for `/`.
    pub(super) fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// The names of the directories above, and the last name. None for `/`.
    pub(super) fn split_last(&self) -> Option<(impl Iterator<Item = &str>, &str)> {
        let (above, last) = self
            .0
            .rsplit_once('/')
            .filter(|(_, last)| !last.is_empty())?;
        Some((above.split('/').skip(1), last))
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Checks bytes for being `/`, or one or more of `/name` with names of the bytes that `allowed`
/// allows, and within the limits.
pub(super) fn check(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> Result<&str, PathError> {
    if bytes.len() > PATH_BYTES_MAX {
        return Err(PathError::TooLong(bytes.len()));
    }
    let rest = bytes.strip_prefix(b"/").ok_or(PathError::Invalid)?;
    if !rest.is_empty() {
        let mut names = 0;
        for name in rest.split(|byte| *byte == b'/') {
            if name.is_empty() || !name.iter().all(|byte| allowed(*byte)) {
                return Err(PathError::Invalid);
            }
            names += 1;
        }
        if names > PATH_NAMES_MAX {
            return Err(PathError::TooDeep(names));
        }
    }
    std::str::from_utf8(bytes).map_err(|_not_ascii| PathError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_valid(valid: bool, paths: &[&[u8]]) {
        for path in paths {
            assert_eq!(Path::parse(path).is_ok(), valid, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn a_path_is_a_slash_or_names_each_after_a_slash() {
        check_valid(
            true,
            &[
                b"/", b"/a", b"/a.b", b"/a-b", b"/A0", b"/.", b"/..", b"/-", b"/a/../b",
            ],
        );
    }

    #[test]
    fn anything_else_is_no_path() {
        check_valid(
            false,
            &[
                b"",
                b"a",
                b"/a/",
                b"//a",
                b"//",
                b"/a//b",
                b"/a_b",
                b"/a b",
                b"/a=b",
                b"/a:b",
                b"/*",
                b"/?",
                b"/\xc3\xa9",
                b"/\xff",
                b"/a\n",
                b"/a\0",
            ],
        );
    }

    #[test]
    fn a_path_has_limits() {
        let long = "/".to_owned() + &"x".repeat(PATH_BYTES_MAX - 1);
        assert!(Path::parse(long.as_bytes()).is_ok());
        let longer = long + "x";
        let error = Path::parse(longer.as_bytes());
        assert_eq!(error, Err(PathError::TooLong(PATH_BYTES_MAX + 1)));
        assert!(Path::parse("/a".repeat(PATH_NAMES_MAX).as_bytes()).is_ok());
        let error = Path::parse("/a".repeat(PATH_NAMES_MAX + 1).as_bytes());
        assert_eq!(error, Err(PathError::TooDeep(PATH_NAMES_MAX + 1)));
    }

    #[test]
    fn a_path_falls_into_names() {
        let names = |path: &str| -> Vec<String> {
            let path = Path::parse(path.as_bytes()).unwrap();
            path.names().map(str::to_owned).collect()
        };
        assert_eq!(names("/"), Vec::<String>::new());
        assert_eq!(names("/a/b.c"), ["a", "b.c"]);

        let path = Path::parse(b"/a/b/c").unwrap();
        let (above, last) = path.split_last().unwrap();
        assert_eq!((above.collect(), last), (vec!["a", "b"], "c"));
        let path = Path::parse(b"/a").unwrap();
        let (above, last) = path.split_last().unwrap();
        assert_eq!((above.count(), last), (0, "a"));
        assert!(Path::root().split_last().is_none());
    }
}
