//! What a command prints: text as it is, or records in the form that is asked for.

mod format;
mod json;
mod record;
mod sink;
mod table;
mod yaml;

use std::io::{self, ErrorKind, Write};

use thiserror::Error;

use crate::session::Terminal;

pub(crate) use format::Format;
pub(crate) use record::{Cell, Record};
use sink::Sink;
use table::Table;

/// Why nothing more can be printed.
#[derive(Debug, Error)]
pub(crate) enum OutputError {
    /// The reader has gone (`doozer watch … | head -1`): reason to stop, not to complain.
    #[error("standard output was closed")]
    Closed,
    /// Anything else, as a full disk.
    #[error("cannot write to standard output")]
    Failed(#[source] io::Error),
}

/// The standard output of a command. A reader may close it at any time.
#[derive(Debug)]
pub(crate) struct Output {
    sink: Sink,
    colour: bool,
    format: Format,
    /// How many records the command has printed.
    records: usize,
    /// Whether the records are the elements of a list.
    list: bool,
    table: Table,
}

impl Output {
    /// That of this program.
    pub(crate) fn of_program(terminal: Terminal) -> Self {
        Self::to_sink(Sink::of_program(), terminal.colours_output())
    }

    /// Bytes that are kept, for `$(…)`: [`take`](Self::take) gives them.
    pub(crate) fn captured() -> Self {
        Self::to_sink(Sink::Kept(Vec::new()), false)
    }

    /// Another program's standard input, or whatever else takes bytes.
    pub(crate) fn to_program(program: impl Write + 'static) -> Self {
        Self::to_sink(Sink::to(program), false)
    }

    /// Whatever takes bytes and shows them on a terminal, as a shell that has a prompt there.
    pub(crate) fn to_terminal(writer: impl Write + 'static, terminal: Terminal) -> Self {
        Self::to_sink(Sink::to(writer), terminal.colours_output())
    }

    fn to_sink(sink: Sink, colour: bool) -> Self {
        Self {
            sink,
            colour,
            format: Format::Text,
            records: 0,
            list: true,
            table: Table::new(colour),
        }
    }

    /// The form that is asked for.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether that is the command's own.
    pub(crate) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// Whether text may be coloured.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// Prints `bytes` as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.sink.write_all(bytes).map_err(reason)
    }

    /// Prints `line` and a line feed.
    pub(crate) fn line(&mut self, line: impl std::fmt::Display) -> Result<(), OutputError> {
        writeln!(self.sink, "{line}").map_err(reason)
    }

    /// Prints what something is, its length and its bytes, as `walk` and `watch` do.
    pub(crate) fn entry(
        &mut self,
        head: impl std::fmt::Display,
        value: &[u8],
    ) -> Result<(), OutputError> {
        self.line(format_args!("{head} {}", value.len()))?;
        self.bytes(value)?;
        self.bytes(b"\n")
    }

    /// Prints one record of those that a command finds, in a form that is not text.
    pub(crate) fn record(&mut self, record: &Record) -> Result<(), OutputError> {
        self.records += 1;
        match self.format {
            Format::Text | Format::Jsonl => self.line(json::object(record)),
            Format::Json => {
                let before = if self.records == 1 { "[\n" } else { ",\n" };
                self.bytes(before.as_bytes())?;
                self.bytes(json::object(record).as_bytes())
            }
            Format::Yaml => self.bytes(yaml::element(record).as_bytes()),
            Format::Table => match self.table.push(record) {
                Some(lines) => self.bytes(lines.as_bytes()),
                None => Ok(()),
            },
        }
    }

    /// Prints one record as a row of columns, unless another form is asked for.
    pub(crate) fn row(&mut self, record: &Record) -> Result<(), OutputError> {
        if !self.is_text() {
            return self.record(record);
        }
        match self.table.push(record) {
            Some(lines) => self.bytes(lines.as_bytes()),
            None => Ok(()),
        }
    }

    /// Prints the one record that is all a command finds, in a form that is not text.
    pub(crate) fn one(&mut self, record: &Record) -> Result<(), OutputError> {
        self.list = false;
        match self.format {
            Format::Text | Format::Json | Format::Jsonl => self.line(json::object(record)),
            Format::Yaml => self.bytes(yaml::document(record).as_bytes()),
            Format::Table => self.record(record),
        }
    }

    /// Hands everything to the reader.
    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        let lines = self.table.take();
        self.bytes(lines.as_bytes())?;
        self.sink.flush().map_err(reason)
    }

    /// What was kept since the last time.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        match &mut self.sink {
            Sink::Kept(bytes) => std::mem::take(bytes),
            Sink::Writer(_) => Vec::new(),
        }
    }

    /// Begins the output of a command, in the form that is asked for.
    pub(crate) fn begin(&mut self, format: Format) {
        self.format = format;
        self.records = 0;
        self.list = true;
        self.table = Table::new(self.colour);
    }

    /// Ends it. A list that has begun is closed, and one that is empty is one, if the command
    /// `succeeded`.
    pub(crate) fn end(&mut self, succeeded: bool) -> Result<(), OutputError> {
        let empty = self.records == 0;
        let list = self.list && (succeeded || !empty);
        match self.format {
            Format::Json | Format::Yaml if list && empty => self.bytes(b"[]\n")?,
            Format::Json if list => self.bytes(b"\n]\n")?,
            _ => {}
        }
        self.format = Format::Text;
        self.flush()
    }
}

fn reason(error: io::Error) -> OutputError {
    match error.kind() {
        ErrorKind::BrokenPipe => OutputError::Closed,
        _ => OutputError::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two records look like, with `-o format`.
    fn check(format: Format, expected: &str) {
        let mut output = Output::captured();
        output.begin(format);
        for (path, rev) in [("/a", 5), ("/long/path", 12)] {
            let record = Record::new().text("path", path).number("rev", rev);
            output.record(&record).unwrap();
        }
        output.end(true).unwrap();
        assert_eq!(String::from_utf8(output.take()).unwrap(), expected);
    }

    #[test]
    fn records_have_a_form_for_machines_and_one_for_people() {
        check(
            Format::Json,
            "[\n{\"path\":\"/a\",\"rev\":5},\n{\"path\":\"/long/path\",\"rev\":12}\n]\n",
        );
        check(
            Format::Jsonl,
            "{\"path\":\"/a\",\"rev\":5}\n{\"path\":\"/long/path\",\"rev\":12}\n",
        );
        check(
            Format::Yaml,
            "- path: /a\n  rev: 5\n- path: /long/path\n  rev: 12\n",
        );
        check(
            Format::Table,
            "PATH        REV\n/a            5\n/long/path   12\n",
        );
    }

    fn check_empty(format: Format, succeeded: bool, expected: &str) {
        let mut output = Output::captured();
        output.begin(format);
        output.end(succeeded).unwrap();
        assert_eq!(String::from_utf8(output.take()).unwrap(), expected);
    }

    #[test]
    fn nothing_found_is_an_empty_list() {
        check_empty(Format::Json, true, "[]\n");
        check_empty(Format::Yaml, true, "[]\n");
        check_empty(Format::Jsonl, true, "");
        check_empty(Format::Table, true, "");
        check_empty(Format::Text, true, "");
        check_empty(Format::Json, false, "");
    }

    fn check_one(format: Format, expected: &str) {
        let mut output = Output::captured();
        output.begin(format);
        let record = Record::new().number("rev", 7).text("value", "a b");
        output.one(&record).unwrap();
        output.end(true).unwrap();
        assert_eq!(String::from_utf8(output.take()).unwrap(), expected);
    }

    #[test]
    fn one_record_is_no_list() {
        check_one(Format::Json, "{\"rev\":7,\"value\":\"a b\"}\n");
        check_one(Format::Jsonl, "{\"rev\":7,\"value\":\"a b\"}\n");
        check_one(Format::Yaml, "rev: 7\nvalue: a b\n");
        check_one(Format::Table, "REV  VALUE\n  7  a b\n");
    }
}
