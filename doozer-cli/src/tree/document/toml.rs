//! One TOML document: tables are directories, strings are files.
//!
//! Bytes that are not readable text are `{ _base64 = "…" }`, a name that no file of the store can
//! have. Whole numbers, decimal fractions, `true` and `false` stand for the text they are written
//! as; what has no text of its own in TOML (dates, arrays, other notations) is refused.

use std::fmt::Write;
use std::ops::Range;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use anyhow::{Context, anyhow, bail, ensure};
use bytes::Bytes;

use super::text::{from_base64, is_unsafe, quoted, readable, to_base64};
use super::{Document, Found};
use crate::tree::path::StorePath;

/// The key that marks a value in base64.
const BASE64: &str = "_base64";
/// Names in a path that readers of TOML follow.
const NAMES_MAX: usize = 79;

/// Reads the text of a TOML document into `document`.
pub(super) fn read(text: &str, document: &mut Document) -> anyhow::Result<()> {
    let table =
        DeTable::parse(text).map_err(|error| anyhow!("{}", error.to_string().trim_end()))?;
    let base = document.base().clone();
    Reader { text, document }.directory(&base, table.get_ref())
}

struct Reader<'a> {
    text: &'a str,
    document: &'a mut Document,
}

impl Reader<'_> {
    /// The parser bounds how deep tables lie in each other.
    fn directory(&mut self, path: &StorePath, table: &DeTable<'_>) -> anyhow::Result<()> {
        let text = self.text;
        for (name, value) in table {
            let told = || line(text, &name.span());
            let below = path.entry(name.get_ref()).with_context(told)?;
            if let DeValue::Table(table) = value.get_ref()
                && !table.contains_key(BASE64)
            {
                self.document.directory(below.clone()).with_context(told)?;
                self.directory(&below, table)?;
            } else {
                let bytes = self.bytes(value);
                let bytes = bytes.with_context(|| format!("{}: {below}", told()))?;
                self.document.file(below, bytes).with_context(told)?;
            }
        }
        Ok(())
    }

    fn bytes(&self, value: &Spanned<DeValue<'_>>) -> anyhow::Result<Bytes> {
        let written = &self.text[value.span()];
        match value.get_ref() {
            DeValue::String(text) => Ok(text.as_bytes().to_vec().into()),
            DeValue::Boolean(_) => Ok(written.to_owned().into()),
            DeValue::Integer(_) | DeValue::Float(_) if is_plain_number(written) => {
                Ok(written.to_owned().into())
            }
            DeValue::Table(table) => from_marked(table).map(Bytes::from),
            DeValue::Array(_) => bail!("an array is no file's value"),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => {
                bail!("{written} is no text: put it in quotes")
            }
        }
    }
}

/// Where `span` begins in `text`.
fn line(text: &str, span: &Range<usize>) -> String {
    let breaks = text[..span.start].matches('\n').count();
    format!("line {}", breaks + 1)
}

/// Whether everybody reads the number as it is written.
fn is_plain_number(written: &str) -> bool {
    let digits = written.strip_prefix('-').unwrap_or(written);
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn from_marked(table: &DeTable<'_>) -> anyhow::Result<Vec<u8>> {
    ensure!(table.len() == 1, "nothing else can stand beside {BASE64}");
    let value = table.get(BASE64).map(Spanned::get_ref);
    match value {
        Some(DeValue::String(text)) => from_base64(text),
        _ => bail!("{BASE64} needs a string"),
    }
}

/// Writes a TOML document. It holds all of it until the end, for what lies directly in a directory
/// stands before the directories that lie in it.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    root: Table,
    open: Vec<(String, Table)>,
}

/// A directory as it is written.
#[derive(Debug, Default)]
struct Table {
    values: String,
    tables: String,
}

impl Writer {
    /// Adds the next file.
    pub(super) fn file(&mut self, path: &StorePath, found: &Found) -> anyhow::Result<()> {
        let names: Vec<&str> = path.names().collect();
        ensure!(
            names.len() <= NAMES_MAX,
            "{path} lies too deep for TOML, which ends at {NAMES_MAX} names: jsonl does not"
        );
        let (name, above) = names.split_last().context("/ is no file")?;
        let common = self.open.iter().zip(above).take_while(|(a, b)| a.0 == **b);
        let common = common.count();
        self.close_to(common);
        let new = &above[common..];
        self.open.extend(
            new.iter()
                .map(|name| ((*name).to_owned(), Table::default())),
        );
        let table = self
            .open
            .last_mut()
            .map_or(&mut self.root, |(_, table)| table);
        push(
            &mut table.values,
            &format!("{} = {}\n", key(name), value(&found.value)),
        );
        Ok(())
    }

    /// The whole document.
    pub(super) fn end(mut self) -> String {
        self.close_to(0);
        let between = match (self.root.values.is_empty(), self.root.tables.is_empty()) {
            (false, false) => "\n",
            _ => "",
        };
        let text = format!("{}{between}{}", self.root.values, self.root.tables);
        text.trim_end_matches('\n').to_owned() + if text.is_empty() { "" } else { "\n" }
    }

    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let names: Vec<String> = self.open.iter().map(|(name, _)| key(name)).collect();
            let Some((_, table)) = self.open.pop() else {
                return;
            };
            let above = self
                .open
                .last_mut()
                .map_or(&mut self.root, |(_, table)| table);
            if !table.values.is_empty() {
                push(
                    &mut above.tables,
                    &format!("[{}]\n{}\n", names.join("."), table.values),
                );
            }
            above.tables.push_str(&table.tables);
        }
    }
}

/// A name as a key: bare where TOML takes it so.
fn key(name: &str) -> String {
    if name.contains('.') {
        quoted(name)
    } else {
        name.to_owned()
    }
}

fn value(bytes: &[u8]) -> String {
    match readable(bytes) {
        Some(text) if is_block(text) => format!("\"\"\"\n{}\"\"\"", escaped_lines(text)),
        Some(text) => quoted(text),
        None => format!("{{ {BASE64} = \"{}\" }}", to_base64(bytes)),
    }
}

/// Whether the text is better read over several lines.
fn is_block(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n') && !text.contains(|c| c == '\r' || is_odd(c))
}

fn is_odd(c: char) -> bool {
    is_unsafe(c) && !matches!(c, '\n' | '\t')
}

fn escaped_lines(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn push(text: &mut String, more: &str) {
    text.write_str(more)
        .expect("invariant: text can be written to a string");
}
