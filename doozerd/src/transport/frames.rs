//! Messages over a stream of bytes.

use std::io;

use bytes::BytesMut;
use doozer_proto::{Frames, encode_frame};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::Io;

/// A buffer that grew past this is given back.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

/// The sending half of a link.
#[derive(Debug)]
pub struct Sender {
    stream: WriteHalf<Box<dyn Io>>,
    buffer: BytesMut,
}

/// The receiving half of a link.
#[derive(Debug)]
pub struct Receiver {
    stream: ReadHalf<Box<dyn Io>>,
    frames: Frames,
}

/// Both halves of a stream whose first bytes have been received already.
pub(super) fn split(stream: Box<dyn Io>, early: &[u8], bytes_max: usize) -> (Sender, Receiver) {
    let (read, write) = tokio::io::split(stream);
    let mut frames = Frames::new(bytes_max);
    frames.extend(early);
    let sender = Sender {
        stream: write,
        buffer: BytesMut::new(),
    };
    let receiver = Receiver {
        stream: read,
        frames,
    };
    (sender, receiver)
}

impl Sender {
    /// Sends one message. Dropped in the middle, it leaves a link that is good for nothing.
    pub async fn send(&mut self, message: &impl Message) -> io::Result<()> {
        self.queue(message);
        self.flush().await
    }

    /// Puts a message behind those that the next [`Sender::flush`] sends.
    pub fn queue(&mut self, message: &impl Message) {
        encode_frame(message, &mut self.buffer);
    }

    /// Sends what is queued.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all_buf(&mut self.buffer).await?;
        self.stream.flush().await?;
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = BytesMut::new();
        }
        Ok(())
    }
}

impl Receiver {
    /// The next message; nothing when the other end has closed. May be dropped and called again.
    pub async fn next<M: Message + Default>(&mut self) -> io::Result<Option<M>> {
        loop {
            if let Some(message) = self.ready()? {
                return Ok(Some(message));
            }
            if self.stream.read_buf(self.frames.buffer_mut()).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The next message, which must come.
    pub async fn expect<M: Message + Default>(&mut self) -> io::Result<M> {
        let closed = || io::Error::new(io::ErrorKind::UnexpectedEof, "the other end closed");
        self.next().await?.ok_or_else(closed)
    }

    /// A message that has arrived already.
    pub fn ready<M: Message + Default>(&mut self) -> io::Result<Option<M>> {
        let Some(body) = self.frames.next().map_err(invalid)? else {
            return Ok(None);
        };
        M::decode(bytes::Bytes::copy_from_slice(body))
            .map(Some)
            .map_err(invalid)
    }

    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        self.frames.set_frame_bytes_max(bytes_max);
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
