//! What senders and the connection's task share.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard};

use doozer_proto::{FRAME_HEADER_BYTES, Request, Response};
use prost::Message;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;

use super::ledger::{Ledger, Settled, Unsettled};
use crate::ConnectionLost;
use crate::request::is_wait;

/// Requests under way at once, WAITs apart; further ones stand in line.
const REQUESTS_MAX: usize = 4096;
/// WAITs under way at once. They may last for ever, so they have a line of their own.
const WAITS_MAX: usize = 16384;
/// Bytes that may be ready to be written, or one request. Further requests stand in line.
const OUTBOX_BYTES_MAX: usize = 1 << 20;
/// Bytes that a tag adds to a request.
const TAG_BYTES: usize = 6;

#[derive(Debug)]
pub(crate) struct Channel {
    ledger: Mutex<Ledger>,
    /// Tells the writing loop that there is something to write.
    pub(super) wake: Notify,
    /// Bytes that the outbox still has room for.
    pub(super) room: Semaphore,
    requests: Semaphore,
    waits: Semaphore,
    /// How many times something was read.
    pub(super) heard: AtomicU64,
    pub(crate) stop: CancellationToken,
}

impl Channel {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            ledger: Mutex::default(),
            wake: Notify::new(),
            room: Semaphore::new(OUTBOX_BYTES_MAX),
            requests: Semaphore::new(REQUESTS_MAX),
            waits: Semaphore::new(WAITS_MAX),
            heard: AtomicU64::new(0),
            stop,
        }
    }

    /// Whether new requests are taken.
    pub(crate) fn is_open(&self) -> bool {
        self.ledger().is_open()
    }

    /// Hands a request to the writing loop. An error says that it was surely not sent.
    pub(crate) async fn send(&self, request: &Request) -> Result<Sent<'_>, ConnectionLost> {
        let line = if is_wait(request) {
            &self.waits
        } else {
            &self.requests
        };
        let Ok(permit) = line.acquire().await else {
            return Err(self.end_cause());
        };
        let bytes = FRAME_HEADER_BYTES + TAG_BYTES + request.encoded_len();
        let room = bytes.min(OUTBOX_BYTES_MAX);
        let permits = u32::try_from(room).expect("invariant: the outbox is under 4 GiB");
        match self.room.acquire_many(permits).await {
            // Given back by the writing loop.
            Ok(taken) => taken.forget(),
            Err(_closed) => return Err(self.end_cause()),
        }
        let (tag, answer) = self.ledger().push(request, room)?;
        self.wake.notify_one();
        Ok(Sent {
            channel: self,
            tag,
            answer,
            _permit: permit,
        })
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&self, request: &Request) -> Settled {
        let unsent = |cause| Unsettled { cause, sent: false };
        let mut sent = self.send(request).await.map_err(unsent)?;
        sent.answer().await
    }

    /// Takes no more requests, and ends the connection once only WAITs are left on it.
    pub(crate) fn retire(&self) {
        let mut ledger = self.ledger();
        ledger.retire();
        self.stop_if_spent(&ledger);
    }

    pub(super) fn answer(&self, response: Response) {
        let mut ledger = self.ledger();
        ledger.answer(response);
        self.stop_if_spent(&ledger);
    }

    /// The connection has ended, or is about to: settles every request.
    pub(super) fn end(&self, cause: &ConnectionLost) {
        self.ledger().end(cause);
        for line in [&self.room, &self.requests, &self.waits] {
            line.close();
        }
        self.stop.cancel();
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger
            .lock()
            .expect("invariant: nothing panics while it holds the ledger")
    }

    fn stop_if_spent(&self, ledger: &Ledger) {
        if ledger.is_spent() {
            self.stop.cancel();
        }
    }

    fn end_cause(&self) -> ConnectionLost {
        self.ledger().cause().unwrap_or(ConnectionLost::ByClient)
    }
}

/// A request on its way. Dropped before it is answered, its answer is passed over.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    channel: &'a Channel,
    tag: i32,
    answer: oneshot::Receiver<Settled>,
    _permit: SemaphorePermit<'a>,
}

impl Sent<'_> {
    /// The answer. Nothing is lost when the future is dropped.
    pub(crate) async fn answer(&mut self) -> Settled {
        (&mut self.answer).await.unwrap_or_else(|_dropped| {
            Err(Unsettled {
                cause: ConnectionLost::ByClient,
                sent: true,
            })
        })
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        let mut ledger = self.channel.ledger();
        ledger.forget(self.tag);
        self.channel.stop_if_spent(&ledger);
    }
}
