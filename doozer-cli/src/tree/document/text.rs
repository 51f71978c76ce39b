//! Values as text: which are readable, and how they are quoted in TOML and YAML.

use std::fmt::Write;

use anyhow::Context;
use data_encoding::BASE64;

/// The bytes as text, when they are text that people read: UTF-8 with no control characters but
/// line feeds, tabs and carriage returns.
pub(crate) fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    (!text.contains(strange)).then_some(text)
}

/// The bytes in base64.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The bytes that `text` holds in base64, between which white space may stand.
pub(super) fn from_base64(text: &str) -> anyhow::Result<Vec<u8>> {
    let packed: String = text.split_ascii_whitespace().collect();
    let decoded = BASE64.decode(packed.as_bytes());
    decoded.context("wrong base64")
}

/// The text in double quotes, as both TOML and YAML read it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        push_escaped(&mut quoted, c);
    }
    quoted.push('"');
    quoted
}

fn push_escaped(quoted: &mut String, c: char) {
    match c {
        '"' => quoted.push_str("\\\""),
        '\\' => quoted.push_str("\\\\"),
        '\n' => quoted.push_str("\\n"),
        '\t' => quoted.push_str("\\t"),
        '\r' => quoted.push_str("\\r"),
        c if is_unsafe(c) => write!(quoted, "\\U{:08X}", u32::from(c))
            .expect("invariant: text can be written to a string"),
        c => quoted.push(c),
    }
}

/// Whether `c` may not stand in TOML or YAML as it is, or would be read as the end of a line.
pub(super) fn is_unsafe(c: char) -> bool {
    let breaks = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let no_character = matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff);
    c.is_control() || breaks || no_character
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_readable_and_control_characters_are_not() {
        assert_eq!(readable("Grüße\r\n\t1".as_bytes()), Some("Grüße\r\n\t1"));
        assert_eq!(readable(b""), Some(""));
        for bytes in [
            &b"\0"[..],
            b"\x1b[1m",
            b"\xff",
            "\u{85}".as_bytes(),
            b"\x7f",
        ] {
            assert_eq!(readable(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn text_is_quoted_so_that_nothing_in_it_has_a_meaning() {
        assert_eq!(quoted("a\"b\\c\n\u{2028}é"), r#""a\"b\\c\n\U00002028é""#);
    }

    #[test]
    fn base64_is_read_over_several_lines_and_wrong_one_is_refused() {
        assert_eq!(to_base64(b"\0\xff\x10"), "AP8Q");
        assert_eq!(from_base64(" AP\n8Q ").unwrap(), b"\0\xff\x10");
        assert!(from_base64("AP8").is_err() && from_base64("A_8Q").is_err());
    }
}
