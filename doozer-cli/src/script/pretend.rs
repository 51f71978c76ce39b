//! In a dry run: the files as they would be by now.

use std::collections::BTreeMap;

use bytes::Bytes;
use doozer_client::File;

/// The revision of a file that a dry run would have made.
const REV_PRETENDED: i64 = 1;

/// What a dry run would have made and deleted; the rest is as it is.
#[derive(Debug, Default)]
pub(super) struct Pretended {
    files: BTreeMap<String, Option<Bytes>>,
}

impl Pretended {
    /// The file at `path` would hold `value`, or be gone.
    pub(super) fn set(&mut self, path: &str, value: Option<Bytes>) {
        self.files.insert(path.to_owned(), value);
    }

    /// The file at `path`, where it would not be as it is.
    pub(super) fn file(&self, path: &str) -> Option<File> {
        let file = match self.files.get(path)? {
            Some(value) => File {
                rev: REV_PRETENDED,
                value: value.clone(),
            },
            None => File::default(),
        };
        Some(file)
    }

    /// Whether there would be something at `path`, where that would not be as it is.
    pub(super) fn exists(&self, path: &str) -> Option<bool> {
        let below = format!("{path}/");
        let inside = self.files.range(below.clone()..);
        let mut inside = inside.take_while(|(path, _)| path.starts_with(&below));
        if inside.any(|(_, value)| value.is_some()) {
            return Some(true);
        }
        self.files.get(path).map(Option::is_some)
    }

    /// What `words` would print, where they get a file that would not be as it is.
    pub(super) fn printed(&self, words: &[String]) -> Option<Bytes> {
        match words {
            [get, path] if get == "get" => self.file(path).map(|file| file.value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_made_is_there_and_the_rest_is_not_known() {
        let mut pretended = Pretended::default();
        pretended.set("/a/b", Some("x".into()));
        pretended.set("/c", None);
        let words = |path: &str| ["get".to_owned(), path.to_owned()];
        assert_eq!(pretended.printed(&words("/a/b")), Some("x".into()));
        assert_eq!(pretended.printed(&words("/c")), Some("".into()));
        assert_eq!(pretended.printed(&words("/a")), None);
        assert_eq!(pretended.exists("/a"), Some(true));
        assert_eq!(pretended.exists("/a/b"), Some(true));
        assert_eq!(pretended.exists("/c"), Some(false));
        assert_eq!(pretended.exists("/a/c"), None);
    }
}
