//! What a command reads: the program's standard input, or bytes that take its place.

use std::fmt;
use std::io::{self, Cursor, Read};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;

use crate::server::FRAME_BYTES_MAX;

/// The standard input of a command.
#[derive(Debug)]
pub(crate) enum Input {
    /// That of the program.
    Program,
    /// These bytes, as from a here-document.
    Bytes(Bytes),
    /// What this reads, on a thread that may wait.
    Reader(Reader),
    /// There is none: it was read already, or belongs to others.
    Nothing,
}

/// Something that is read.
pub(crate) struct Reader(Box<dyn Read + Send>);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl Input {
    /// That of this program.
    pub(crate) fn of_program() -> Self {
        Self::Program
    }

    /// These bytes.
    pub(crate) fn of_bytes(bytes: impl Into<Bytes>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// What `reader` reads, as a shell does that has the terminal.
    pub(crate) fn of_reader(reader: impl Read + Send + 'static) -> Self {
        Self::Reader(Reader(Box::new(reader)))
    }

    /// Nothing that could be read.
    pub(crate) fn none() -> Self {
        Self::Nothing
    }

    /// All of it, as a value.
    pub(crate) async fn read(&mut self) -> anyhow::Result<Bytes> {
        let mut reader = self.reader()?;
        // Elsewhere, so that the connection lives while input is slow to come.
        tokio::task::spawn_blocking(move || read_value(&mut reader, "standard input")).await?
    }

    /// It, to be read piece by piece, on a thread that may wait. There is none afterwards.
    pub(crate) fn reader(&mut self) -> anyhow::Result<Box<dyn Read + Send>> {
        match std::mem::replace(self, Self::Nothing) {
            Self::Program => Ok(Box::new(io::stdin())),
            Self::Bytes(bytes) => Ok(Box::new(Cursor::new(bytes))),
            Self::Reader(Reader(reader)) => Ok(reader),
            Self::Nothing => bail!("there is no standard input to read here"),
        }
    }
}

/// Reads `reader`, called `what`, to its end.
pub(crate) fn read_value(reader: &mut dyn Read, what: &str) -> anyhow::Result<Bytes> {
    let mut value = Vec::new();
    let mut limited = reader.take(FRAME_BYTES_MAX as u64);
    limited
        .read_to_end(&mut value)
        .with_context(|| format!("cannot read {what}"))?;
    ensure!(
        value.len() < FRAME_BYTES_MAX,
        "{what} holds more than {FRAME_BYTES_MAX} bytes"
    );
    Ok(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_read_once() {
        let mut input = Input::of_bytes("abc");
        assert_eq!(input.read().await.unwrap(), "abc");
        assert!(input.read().await.is_err());
    }

    #[tokio::test]
    async fn nothing_cannot_be_read() {
        let error = Input::none().read().await.unwrap_err();
        assert_eq!(error.to_string(), "there is no standard input to read here");
    }
}
