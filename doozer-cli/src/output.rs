//! Standard output, which a reader may close at any time.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

use thiserror::Error;

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

/// Buffered standard output.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
}

impl Output {
    /// That of this program.
    pub(crate) fn of_program() -> Self {
        Self {
            stdout: BufWriter::new(io::stdout()),
        }
    }

    /// Prints `bytes` as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.stdout.write_all(bytes).map_err(reason)
    }

    /// Prints `line` and a line feed.
    pub(crate) fn line(&mut self, line: impl std::fmt::Display) -> Result<(), OutputError> {
        writeln!(self.stdout, "{line}").map_err(reason)
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

    /// Hands everything to the reader.
    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        self.stdout.flush().map_err(reason)
    }
}

fn reason(error: io::Error) -> OutputError {
    match error.kind() {
        ErrorKind::BrokenPipe => OutputError::Closed,
        _ => OutputError::Failed(error),
    }
}
