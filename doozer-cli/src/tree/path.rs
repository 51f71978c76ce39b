//! Paths of files in the store: which there can be, and the order they are listed in.

use std::cmp::Ordering;
use std::fmt;

use thiserror::Error;

/// The longest path that the store takes, in bytes.
const PATH_BYTES_MAX: usize = 4096;
/// The most names in a path that the store takes.
const PATH_NAMES_MAX: usize = 1000;

/// Why text is no path of the store.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PathError {
    /// A path that does not begin at the root, or ends with a slash.
    #[error("{0:?} is not a path: it must be / or names each after a /")]
    Shape(String),
    /// A name that no file or directory can have.
    #[error("{0:?} cannot be a file's name in the store: only A-Z a-z 0-9 . - can stand in one")]
    Name(String),
    /// Over [`PATH_BYTES_MAX`].
    #[error("a path of {0} bytes is over the limit of {PATH_BYTES_MAX}")]
    TooLong(usize),
    /// Over [`PATH_NAMES_MAX`].
    #[error("a path of {0} names is over the limit of {PATH_NAMES_MAX}")]
    TooDeep(usize),
}

/// A valid path of the store.
///
/// Paths are ordered as the server lists them: a directory's entries by their bytes, depth first.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct StorePath(String);

impl StorePath {
    /// `/`.
    pub(crate) fn root() -> Self {
        Self("/".to_owned())
    }

    /// Reads a whole path.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        if text == "/" {
            return Ok(Self::root());
        }
        let rest = text.strip_prefix('/');
        let rest = rest.ok_or_else(|| PathError::Shape(text.to_owned()))?;
        rest.split('/').try_for_each(|name| match name {
            "" => Err(PathError::Shape(text.to_owned())),
            name => check_name(name),
        })?;
        Self(text.to_owned()).within_limits()
    }

    /// The path of the entry `name` of this directory.
    pub(crate) fn entry(&self, name: &str) -> Result<Self, PathError> {
        check_name(name)?;
        Self(format!("{}/{name}", self.stem())).within_limits()
    }

    /// This path as it is seen from `base`, put below `self`: `/x/y` of base `/x` below `/a` is
    /// `/a/y`.
    pub(crate) fn place(&self, path: &Self, base: &Self) -> Option<Result<Self, PathError>> {
        let rest = path.as_str().strip_prefix(base.stem())?;
        if path == base {
            return Some(Ok(self.clone()));
        }
        let placed = rest
            .starts_with('/')
            .then(|| format!("{}{rest}", self.stem()))?;
        Some(Self(placed).within_limits())
    }

    /// Whether it lies below the directory `other`; no path lies below itself.
    pub(crate) fn is_below(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(other.stem());
        self != other && rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether it belongs to the server: `/ctl` and all below it.
    pub(crate) fn is_ctl(&self) -> bool {
        self.0 == "/ctl" || self.0.starts_with("/ctl/")
    }

    /// The directory it is in; nothing for `/`.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (above, last) = self.0.rsplit_once('/')?;
        match (above, last) {
            (_, "") => None,
            ("", _) => Some(Self::root()),
            (above, _) => Some(Self(above.to_owned())),
        }
    }

    /// The directories it lies in, the nearest first, without `/`.
    pub(crate) fn directories(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent).filter(|path| !path.is_root())
    }

    /// The names from the root on; none for `/`.
    pub(crate) fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// Its last name; empty for `/`.
    pub(crate) fn last_name(&self) -> &str {
        self.names().next_back().unwrap_or_default()
    }

    /// A glob for all files below it.
    pub(crate) fn glob_below(&self) -> String {
        format!("{}/**", self.stem())
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0 == "/"
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the slash of an entry's name.
    fn stem(&self) -> &str {
        if self.is_root() { "" } else { &self.0 }
    }

    fn within_limits(self) -> Result<Self, PathError> {
        if self.0.len() > PATH_BYTES_MAX {
            return Err(PathError::TooLong(self.0.len()));
        }
        let names = self.names().count();
        if names > PATH_NAMES_MAX {
            return Err(PathError::TooDeep(names));
        }
        Ok(self)
    }
}

/// Whether a file or a directory can be called `name`.
fn check_name(name: &str) -> Result<(), PathError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    if !name.is_empty() && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(PathError::Name(name.to_owned()))
    }
}

impl Ord for StorePath {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0).cmp(order(&other.0))
    }
}

/// What a path is ordered by: a slash ends a name, and what has ended goes before what goes on.
fn order(path: &str) -> impl Iterator<Item = u8> {
    path.bytes().map(|byte| if byte == b'/' { 0 } else { byte })
}

impl PartialOrd for StorePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> StorePath {
        StorePath::parse(text).unwrap()
    }

    fn check_refused(texts: &[&str], expected: &str) {
        for text in texts {
            let error = StorePath::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_store_takes_letters_digits_dots_and_dashes() {
        for text in ["/", "/a", "/.", "/..", "/-", "/a.b/C-0"] {
            assert_eq!(path(text).as_str(), text);
        }
        check_refused(&["", "a", "/a/", "//", "//a", "/a//b"], "is not a path");
        check_refused(
            &["/a_b", "/a b", "/é", "/a\0", "/*"],
            "cannot be a file's name",
        );
        check_refused(&[&format!("/{}", "x".repeat(PATH_BYTES_MAX))], "4097 bytes");
        check_refused(&[&"/a".repeat(PATH_NAMES_MAX + 1)], "1001 names");
        assert!(path("/a").entry("b/c").is_err() && path("/a").entry("").is_err());
    }

    #[test]
    fn paths_are_ordered_as_the_server_lists_them() {
        let listed = [
            "/", "/a", "/a/b", "/a/b/c", "/a/c", "/a-b", "/a-b/c", "/a.b", "/b",
        ];
        let mut sorted: Vec<StorePath> = listed.iter().rev().map(|text| path(text)).collect();
        sorted.sort();
        assert_eq!(sorted, listed.map(path));
    }

    #[test]
    fn a_path_knows_what_it_lies_below() {
        assert!(path("/a/b").is_below(&path("/a")) && path("/a").is_below(&path("/")));
        assert!(!path("/ab").is_below(&path("/a")) && !path("/a").is_below(&path("/a")));
        assert!(!path("/").is_below(&path("/")));
        let directories: Vec<StorePath> = path("/a/b/c").directories().collect();
        assert_eq!(directories, [path("/a/b"), path("/a")]);
        assert_eq!(
            (path("/a").parent(), path("/").parent()),
            (Some(path("/")), None)
        );
        assert!(path("/ctl").is_ctl() && path("/ctl/x").is_ctl() && !path("/ctlx").is_ctl());
    }

    #[test]
    fn a_path_moves_from_one_directory_to_another() {
        let place = |to: &str, of: &str, base: &str| {
            let placed = path(to).place(&path(of), &path(base));
            placed.map(|placed| placed.unwrap().to_string())
        };
        assert_eq!(place("/a", "/x/y", "/x").as_deref(), Some("/a/y"));
        assert_eq!(place("/", "/x/y", "/x").as_deref(), Some("/y"));
        assert_eq!(place("/a", "/x/y", "/").as_deref(), Some("/a/x/y"));
        assert_eq!(place("/a", "/x", "/x").as_deref(), Some("/a"));
        assert_eq!(place("/a", "/xy/z", "/x"), None);
    }
}
