//! Shows what a plan changes, as people read it.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use super::document::{Found, readable};
use super::path::StorePath;
use super::plan::{Counts, Step};

/// Lines shown of one file, at most.
const LINES_MAX: usize = 40;
/// Characters shown of one line, at most.
const LINE_CHARS_MAX: usize = 200;
/// Equal lines shown around each change.
const CONTEXT_LINES: usize = 3;
/// Values longer than this are not compared line by line.
const VALUE_BYTES_MAX: usize = 256 << 10;
/// How long lines may be compared for a short answer; after that it is a longer one.
const COMPARE_TIME: Duration = Duration::from_millis(200);

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// What a step changes: a line that says what is done to which file, and lines of its value.
pub(crate) fn step(step: &Step, colour: bool) -> String {
    change(
        &step.path,
        step.seen.as_ref(),
        step.wanted.as_deref(),
        colour,
    )
}

/// The difference between what was found at a path and what is wanted there.
pub(crate) fn change(
    path: &StorePath,
    seen: Option<&Found>,
    wanted: Option<&[u8]>,
    colour: bool,
) -> String {
    let mut text = Text {
        text: String::new(),
        colour,
    };
    match (seen, wanted) {
        (None, None) => {}
        (None, Some(value)) => {
            text.line(GREEN, &format!("+ {path}"));
            text.all(ChangeTag::Insert, value);
        }
        (Some(found), None) => {
            text.line(RED, &format!("- {path} (rev {})", found.rev));
            text.all(ChangeTag::Delete, &found.value);
        }
        (Some(found), Some(value)) => {
            text.line(YELLOW, &format!("~ {path} (rev {})", found.rev));
            text.difference(&found.value, value);
        }
    }
    text.text
}

/// The lines that differ between two values of a file, or those of one that came or went.
pub(crate) fn values(old: Option<&[u8]>, new: Option<&[u8]>, colour: bool) -> String {
    let mut text = Text {
        text: String::new(),
        colour,
    };
    match (old, new) {
        (None, None) => {}
        (None, Some(value)) => text.all(ChangeTag::Insert, value),
        (Some(value), None) => text.all(ChangeTag::Delete, value),
        (Some(old), Some(new)) => text.difference(old, new),
    }
    text.text
}

/// How many files are concerned: `1 set, 2 deleted, 3 the same`.
pub(crate) fn done(counts: Counts) -> String {
    let Counts { set, deleted, same } = counts;
    format!("{set} set, {deleted} deleted, {same} the same")
}

/// How many files would be concerned.
pub(crate) fn to_do(counts: Counts) -> String {
    let Counts { set, deleted, same } = counts;
    format!("{set} to set, {deleted} to delete, {same} the same")
}

struct Text {
    text: String,
    colour: bool,
}

impl Text {
    fn line(&mut self, colour: &str, line: &str) {
        if self.colour && !colour.is_empty() {
            self.text.extend([colour, line, PLAIN, "\n"]);
        } else {
            self.text.extend([line, "\n"]);
        }
    }

    fn value_line(&mut self, tag: ChangeTag, line: &str) {
        let (sign, colour) = match tag {
            ChangeTag::Equal => (' ', ""),
            ChangeTag::Delete => ('-', RED),
            ChangeTag::Insert => ('+', GREEN),
        };
        let line = line.replace('\r', "\\r");
        let shown: String = line.chars().take(LINE_CHARS_MAX).collect();
        let more = if shown.len() < line.len() { "…" } else { "" };
        self.line(colour, &format!("    {sign}{shown}{more}"));
    }

    /// All of a value that is new or goes.
    fn all(&mut self, tag: ChangeTag, value: &[u8]) {
        let told = told(value);
        let lines: Vec<&str> = told
            .strip_suffix('\n')
            .unwrap_or(&told)
            .split('\n')
            .collect();
        if !told.is_empty() {
            self.limited(lines.iter().map(|line| (tag, *line)));
        }
    }

    /// How two values differ. A line feed at the end shows itself as an empty last line.
    fn difference(&mut self, old: &[u8], new: &[u8]) {
        let (old, new) = (told(old), told(new));
        let old: Vec<&str> = old.split('\n').collect();
        let new: Vec<&str> = new.split('\n').collect();
        let diff = TextDiff::configure()
            .timeout(COMPARE_TIME)
            .diff_slices(&old, &new);
        let groups = diff.grouped_ops(CONTEXT_LINES);
        let changes = groups.iter().flatten().flat_map(|op| diff.iter_changes(op));
        self.limited(changes.map(|change| (change.tag(), change.value())));
    }

    fn limited<'a>(&mut self, mut lines: impl Iterator<Item = (ChangeTag, &'a str)>) {
        for (tag, line) in lines.by_ref().take(LINES_MAX) {
            self.value_line(tag, line);
        }
        let more = lines.count();
        if more > 0 {
            self.line("", &format!("    … {more} more lines"));
        }
    }
}

/// A value as it is shown.
fn told(value: &[u8]) -> String {
    match readable(value) {
        Some(text) if value.len() <= VALUE_BYTES_MAX => text.to_owned(),
        Some(_) => format!("({} bytes of text, {})", value.len(), fingerprint(value)),
        None => format!("({} bytes, not text, {})", value.len(), fingerprint(value)),
    }
}

/// A short number that tells two values apart that are not shown.
fn fingerprint(value: &[u8]) -> String {
    // FNV-1a: nobody's safety depends on it.
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    format!("fingerprint {:08x}", value.iter().fold(0x811c_9dc5, mix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: Option<&str>, new: Option<&str>, expected: &str) {
        let path = StorePath::parse("/a").unwrap();
        let found = old.map(|value| Found {
            rev: 7,
            value: value.to_owned().into(),
        });
        let shown = change(&path, found.as_ref(), new.map(str::as_bytes), false);
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_new_and_what_goes_is_shown_whole() {
        check(None, Some("x\ny\n"), "+ /a\n    +x\n    +y\n");
        check(None, Some(""), "+ /a\n");
        check(Some("x"), None, "- /a (rev 7)\n    -x\n");
    }

    #[test]
    fn of_a_change_the_lines_around_it_are_shown() {
        check(Some("x"), Some("y"), "~ /a (rev 7)\n    -x\n    +y\n");
        check(Some("x"), Some("x\n"), "~ /a (rev 7)\n     x\n    +\n");
        let lines = |middle: &str| format!("1\n2\n3\n4\n{middle}\n6\n7\n8\n9");
        check(
            Some(&lines("5")),
            Some(&lines("five\r")),
            "~ /a (rev 7)\n     2\n     3\n     4\n    -5\n    +five\\r\n     6\n     7\n     8\n",
        );
    }

    #[test]
    fn what_is_not_text_is_told_by_its_length() {
        check(
            Some("\0a"),
            Some("\0b"),
            "~ /a (rev 7)\n    -(2 bytes, not text, fingerprint 70772d5a)\n    +(2 bytes, not text, \
             fingerprint 6f772bc7)\n",
        );
    }

    #[test]
    fn long_values_are_cut() {
        let long = "é".repeat(LINE_CHARS_MAX + 1);
        let expected = format!("+ /a\n    +{}…\n", "é".repeat(LINE_CHARS_MAX));
        check(None, Some(&long), &expected);
        let many = "x\n".repeat(LINES_MAX + 5);
        let expected = format!("+ /a\n{}    … 5 more lines\n", "    +x\n".repeat(LINES_MAX));
        check(None, Some(&many), &expected);
        let large = "x".repeat(VALUE_BYTES_MAX + 1);
        let path = StorePath::parse("/a").unwrap();
        let shown = change(&path, None, Some(large.as_bytes()), false);
        assert!(
            shown.contains("(262145 bytes of text, fingerprint "),
            "{shown}"
        );
    }

    #[test]
    fn signs_have_colours_on_a_terminal() {
        let path = StorePath::parse("/a").unwrap();
        let shown = change(&path, None, Some(b"x"), true);
        assert_eq!(shown, "\x1b[32m+ /a\x1b[0m\n\x1b[32m    +x\x1b[0m\n");
    }
}
