//! One connection: reads requests, writes answers, holds a bounded amount of memory.
//!
//! A round: encode the answers that came through the outbox, take requests out of what was
//! received and answer them, write everything in one go. A connection whose answers are not read
//! is not read either, so that what it can have unwritten stays near [`OUT_BYTES_HIGH`] plus one
//! answer; what waiters add on top is the outbox's to bound.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use doozer_proto::{FrameError, Frames, Request, VERB_LINK, decode_request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;
use tracing::trace;

use super::Server;
use super::dispatch::{Conversation, Next};
use super::porch::enter;
use super::stream::Stream;
use super::trouble::tell;

/// Requests over this size are received one budget for all connections.
pub(super) const LARGE_FRAME_BYTES: usize = 64 << 10;
/// Answers are written when this much has gathered, before more requests are taken.
const OUT_BYTES_HIGH: usize = 64 << 10;
/// What an idle connection keeps reserved.
const IDLE_BYTES_KEPT: usize = 1 << 10;
/// Bytes read from a socket at once.
const READ_BYTES: usize = 64 << 10;
/// How long a client may take nothing of what is written to it.
const WRITE_STALL_MAX: Duration = Duration::from_secs(120);
/// How long a request may take to arrive once it has begun.
const REQUEST_MAX: Duration = Duration::from_secs(60);

/// Said of a connection that the outbox gave up.
const UNREAD: &str = "too many answers are not read";

thread_local! {
    /// Sockets are read into this, so that a connection that waits holds no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// Why a connection is over.
enum End {
    /// The client closed, or stopped taking part.
    Gone,
    /// It is another node's: this request says so.
    Link(Request),
    Rubbish(String),
    Slow(&'static str),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        trace!(%error, "connection lost");
        Self::Gone
    }
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        Self::Rubbish(error.to_string())
    }
}

enum Wake {
    Bytes,
    Eof,
    Answers,
}

/// A client's connection.
pub(super) struct Connection {
    server: Arc<Server>,
    stream: Stream,
    frames: Frames,
    out: BytesMut,
    talk: Conversation,
}

impl Connection {
    /// A connection of which `early` was received already.
    pub(super) fn new(server: Arc<Server>, stream: Stream, early: &[u8]) -> Self {
        let mut frames = Frames::new(server.limits.frame_bytes_max);
        frames.extend(early);
        Self {
            stream,
            frames,
            out: BytesMut::new(),
            talk: Conversation::new(Arc::clone(&server)),
            server,
        }
    }

    /// Serves the client until one of both closes.
    pub(super) async fn run(mut self) {
        let server = Arc::clone(&self.server);
        match self.serve().await {
            Ok(()) | Err(End::Gone) => {}
            Err(End::Link(request)) => self.become_link(request).await,
            Err(End::Rubbish(what)) => {
                tell(
                    &server.troubles.rubbish,
                    "connection closed: not a request",
                    what,
                );
            }
            Err(End::Slow(what)) => {
                tell(
                    &server.troubles.slow,
                    "connection closed: client too slow",
                    what,
                );
            }
        }
    }

    /// Hands the stream on to whoever serves other nodes.
    async fn become_link(mut self, request: Request) {
        let early = Bytes::copy_from_slice(self.frames.buffer_mut());
        let Some(door) = self.server.door.clone() else {
            return;
        };
        let Self { stream, talk, .. } = self;
        drop(talk);
        enter(&*door, stream, early, request).await;
    }

    async fn serve(&mut self) -> Result<(), End> {
        loop {
            if self.talk.has_overflowed() {
                return Err(End::Slow(UNREAD));
            }
            self.talk.take_answers(&mut self.out, OUT_BYTES_HIGH);
            self.browse_ready().await;
            let starved = self.take_requests().await?;
            if !self.out.is_empty() {
                self.write().await?;
                continue;
            }
            if self.talk.has_answers() {
                continue;
            }
            self.out = BytesMut::new();
            self.frames.shrink(IDLE_BYTES_KEPT);
            let wake = if starved {
                self.receive().await?
            } else {
                self.answers_only().await?
            };
            if matches!(wake, Wake::Eof) {
                return Ok(());
            }
        }
    }

    /// Answers requests that have arrived, until there are no more (true) or the connection has
    /// to be relieved first (false).
    async fn take_requests(&mut self) -> Result<bool, End> {
        while self.out.len() < OUT_BYTES_HIGH {
            if self.talk.is_busy() {
                return Ok(false);
            }
            let Some(body) = self.frames.next()? else {
                return Ok(true);
            };
            let request = decode_request(body).map_err(|error| End::Rubbish(error.to_string()))?;
            if request.verb == Some(VERB_LINK) && self.server.door.is_some() {
                return Err(End::Link(request));
            }
            match self.talk.request(request, &mut self.out) {
                Next::Done => {}
                Next::Submit(mutation, ticket) => self.talk.submit(mutation, ticket).await,
                Next::Browse(request) => self.talk.browse(request, &mut self.out).await,
            }
        }
        Ok(false)
    }

    /// Writes the answers that have come, and nothing else.
    async fn relieve(&mut self) -> Result<(), End> {
        while self.talk.has_answers() {
            self.talk.take_answers(&mut self.out, OUT_BYTES_HIGH);
            self.browse_ready().await;
            self.write().await?;
        }
        Ok(())
    }

    /// Runs the walks and listings whose revision has come.
    async fn browse_ready(&mut self) {
        while self.out.len() < OUT_BYTES_HIGH
            && let Some(request) = self.talk.ready.pop_front()
        {
            self.talk.browse(request, &mut self.out).await;
        }
    }

    /// Waits for bytes or answers.
    async fn receive(&mut self) -> Result<Wake, End> {
        let Some(wanted) = self
            .frames
            .wanted_bytes()
            .filter(|_| self.frames.pending_bytes() > 0)
        else {
            return if self.frames.pending_bytes() == 0 {
                self.bytes_or_answers().await
            } else {
                slow_request(timeout(REQUEST_MAX, self.bytes_or_answers()).await)
            };
        };
        if wanted <= LARGE_FRAME_BYTES || wanted > self.server.limits.frame_bytes_max {
            return slow_request(timeout(REQUEST_MAX, self.bytes_or_answers()).await);
        }
        slow_request(timeout(REQUEST_MAX, self.receive_large(wanted)).await)
    }

    /// Receives a request of `wanted` bytes, as far as all connections together may hold such.
    async fn receive_large(&mut self, wanted: usize) -> Result<Wake, End> {
        let server = Arc::clone(&self.server);
        let permits = u32::try_from(wanted).unwrap_or(u32::MAX);
        let room: Result<SemaphorePermit<'_>, _> = server.large_frames.acquire_many(permits).await;
        let room = room.map_err(|_closed| End::Gone)?;
        while self.frames.pending_bytes() < wanted {
            if matches!(self.bytes_or_answers().await?, Wake::Eof) {
                return Ok(Wake::Eof);
            }
            self.relieve().await?;
        }
        drop(room);
        Ok(Wake::Bytes)
    }

    async fn bytes_or_answers(&mut self) -> Result<Wake, End> {
        poll_fn(|cx| {
            self.talk.register(cx.waker());
            if self.talk.has_answers() {
                return Poll::Ready(Ok(Wake::Answers));
            }
            self.poll_bytes(cx)
        })
        .await
    }

    async fn answers_only(&mut self) -> Result<Wake, End> {
        poll_fn(|cx| {
            self.talk.register(cx.waker());
            if self.talk.has_answers() {
                Poll::Ready(Ok(Wake::Answers))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Wake, End>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(Wake::Eof));
            }
            self.frames.extend(buffer.filled());
            Poll::Ready(Ok(Wake::Bytes))
        })
    }

    /// Writes all that has gathered. Header and body of an answer leave in one write.
    async fn write(&mut self) -> Result<(), End> {
        while !self.out.is_empty() {
            let written = timeout(WRITE_STALL_MAX, self.write_some()).await;
            let written = written.map_err(|_elapsed| End::Slow("answers are not read"))??;
            if written == 0 {
                return Err(End::Gone);
            }
            self.out.advance(written);
        }
        poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await?;
        Ok(())
    }

    async fn write_some(&mut self) -> Result<usize, End> {
        poll_fn(|cx| {
            self.talk.register(cx.waker());
            if self.talk.has_overflowed() {
                return Poll::Ready(Err(End::Slow(UNREAD)));
            }
            Pin::new(&mut self.stream)
                .poll_write(cx, &self.out)
                .map_err(End::from)
        })
        .await
    }
}

fn slow_request(wake: Result<Result<Wake, End>, tokio::time::error::Elapsed>) -> Result<Wake, End> {
    wake.unwrap_or(Err(End::Slow("a request does not arrive")))
}
