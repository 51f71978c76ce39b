//! Records as columns with a head.

use std::fmt::Write;

use super::record::{Cell, Record, readable};

/// Rows that are held back to make columns fit. What comes later is printed with the widths that
/// there are then.
const ROWS_MAX: usize = 1000;
/// The longest text of a cell; what is longer ends with three dots.
const CELL_CHARS_MAX: usize = 60;
/// What stands between two columns.
const GAP: &str = "  ";
/// The head is set off on terminals.
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Rows that are not printed yet.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
    /// Of each column, so far.
    widths: Vec<usize>,
    /// Whether there was a head.
    headed: bool,
    /// Whether the head is set off.
    colour: bool,
}

#[derive(Debug)]
struct Row {
    cells: Vec<Aligned>,
    is_head: bool,
}

/// A text, and whether it stands at the right of its column.
#[derive(Debug)]
struct Aligned {
    text: String,
    right: bool,
}

impl Table {
    /// No rows.
    pub(super) fn new(colour: bool) -> Self {
        Self {
            rows: Vec::new(),
            widths: Vec::new(),
            headed: false,
            colour,
        }
    }

    /// Adds a row; the lines that are to be printed now, if there are any.
    pub(super) fn push(&mut self, record: &Record) -> Option<String> {
        let fields = || record.fields().iter();
        let aligned = |text, cell: &Cell| Aligned {
            text,
            right: matches!(cell, Cell::Number(_) | Cell::Real(_)),
        };
        if !self.headed {
            self.headed = true;
            let names = fields().map(|(name, cell)| (name.to_uppercase().replace('_', " "), cell));
            self.add(
                names.map(|(name, cell)| aligned(name, cell)).collect(),
                true,
            );
        }
        let cells = fields().map(|(_, cell)| aligned(text_of(cell), cell));
        self.add(cells.collect(), false);
        (self.rows.len() >= ROWS_MAX).then(|| self.take())
    }

    /// The lines of the rows that are not printed yet.
    pub(super) fn take(&mut self) -> String {
        let mut lines = String::new();
        for row in std::mem::take(&mut self.rows) {
            let line = line_of(&row, &self.widths);
            let (before, behind) = if row.is_head && self.colour {
                (BOLD, PLAIN)
            } else {
                ("", "")
            };
            lines.push_str(&[before, &line, behind, "\n"].concat());
        }
        lines
    }

    fn add(&mut self, cells: Vec<Aligned>, is_head: bool) {
        self.widths.resize(self.widths.len().max(cells.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = cell.text.chars().count().max(*width);
        }
        self.rows.push(Row { cells, is_head });
    }
}

fn line_of(row: &Row, widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.cells.iter().zip(widths) {
        let text = &cell.text;
        let written = if cell.right {
            write!(line, "{text:>width$}{GAP}")
        } else {
            write!(line, "{text:width$}{GAP}")
        };
        written.expect("invariant: writing to a string does not fail");
    }
    line.trim_end().to_owned()
}

fn text_of(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => one_line(text),
        Cell::Bytes(bytes) => match readable(bytes) {
            (text, "utf-8") => one_line(&text),
            (text, _) => one_line(&format!("base64:{text}")),
        },
        Cell::Number(number) => number.to_string(),
        Cell::Real(number) => format!("{number:.2}"),
        Cell::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Cell::List(cells) => {
            let cells: Vec<String> = cells.iter().map(text_of).collect();
            cells.join(", ")
        }
        Cell::Null => "-".to_owned(),
    }
}

/// Text that leaves the lines of the table whole.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == CELL_CHARS_MAX {
            line.push_str("...");
            break;
        }
        match c {
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str, rev: i64, value: &str) -> Record {
        let record = Record::new().text("path", path).number("rev", rev);
        record.bytes("value", value.to_owned())
    }

    #[test]
    fn columns_are_aligned_and_numbers_stand_at_the_right() {
        let mut table = Table::new(false);
        assert_eq!(table.push(&record("/a", 1, "x\ny")), None);
        assert_eq!(table.push(&record("/longer", 1000, "")), None);
        let expected = "PATH      REV  VALUE\n/a          1  x\\ny\n/longer  1000\n";
        assert_eq!(table.take(), expected);
    }

    #[test]
    fn the_head_is_set_off_on_a_terminal() {
        let mut table = Table::new(true);
        assert_eq!(table.push(&record("/a", 1, "x")), None);
        let expected = "\x1b[1mPATH  REV  VALUE\x1b[0m\n/a      1  x\n";
        assert_eq!(table.take(), expected);
    }

    #[test]
    fn what_comes_later_has_no_head_and_the_widths_of_before() {
        let mut table = Table::new(false);
        assert_eq!(table.push(&record("/longer", 10, "x")), None);
        assert_eq!(table.take().lines().count(), 2);
        assert_eq!(table.push(&record("/a", 1, "y")), None);
        assert_eq!(table.take(), "/a         1  y\n");
    }

    #[test]
    fn rows_are_held_back_up_to_a_limit() {
        let mut table = Table::new(false);
        let lines = (0..ROWS_MAX).find_map(|_| table.push(&record("/a", 1, "")));
        assert_eq!(lines.unwrap().lines().count(), ROWS_MAX);
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = one_line(&"x".repeat(100));
        assert_eq!(text, format!("{}...", "x".repeat(CELL_CHARS_MAX)));
    }
}
