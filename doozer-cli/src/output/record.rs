//! What a command has found, as named fields.

use std::borrow::Cow;

use bytes::Bytes;
use data_encoding::BASE64;

/// Fields with names, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Record {
    fields: Vec<(&'static str, Cell)>,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Text of ours.
    Text(String),
    /// A file's bytes: shown as text where they are text, and another field says so.
    Bytes(Bytes),
    /// A whole number.
    Number(i64),
    /// A measured one.
    Real(f64),
    /// Yes or no.
    Bool(bool),
    /// Several.
    List(Vec<Cell>),
    /// Nothing known.
    Null,
}

impl Record {
    /// No fields.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With another field.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, cell: Cell) -> Self {
        self.fields.push((name, cell));
        self
    }

    /// With a field of text.
    #[must_use]
    pub(crate) fn text(self, name: &'static str, text: impl Into<String>) -> Self {
        self.with(name, Cell::Text(text.into()))
    }

    /// With a field of a file's bytes.
    #[must_use]
    pub(crate) fn bytes(self, name: &'static str, bytes: impl Into<Bytes>) -> Self {
        self.with(name, Cell::Bytes(bytes.into()))
    }

    /// With a field of a number.
    #[must_use]
    pub(crate) fn number(self, name: &'static str, number: impl Into<i64>) -> Self {
        self.with(name, Cell::Number(number.into()))
    }

    /// With a field that is yes or no.
    #[must_use]
    pub(crate) fn bool(self, name: &'static str, yes: bool) -> Self {
        self.with(name, Cell::Bool(yes))
    }

    /// Its fields.
    pub(crate) fn fields(&self) -> &[(&'static str, Cell)] {
        &self.fields
    }

    /// Its fields, each value of bytes followed by how it is encoded: `value` by `encoding`,
    /// another, as `old`, by `old_encoding`.
    pub(super) fn encoded(&self) -> Vec<(Cow<'static, str>, Cow<'_, Cell>)> {
        let mut fields = Vec::new();
        for (name, cell) in &self.fields {
            match cell {
                Cell::Bytes(bytes) => {
                    let (text, encoding) = readable(bytes);
                    fields.push((Cow::Borrowed(*name), Cow::Owned(Cell::Text(text))));
                    let encoding = Cell::Text(encoding.to_owned());
                    fields.push((encoding_of(name), Cow::Owned(encoding)));
                }
                cell => fields.push((Cow::Borrowed(*name), Cow::Borrowed(cell))),
            }
        }
        fields
    }
}

fn encoding_of(name: &'static str) -> Cow<'static, str> {
    if name == "value" {
        Cow::Borrowed("encoding")
    } else {
        Cow::Owned(format!("{name}_encoding"))
    }
}

/// Bytes as text, and how: as they are, unless they are no text or a terminal would take a part of
/// them as a command.
pub(super) fn readable(bytes: &[u8]) -> (String, &'static str) {
    let text = std::str::from_utf8(bytes).ok();
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    match text.filter(|text| text.chars().all(plain)) {
        Some(text) => (text.to_owned(), "utf-8"),
        None => (BASE64.encode(bytes), "base64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str, encoding: &str) {
        assert_eq!(
            readable(bytes),
            (expected.to_owned(), encoding_named(encoding))
        );
    }

    fn encoding_named(name: &str) -> &'static str {
        ["utf-8", "base64"]
            .into_iter()
            .find(|known| *known == name)
            .unwrap()
    }

    #[test]
    fn text_is_shown_as_text_and_all_else_as_base64() {
        check(b"", "", "utf-8");
        check(b"a\tb\r\nc\n", "a\tb\r\nc\n", "utf-8");
        check("gr\u{fc}n".as_bytes(), "gr\u{fc}n", "utf-8");
        check(b"\xff\x00", "/wA=", "base64");
        check(b"\x1b[2J", "G1sySg==", "base64");
        check(b"a\0", "YQA=", "base64");
        check("\u{9b}".as_bytes(), "wps=", "base64");
    }

    #[test]
    fn each_value_of_bytes_says_how_it_is_encoded() {
        let record = Record::new()
            .bytes("value", "a")
            .bytes("old", "b")
            .number("rev", 1);
        let names: Vec<_> = record.encoded().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["value", "encoding", "old", "old_encoding", "rev"]);
    }
}
