//! Records as YAML: keys and scalars, which need no library.

use super::json;
use super::record::{Cell, Record, readable};

/// A record as a document of its own.
pub(super) fn document(record: &Record) -> String {
    lines(record, ["", ""])
}

/// A record as an element of a list.
pub(super) fn element(record: &Record) -> String {
    lines(record, ["- ", "  "])
}

/// A field a line; what stands before the first and before the others.
fn lines(record: &Record, before: [&str; 2]) -> String {
    let mut text = String::new();
    for (nth, (name, cell)) in record.encoded().into_iter().enumerate() {
        let before = before[nth.min(1)];
        let scalar = scalar(&cell);
        text.push_str(&[before, &name, ": ", &scalar, "\n"].concat());
    }
    text
}

fn scalar(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text_of(text),
        Cell::Bytes(bytes) => text_of(&readable(bytes).0),
        Cell::Number(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Bool(yes) => yes.to_string(),
        Cell::List(cells) => {
            let cells: Vec<String> = cells.iter().map(scalar).collect();
            format!("[{}]", cells.join(", "))
        }
        Cell::Null => "null".to_owned(),
    }
}

/// Text as it is where YAML takes it for text, else as JSON has it, which is YAML too.
fn text_of(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        json::quoted(text)
    }
}

/// Words that are not text to one version of YAML or another.
const NOT_TEXT: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

fn is_plain(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "/._- ".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let lower = text.to_ascii_lowercase();
    begins
        && !text.ends_with(' ')
        && text.chars().all(inside)
        && !NOT_TEXT.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(text_of(text), expected);
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_quoted() {
        check("/a/b-c.d", "/a/b-c.d");
        check("two words", "two words");
        for text in [
            "", " a", "a ", "1", "1.5", "-", "0x1f", "no", "True", "a: b", "a #b", "*a",
        ] {
            check(text, &format!("\"{text}\""));
        }
        check("a\n\"b\"", r#""a\n\"b\"""#);
        check("2001-01-01", "\"2001-01-01\"");
    }

    #[test]
    fn a_list_stands_on_its_line() {
        let cell = Cell::List(vec![
            Cell::Text("a".to_owned()),
            Cell::Null,
            Cell::Bool(false),
        ]);
        assert_eq!(scalar(&cell), "[a, null, false]");
    }
}
