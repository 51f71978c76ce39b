//! Globs: patterns of paths, and which paths they match.
//!
//! `?` is one character but `/`, `*` any run without `/`, `**` any run. Matching keeps the set of
//! places in the pattern that the text read so far can have led to, so that it costs at most one
//! step for every character of the pattern and every one of the path, whatever they are.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::path::{PATH_BYTES_MAX, PathError, check};

/// Why bytes are not a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a glob")]
pub struct GlobError(#[from] PathError);

/// A valid glob. Cloning it copies no text.
#[derive(Clone, PartialEq, Eq)]
pub struct Glob {
    text: Arc<str>,
    /// How much of the text stands before the first wildcard.
    literal_bytes: usize,
}

impl Glob {
    /// Checks bytes for being a glob: a path in which `*` and `?` may also stand.
    pub fn parse(bytes: &[u8]) -> Result<Self, GlobError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-*?".contains(&byte);
        let text = check(bytes, allowed)?;
        Ok(Self {
            text: text.into(),
            literal_bytes: text.find(is_wildcard).unwrap_or(text.len()),
        })
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(self.literal()) else {
            return false;
        };
        match &self.text[self.literal_bytes..] {
            "" => rest.is_empty(),
            "*" => !rest.contains('/'),
            "**" => true,
            pattern => reach(pattern.as_bytes(), rest.as_bytes()).end,
        }
    }

    /// Whether a path below the directory `dir` can match. `dir` ends with a slash.
    pub(super) fn may_match_below(&self, dir: &str) -> bool {
        let Some(rest) = dir.strip_prefix(self.literal()) else {
            return self.literal().starts_with(dir);
        };
        match &self.text[self.literal_bytes..] {
            "" => false,
            "*" => !rest.contains('/'),
            "**" => true,
            pattern => reach(pattern.as_bytes(), rest.as_bytes()).before_end,
        }
    }

    /// Whether a name, in the glob's literal directory, can stand in a match or above one.
    /// `wanted` is what is left of the literal text there. False for all later names, too.
    pub(super) fn may_begin(&self, wanted: &str, name: &str) -> bool {
        if self.is_literal() {
            name == wanted
        } else {
            name.starts_with(wanted)
        }
    }

    /// The text before the first wildcard: what every match begins with.
    pub fn literal(&self) -> &str {
        &self.text[..self.literal_bytes]
    }

    /// Whether there is no wildcard, so that only one path matches.
    pub fn is_literal(&self) -> bool {
        self.literal_bytes == self.text.len()
    }

    /// The glob as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

fn is_wildcard(c: char) -> bool {
    c == '*' || c == '?'
}

/// Where in `pattern` the whole of `text` leads.
fn reach(pattern: &[u8], text: &[u8]) -> Reach {
    if pattern.len() < WORD_BITS {
        Places::<1>::after(pattern, text).reach()
    } else {
        Places::<WORDS_MAX>::after(pattern, text).reach()
    }
}

/// Where matching a text has led.
struct Reach {
    /// The whole pattern matches.
    end: bool,
    /// With more text it may match.
    before_end: bool,
}

const WORD_BITS: usize = u64::BITS as usize;
const WORDS_MAX: usize = PATH_BYTES_MAX / WORD_BITS + 1;

/// Places in a pattern, each as the number of its bytes that are done with, one bit a place.
struct Places<'a, const WORDS: usize> {
    pattern: &'a [u8],
    words: [u64; WORDS],
}

impl<'a, const WORDS: usize> Places<'a, WORDS> {
    fn none(pattern: &'a [u8]) -> Self {
        Self {
            pattern,
            words: [0; WORDS],
        }
    }

    /// The places that the whole of `text` leads to.
    fn after(pattern: &'a [u8], text: &[u8]) -> Self {
        let mut now = Self::none(pattern);
        now.add(0);
        for byte in text {
            let mut next = Self::none(pattern);
            now.step(*byte, &mut next);
            if next.is_empty() {
                return next;
            }
            now = next;
        }
        now
    }

    /// Adds to `next` where `byte` leads from here.
    fn step(&self, byte: u8, next: &mut Self) {
        for (index, word) in self.words.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let place = index * WORD_BITS + left.trailing_zeros() as usize;
                self.step_from(place, byte, next);
                left &= left - 1;
            }
        }
    }

    fn step_from(&self, place: usize, byte: u8, next: &mut Self) {
        match self.pattern.get(place) {
            Some(b'*') if byte != b'/' || self.is_double(place) => next.add(place),
            Some(b'?') if byte != b'/' => next.add(place + 1),
            Some(same) if *same == byte => next.add(place + 1),
            _ => {}
        }
    }

    /// Adds a place, and the one behind the stars that stand there: a run of stars may be empty.
    ///
    /// A run is only ever entered at its first star. One of two or more stars is any run of
    /// characters, just as `**` alone.
    fn add(&mut self, place: usize) {
        self.set(place);
        if self.pattern.get(place) == Some(&b'*') {
            let run = self.pattern[place..].iter();
            self.set(place + run.take_while(|byte| **byte == b'*').count());
        }
    }

    fn set(&mut self, place: usize) {
        self.words[place / WORD_BITS] |= 1 << (place % WORD_BITS);
    }

    fn is_double(&self, place: usize) -> bool {
        self.pattern.get(place + 1) == Some(&b'*')
    }

    fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    fn reach(mut self) -> Reach {
        let end = self.pattern.len();
        let (word, bit) = (end / WORD_BITS, 1 << (end % WORD_BITS));
        let at_end = self.words[word] & bit != 0;
        self.words[word] &= !bit;
        Reach {
            end: at_end,
            before_end: !self.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_matches(glob: &str, matching: &[&str], other: &[&str]) {
        let glob = Glob::parse(glob.as_bytes()).unwrap();
        for path in matching {
            assert!(glob.matches(path), "{glob:?} {path}");
        }
        for path in other {
            assert!(!glob.matches(path), "{glob:?} {path}");
        }
    }

    #[test]
    fn without_wildcards_one_path_matches() {
        check_matches("/a/b", &["/a/b"], &["/", "/a", "/a/b/c", "/a/bb", "/b"]);
        check_matches("/", &["/"], &["/a"]);
    }

    #[test]
    fn a_question_mark_is_one_character_but_a_slash() {
        check_matches("/a?", &["/ab", "/a."], &["/a", "/a/", "/abc", "/a/b"]);
        check_matches("/a/?/c", &["/a/b/c"], &["/a//c", "/a/bb/c"]);
    }

    #[test]
    fn a_star_is_any_run_without_a_slash() {
        check_matches("/*", &["/", "/a", "/ab.c"], &["/a/b"]);
        check_matches(
            "/a/*-*",
            &["/a/x-y", "/a/-", "/a/---"],
            &["/a/xy", "/a/x/-"],
        );
        check_matches(
            "/*/addr",
            &["/x/addr"],
            &["/addr", "/x/y/addr", "/x/addr/z"],
        );
    }

    #[test]
    fn two_stars_are_any_run() {
        check_matches("/**", &["/", "/a", "/a/b/c"], &[]);
        check_matches("/a**", &["/a", "/ab", "/a/b/c"], &["/", "/b"]);
        check_matches("/**/b", &["/a/b", "/a/c/b"], &["/b", "/a/bb"]);
        check_matches(
            "/a/**/z/*",
            &["/a/b/z/y", "/a/b/z/z/z"],
            &["/a/z/y", "/a/b/z/y/x"],
        );
    }

    #[test]
    fn a_third_star_starts_anew_and_changes_nothing() {
        for glob in ["/***", "/****", "/*****"] {
            check_matches(glob, &["/", "/a", "/a/b"], &[]);
        }
        check_matches("/a***b", &["/ab", "/a/b/b"], &["/a", "/ba"]);
    }

    #[test]
    fn a_glob_is_a_path_with_wildcards() {
        for text in [
            "", "*", "**", "/a_b", "/[a]", "/a+", "/a//b", "/a/", "/*/", "/w/[", "/\u{e9}",
        ] {
            assert!(Glob::parse(text.as_bytes()).is_err(), "{text}");
        }
        for text in ["/", "/a", "/*", "/a/**/b?", "/***"] {
            assert!(Glob::parse(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_literal_beginning_ends_at_the_first_wildcard() {
        for (glob, literal) in [
            ("/a/b", "/a/b"),
            ("/a/b*", "/a/b"),
            ("/?", "/"),
            ("/a/*/b", "/a/"),
        ] {
            let parsed = Glob::parse(glob.as_bytes()).unwrap();
            assert_eq!(parsed.literal(), literal);
            assert_eq!(parsed.is_literal(), glob == literal);
        }
    }

    #[test]
    fn a_hostile_glob_is_matched_in_time() {
        let glob = Glob::parse(("/".to_owned() + &"*a".repeat(2047)).as_bytes()).unwrap();
        let path = "/".to_owned() + &"a".repeat(PATH_BYTES_MAX - 2) + "b";
        assert!(!glob.matches(&path));
        let glob = Glob::parse(("/".to_owned() + &"**".repeat(2047)).as_bytes()).unwrap();
        assert!(glob.matches(&path));
        let glob = Glob::parse(("/".to_owned() + &"**a".repeat(1365)).as_bytes()).unwrap();
        assert!(!glob.matches(&path));
    }

    /// The rules as they are written down, with no thought for what they cost.
    fn matches_naively(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', b'*', rest @ ..] => {
                (0..=text.len()).any(|run| matches_naively(rest, &text[run..]))
            }
            [b'*', rest @ ..] => (0..=text.len())
                .take_while(|run| !text[..*run].contains(&b'/'))
                .any(|run| matches_naively(rest, &text[run..])),
            [b'?', rest @ ..] => {
                text.first().is_some_and(|byte| *byte != b'/') && matches_naively(rest, &text[1..])
            }
            [byte, rest @ ..] => text.first() == Some(byte) && matches_naively(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_the_rules_say(
            glob in "(/[ab*?]{1,5}){1,4}|/",
            path in "(/[ab]{1,3}){1,5}|/",
        ) {
            let parsed = Glob::parse(glob.as_bytes()).unwrap();
            prop_assert_eq!(parsed.matches(&path), matches_naively(glob.as_bytes(), path.as_bytes()));
        }

        #[test]
        fn every_directory_above_a_match_may_have_matches_below(
            glob in "(/[ab*?]{1,5}){1,4}",
            path in "(/[ab]{1,3}){1,5}",
        ) {
            let parsed = Glob::parse(glob.as_bytes()).unwrap();
            if parsed.matches(&path) {
                for (end, _) in path.match_indices('/') {
                    prop_assert!(parsed.may_match_below(&path[..=end]), "{}", &path[..=end]);
                }
            }
        }
    }
}
