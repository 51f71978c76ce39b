//! One YAML document: mappings are directories, scalars are files.
//!
//! Bytes that are not readable text carry the tag `!!binary` and stand in base64. A scalar without
//! quotes stands for the text it is written as, be it `8046`, `yes` or `1.50`; one that YAML reads
//! as nothing (`~`, `null`) is refused, for an empty file is `""`. What a tree of files cannot hold
//! (sequences, aliases, other tags, a second document) is refused.

use anyhow::{Context, bail, ensure};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::text::{from_base64, is_unsafe, quoted, readable, to_base64};
use super::{Document, Found};
use crate::tree::path::StorePath;

/// The longest name written before a colon: YAML ends at 1024 characters.
const SHORT_KEY_BYTES_MAX: usize = 1000;

/// Names that some reader of YAML takes for something else than text.
const NOT_TEXT: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// Reads the text of a YAML document into `document`.
pub(super) fn read(text: &str, document: &mut Document) -> anyhow::Result<()> {
    let mut parser = Parser::new_from_str(text);
    let mut reader = Reader {
        document,
        open: Vec::new(),
        key: None,
        documents: 0,
    };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            anyhow::anyhow!(
                "line {}, column {}: {}",
                at.line(),
                at.col() + 1,
                error.info()
            )
        })?;
        let line = span.start.line();
        reader
            .event(event)
            .with_context(|| format!("line {line}"))?;
    }
    Ok(())
}

struct Reader<'a> {
    document: &'a mut Document,
    /// The directories around the next event.
    open: Vec<StorePath>,
    /// What the next event is the value of.
    key: Option<StorePath>,
    documents: usize,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>) -> anyhow::Result<()> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                ensure!(self.documents == 1, "a second document begins");
            }
            Event::MappingStart(_, tag) => {
                refuse_tag(tag.as_deref(), &["map"])?;
                self.begin()?;
            }
            Event::MappingEnd => drop(self.open.pop()),
            Event::Scalar(text, style, _, tag) => self.scalar(&text, style, tag.as_deref())?,
            Event::SequenceStart(..) => bail!("a sequence is no file's value{}", self.whose()),
            Event::Alias(_) => bail!("an alias cannot stand here{}", self.whose()),
            Event::SequenceEnd
            | Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        let path = match self.key.take() {
            Some(path) => path,
            None if self.open.is_empty() => self.document.base().clone(),
            None => bail!("a mapping cannot be a name"),
        };
        self.document.directory(path.clone())?;
        self.open.push(path);
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> anyhow::Result<()> {
        if let Some(path) = self.key.take() {
            let value = bytes(text, style, tag).with_context(|| path.to_string())?;
            return self.document.file(path, value);
        }
        let Some(directory) = self.open.last() else {
            // A document without anything in it is read as nothing.
            ensure!(text.is_empty(), "a mapping is wanted, of names to values");
            return Ok(());
        };
        let path = directory.entry(text)?;
        let twice = self.document.directories().contains(&path);
        ensure!(!twice, "{path} is there twice");
        self.key = Some(path);
        Ok(())
    }

    fn whose(&self) -> String {
        let path = self.key.as_ref();
        path.map(|path| format!(": {path}")).unwrap_or_default()
    }
}

fn bytes(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> anyhow::Result<Vec<u8>> {
    if tag.is_some_and(|tag| is_core(tag, &["binary"])) {
        return from_base64(text);
    }
    refuse_tag(tag, &["str", "int", "float", "bool"])?;
    let nothing = matches!(text, "" | "~" | "null" | "Null" | "NULL");
    ensure!(
        style != ScalarStyle::Plain || tag.is_some() || !nothing,
        "nothing is no value: an empty file is \"\", and a text is put in quotes"
    );
    Ok(text.as_bytes().to_vec())
}

fn refuse_tag(tag: Option<&Tag>, known: &[&str]) -> anyhow::Result<()> {
    match tag {
        Some(tag) if !is_core(tag, known) => bail!("the tag {tag} is not known here"),
        _ => Ok(()),
    }
}

fn is_core(tag: &Tag, suffixes: &[&str]) -> bool {
    tag.is_yaml_core_schema() && suffixes.contains(&tag.suffix.as_str())
}

/// Writes a YAML document as files come.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// The directories that the last file lay in.
    open: Vec<String>,
    begun: bool,
}

impl Writer {
    /// The text that the next file adds.
    pub(super) fn file(&mut self, path: &StorePath, found: &Found) -> String {
        self.begun = true;
        let names: Vec<&str> = path.names().collect();
        let Some((name, above)) = names.split_last() else {
            return String::new();
        };
        let common = self.open.iter().zip(above).take_while(|(a, b)| a == *b);
        self.open.truncate(common.count());
        let mut text = String::new();
        for name in &above[self.open.len()..] {
            text.push_str(&key(name, self.open.len()));
            text.push('\n');
            self.open.push((*name).to_owned());
        }
        let depth = self.open.len();
        text + &key(name, depth) + " " + &value(&found.value, depth) + "\n"
    }

    /// The text that the end adds.
    pub(super) fn end(self) -> String {
        let empty = if self.begun { "" } else { "{}\n" };
        empty.to_owned()
    }
}

/// A name at `depth`, with the colon after it.
fn key(name: &str, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    if name.len() > SHORT_KEY_BYTES_MAX {
        return format!("{indent}? {}\n{indent}:", quoted(name));
    }
    let lower = name.to_lowercase();
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && !NOT_TEXT.contains(&lower.as_str()) {
        format!("{indent}{name}:")
    } else {
        format!("{indent}{}:", quoted(name))
    }
}

fn value(bytes: &[u8], depth: usize) -> String {
    match readable(bytes) {
        Some(text) if is_block(text) => block(text, depth + 1),
        Some(text) => quoted(text),
        None => format!("!!binary \"{}\"", to_base64(bytes)),
    }
}

/// Whether the text is better read over several lines, and survives it.
fn is_block(text: &str) -> bool {
    let odd = |c: char| is_unsafe(c) && c != '\n';
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !text.contains(odd)
        && !body.starts_with(['\n', ' '])
        && !body.ends_with('\n')
        && body.split('\n').all(|line| line.trim_end() == line)
}

/// The text as lines of their own, `depth` steps in.
fn block(text: &str, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let (body, mark) = match text.strip_suffix('\n') {
        Some(body) => (body, "|"),
        None => (text, "|-"),
    };
    let lines = body.split('\n').map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("\n{indent}{line}"),
    });
    format!("{mark}{}", lines.collect::<String>())
}
