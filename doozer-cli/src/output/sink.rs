//! Where output goes.

use std::fmt;
use std::io::{self, BufWriter, Write};

use crate::server::FRAME_BYTES_MAX;

/// Where output goes.
pub(super) enum Sink {
    /// To whoever reads it.
    Writer(BufWriter<Box<dyn Write>>),
    /// Nowhere: it is kept.
    Kept(Vec<u8>),
}

impl Sink {
    /// To the standard output of this program.
    pub(super) fn of_program() -> Self {
        Self::to(io::stdout())
    }

    /// To `writer`.
    pub(super) fn to(writer: impl Write + 'static) -> Self {
        Self::Writer(BufWriter::new(Box::new(writer)))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Writer(writer) => writer.write(bytes),
            // As much as a value may have: more cannot be put anywhere.
            Self::Kept(kept) if kept.len() + bytes.len() > FRAME_BYTES_MAX => {
                Err(io::Error::other("more output than is kept"))
            }
            Self::Kept(kept) => kept.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Writer(writer) => writer.flush(),
            Self::Kept(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writer(_) => f.write_str("Writer"),
            Self::Kept(bytes) => f.debug_tuple("Kept").field(&bytes.len()).finish(),
        }
    }
}
