//! Reads a document from where it is: a file, a folder, standard input.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::document::{Document, Format, read_folder};
use super::path::StorePath;
use crate::input::{Input, read_value};

/// Where a document is, what it is written in, and where its root stands in the store.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// A file or a folder of this machine; `-` for standard input.
    pub(crate) place: String,
    /// What it is written in, where that was said.
    pub(crate) format: Option<Format>,
    /// The directory of the store that its root stands for.
    pub(crate) base: StorePath,
}

impl Source {
    /// Reads all of it, and checks all of it.
    pub(crate) async fn read(self, input: &mut Input) -> anyhow::Result<Document> {
        if self.place == "-" {
            let format = self.format.unwrap_or(Format::JsonLines);
            let bytes = input.read().await?;
            let mut document = Document::at(self.base);
            let read = document.read(&bytes, format);
            return read.context("standard input").map(|()| document);
        }
        // Elsewhere: it may be long, and lie on a slow disk.
        tokio::task::spawn_blocking(move || self.read_place()).await?
    }

    fn read_place(self) -> anyhow::Result<Document> {
        let place = PathBuf::from(&self.place);
        let mut document = Document::at(self.base);
        fs::metadata(&place).with_context(|| format!("cannot open {}", place.display()))?;
        let format = match self.format {
            Some(format) => format,
            None => Format::of(&place)?,
        };
        if format == Format::Folder {
            read_folder(&place, &mut document)?;
        } else {
            let told = || place.display().to_string();
            let bytes = contents(&place).with_context(told)?;
            document.read(&bytes, format).with_context(told)?;
        }
        Ok(document)
    }
}

fn contents(place: &Path) -> anyhow::Result<bytes::Bytes> {
    let mut file = File::open(place)?;
    read_value(&mut file, "the file")
}
