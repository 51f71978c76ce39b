//! The store is not as it was seen, or not as it has to be: which files.

use std::fmt;

use super::path::StorePath;
use super::plan::Conflict;

/// Files named in an error, at most.
const NAMED_MAX: usize = 10;

/// A file that is not as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) path: StorePath,
    /// The revision that was seen; 0 for none.
    pub(crate) seen: i64,
    /// What is there now.
    pub(crate) now: Now,
}

/// What is there instead of what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Now {
    Missing,
    File(i64),
    Directory,
    BelowFile,
}

/// Why files were not changed as they were to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// Others have changed them meanwhile.
    Meanwhile(Vec<Changed>),
    /// The store was not as it has to be, so nothing was changed: what stands in the way.
    Before(Vec<Conflict>),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meanwhile(changed) => {
                write!(f, "REV_MISMATCH: {}", named(changed.iter().map(change)))
            }
            Self::Before(conflicts) => {
                let named = named(conflicts.iter().map(conflict));
                write!(f, "nothing was changed: {named}")
            }
        }
    }
}

impl std::error::Error for Mismatch {}

fn change(changed: &Changed) -> String {
    let now = match changed.now {
        Now::Missing => "is missing now".to_owned(),
        Now::File(rev) => format!("is at rev {rev} now"),
        Now::Directory => "is a directory now".to_owned(),
        Now::BelowFile => "lies below a file now".to_owned(),
    };
    match changed.seen {
        0 => format!("{} was missing and {now}", changed.path),
        seen => format!("{} was at rev {seen} and {now}", changed.path),
    }
}

fn conflict(conflict: &Conflict) -> String {
    match conflict {
        Conflict::Exists(path, rev) => format!("{path} is there with another value (rev {rev})"),
        Conflict::IsDirectory(path) => format!("{path} is a directory, and a file is wanted there"),
        Conflict::IsFile(path) => format!("{path} is a file, and a directory is wanted there"),
    }
}

/// The first of `all`, and how many more there are.
fn named(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    let mut named: Vec<String> = all.take(NAMED_MAX).collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> StorePath {
        StorePath::parse("/a").unwrap()
    }

    fn changed(seen: i64, now: Now) -> Changed {
        Changed {
            path: path(),
            seen,
            now,
        }
    }

    #[test]
    fn what_others_changed_is_named_up_to_a_limit() {
        let two = vec![changed(3, Now::File(5)), changed(0, Now::Directory)];
        assert_eq!(
            Mismatch::Meanwhile(two).to_string(),
            "REV_MISMATCH: /a was at rev 3 and is at rev 5 now; /a was missing and is a directory now"
        );
        let many = Mismatch::Meanwhile(vec![changed(3, Now::Missing); 12]).to_string();
        assert!(many.ends_with("; 2 more"), "{many}");
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let before = vec![Conflict::Exists(path(), 3), Conflict::IsFile(path())];
        assert_eq!(
            Mismatch::Before(before).to_string(),
            "nothing was changed: /a is there with another value (rev 3); /a is a file, and a \
             directory is wanted there"
        );
    }
}
