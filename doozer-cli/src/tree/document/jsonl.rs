//! JSON lines: `{"path":"/a","rev":7,"value":"text","encoding":"utf-8"}`.
//!
//! Bytes that are not readable text stand in base64, and `encoding` says so. The revision tells
//! readers what was exported; a store gives its own to what is imported.

use std::borrow::Cow;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::text::{from_base64, readable, to_base64};
use super::{Document, Found};
use crate::tree::path::StorePath;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    path: Cow<'a, str>,
    rev: Option<i64>,
    value: Cow<'a, str>,
    encoding: Option<Cow<'a, str>>,
}

/// The name of the encoding of readable text; also what none stands for.
const TEXT: &str = "utf-8";
/// The name of the encoding of everything else.
const BASE64: &str = "base64";

/// A file as a line, with its line feed.
pub(super) fn line(path: &StorePath, found: &Found) -> String {
    let (value, encoding) = match readable(&found.value) {
        Some(text) => (Cow::Borrowed(text), TEXT),
        None => (Cow::Owned(to_base64(&found.value)), BASE64),
    };
    let line = Line {
        path: path.as_str().into(),
        rev: Some(found.rev),
        value,
        encoding: Some(encoding.into()),
    };
    let mut json = serde_json::to_string(&line).expect("invariant: text and numbers are JSON");
    json.push('\n');
    json
}

/// Reads lines into `document`. Empty ones are passed over.
pub(super) fn read(text: &str, document: &mut Document) -> anyhow::Result<()> {
    for (index, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            read_line(line, document).with_context(|| format!("line {}", index + 1))?;
        }
    }
    Ok(())
}

fn read_line(line: &str, document: &mut Document) -> anyhow::Result<()> {
    let line: Line<'_> = serde_json::from_str(line)?;
    let path = StorePath::parse(&line.path)?;
    let placed = document.base().place(&path, &StorePath::root());
    let placed = placed.expect("invariant: all paths are below the root")?;
    let value = match line.encoding.as_deref() {
        None | Some(TEXT) => line.value.into_owned().into_bytes(),
        Some(BASE64) => from_base64(&line.value)?,
        Some(other) => bail!("encoding {other:?} is not known: {TEXT} and {BASE64} are"),
    };
    document.file(placed, value)
}
