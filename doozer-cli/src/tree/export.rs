//! Writes a tree file by file as the server gives it, and holds no more than a few files of it.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::document::{FolderWriter, Format, Found, TextWriter};
use super::path::StorePath;
use crate::output::Output;

/// Where a tree is written to.
pub(crate) enum Target<'a> {
    /// Standard output.
    Output(TextWriter, &'a mut Output),
    /// A file, which has its name once it is complete.
    File(TextWriter, Partial),
    /// A folder of files.
    Folder(FolderWriter),
}

/// A file that is not complete yet.
#[derive(Debug)]
pub(crate) struct Partial {
    file: BufWriter<File>,
    /// Its name until then.
    aside: PathBuf,
    path: PathBuf,
}

impl<'a> Target<'a> {
    /// Begins to write to `place`, a file or a folder of this machine or `-` for `output`.
    pub(crate) fn open(
        place: &str,
        format: Option<Format>,
        output: &'a mut Output,
    ) -> anyhow::Result<Self> {
        let path = Path::new(place);
        let format = match format {
            Some(format) => format,
            None if place == "-" => Format::JsonLines,
            None => Format::of(path)?,
        };
        match TextWriter::of(format) {
            Some(writer) if place == "-" => Ok(Self::Output(writer, output)),
            Some(writer) => Ok(Self::File(writer, Partial::new(path)?)),
            None if place == "-" => anyhow::bail!("a folder needs a name: -f FOLDER"),
            None => Ok(Self::Folder(FolderWriter::new(path)?)),
        }
    }

    /// Writes the next file.
    pub(crate) fn file(&mut self, path: &StorePath, found: &Found) -> anyhow::Result<()> {
        match self {
            Self::Output(writer, output) => {
                let text = writer.file(path, found)?;
                Ok(output.bytes(text.as_bytes())?)
            }
            Self::File(writer, partial) => {
                let text = writer.file(path, found)?;
                partial.write(&text)
            }
            Self::Folder(writer) => writer.file(path, found),
        }
    }

    /// Writes the end.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Output(writer, output) => Ok(output.bytes(writer.end().as_bytes())?),
            Self::File(writer, mut partial) => {
                partial.write(&writer.end())?;
                partial.end()
            }
            Self::Folder(writer) => writer.end(),
        }
    }
}

impl Partial {
    fn new(path: &Path) -> anyhow::Result<Self> {
        let told = || format!("cannot write {}", path.display());
        let name = path.file_name().with_context(told)?;
        let name = format!(".{}.doozer-partial", name.to_string_lossy());
        let aside = path.with_file_name(name);
        let file = File::create(&aside).with_context(told)?;
        Ok(Self {
            file: BufWriter::new(file),
            aside,
            path: path.to_owned(),
        })
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn end(mut self) -> anyhow::Result<()> {
        let told = || format!("cannot write {}", self.path.display());
        self.file.flush().with_context(told)?;
        self.file.get_ref().sync_all().with_context(told)?;
        fs::rename(&self.aside, &self.path).with_context(told)
    }
}
