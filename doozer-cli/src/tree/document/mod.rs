//! Trees of files as documents: what one says, whatever it is written in.

mod folder;
mod jsonl;
mod text;
mod toml;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;

use super::path::StorePath;
use crate::failure::advise;

pub(crate) use folder::{FolderWriter, read as read_folder};
pub(crate) use text::readable;

/// What a tree of files is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A JSON object a line: path, revision, value.
    JsonLines,
    /// One TOML document: tables are directories.
    Toml,
    /// One YAML document: mappings are directories.
    Yaml,
    /// A folder of files.
    Folder,
}

/// What each format is called, and how names of files in it end.
const NAMES: [(&str, Format); 6] = [
    ("jsonl", Format::JsonLines),
    ("ndjson", Format::JsonLines),
    ("toml", Format::Toml),
    ("yaml", Format::Yaml),
    ("yml", Format::Yaml),
    ("folder", Format::Folder),
];

impl Format {
    /// The format that is called `name`.
    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| *format).with_context(|| {
            format!("there is no format {name:?}: jsonl, toml, yaml and folder are")
        })
    }

    /// The format of the file or folder at `path`, by what is there or by how its name ends.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        let typed = path.as_os_str().to_string_lossy();
        if path.is_dir() || typed.ends_with('/') {
            return Ok(Self::Folder);
        }
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        let found = NAMES.iter().find(|(known, _)| *known == ending);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let path = path.display();
            advise(
                anyhow!("cannot tell from its name what {path} is written in"),
                "--as jsonl, toml, yaml or folder",
            )
        })
    }
}

/// A tree of files that somebody wants.
///
/// No path is both a file and a directory, and none is there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    base: StorePath,
    files: BTreeMap<StorePath, Bytes>,
    directories: BTreeSet<StorePath>,
}

impl Document {
    /// One that says nothing yet, whose root stands for the directory `base` of the store.
    pub(crate) fn at(base: StorePath) -> Self {
        Self {
            directories: (!base.is_root())
                .then(|| base.clone())
                .into_iter()
                .collect(),
            files: BTreeMap::new(),
            base,
        }
    }

    /// Reads `bytes`, written in `format`, which is not [`Format::Folder`].
    pub(crate) fn read(&mut self, bytes: &[u8], format: Format) -> anyhow::Result<()> {
        let text = std::str::from_utf8(bytes).context("it is not UTF-8 text")?;
        match format {
            Format::JsonLines => jsonl::read(text, self),
            Format::Toml => toml::read(text, self),
            Format::Yaml => yaml::read(text, self),
            Format::Folder => bail!("a folder of files is wanted, not one file"),
        }
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: StorePath, value: impl Into<Bytes>) -> anyhow::Result<()> {
        if path.is_root() || self.directories.contains(&path) {
            bail!("{path} is a file and a directory");
        }
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        if self.files.contains_key(&path) {
            bail!("{path} is there twice");
        }
        self.files.insert(path, value.into());
        Ok(())
    }

    /// Adds a directory, and those it is in.
    pub(crate) fn directory(&mut self, path: StorePath) -> anyhow::Result<()> {
        let mut next = Some(path);
        while let Some(path) = next.filter(|path| path.is_below(&self.base)) {
            if self.files.contains_key(&path) {
                bail!("{path} is a file and a directory");
            }
            next = path.parent();
            if !self.directories.insert(path) {
                break;
            }
        }
        Ok(())
    }

    /// Takes out all below `/ctl`, and returns how many files that were.
    pub(crate) fn take_ctl(&mut self) -> usize {
        let before = self.files.len();
        self.files.retain(|path, _| !path.is_ctl());
        self.directories.retain(|path| !path.is_ctl());
        before - self.files.len()
    }

    /// The directory of the store that its root stands for.
    pub(crate) fn base(&self) -> &StorePath {
        &self.base
    }

    /// The files, in the order of the server.
    pub(crate) fn files(&self) -> &BTreeMap<StorePath, Bytes> {
        &self.files
    }

    /// The directories it names: all that its files lie in and those it has without a file, but
    /// neither `/` nor what is above its base.
    pub(crate) fn directories(&self) -> &BTreeSet<StorePath> {
        &self.directories
    }

    /// Those of its directories that lie in no other of them.
    pub(crate) fn topmost(&self) -> impl Iterator<Item = &StorePath> {
        let inner = |path: &StorePath| {
            let parent = path.parent();
            parent.is_some_and(|parent| self.directories.contains(&parent))
        };
        self.directories.iter().filter(move |path| !inner(path))
    }
}

/// A file as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The revision it was last set at.
    pub(crate) rev: i64,
    /// Its bytes.
    pub(crate) value: Bytes,
}

/// Writes a document as text, file by file in the order of the server.
#[derive(Debug)]
pub(crate) enum TextWriter {
    /// As JSON lines.
    JsonLines,
    /// As TOML, which comes at the end: there a table's own values stand before its tables.
    Toml(toml::Writer),
    /// As YAML.
    Yaml(yaml::Writer),
}

impl TextWriter {
    /// A writer of `format`; none for a folder.
    pub(crate) fn of(format: Format) -> Option<Self> {
        match format {
            Format::JsonLines => Some(Self::JsonLines),
            Format::Toml => Some(Self::Toml(toml::Writer::default())),
            Format::Yaml => Some(Self::Yaml(yaml::Writer::default())),
            Format::Folder => None,
        }
    }

    /// The text that the next file adds.
    pub(crate) fn file(&mut self, path: &StorePath, found: &Found) -> anyhow::Result<String> {
        match self {
            Self::JsonLines => Ok(jsonl::line(path, found)),
            Self::Toml(writer) => writer.file(path, found).map(|()| String::new()),
            Self::Yaml(writer) => Ok(writer.file(path, found)),
        }
    }

    /// The text that the end adds.
    pub(crate) fn end(self) -> String {
        match self {
            Self::JsonLines => String::new(),
            Self::Toml(writer) => writer.end(),
            Self::Yaml(writer) => writer.end(),
        }
    }
}

#[cfg(test)]
mod tests;
