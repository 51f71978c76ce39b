//! What is outstanding on a connection: tags, bytes to write, who waits for which answer.

use std::collections::HashMap;

use bytes::BytesMut;
use doozer_proto::{Request, Response, encode_frame};
use tokio::sync::oneshot;

use crate::ConnectionLost;
use crate::request::is_wait;

/// WAITs whose answers nobody wants any more, at most: past it the connection is retired, as the
/// server still waits on their behalf.
const FORGOTTEN_WAITS_MAX: usize = 1000;
/// The same for requests of all kinds, most of which are answered soon. Several whole windows.
const FORGOTTEN_MAX: usize = 10_000;

/// Why a request has no answer, and whether any of it may have been sent.
#[derive(Debug, Clone)]
pub(crate) struct Unsettled {
    pub(crate) cause: ConnectionLost,
    pub(crate) sent: bool,
}

pub(crate) type Settled = Result<Response, Unsettled>;

/// The bookkeeping of one connection; it neither reads nor writes.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    outbox: BytesMut,
    /// Room that the outbox takes of what the senders share.
    outbox_room: usize,
    /// How many times the outbox was taken to be written.
    batch: u64,
    pending: HashMap<i32, Pending>,
    /// Tags, and whether it was a WAIT.
    forgotten: HashMap<i32, bool>,
    forgotten_waits: usize,
    last_tag: i32,
    /// Pending requests that are no WAITs.
    busy: usize,
    retired: bool,
    ended: Option<ConnectionLost>,
}

#[derive(Debug)]
struct Pending {
    batch: u64,
    wait: bool,
    answer: oneshot::Sender<Settled>,
}

impl Ledger {
    /// Whether new requests are taken.
    pub(crate) fn is_open(&self) -> bool {
        self.ended.is_none() && !self.retired
    }

    /// Whether anyone waits for an answer.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Puts a request into the outbox, under a tag of its own.
    pub(crate) fn push(
        &mut self,
        request: &Request,
        room: usize,
    ) -> Result<(i32, oneshot::Receiver<Settled>), ConnectionLost> {
        if let Some(cause) = &self.ended {
            return Err(cause.clone());
        }
        if self.retired {
            return Err(ConnectionLost::ByClient);
        }
        let tag = self.free_tag();
        let wait = is_wait(request);
        let (answer, answered) = oneshot::channel();
        let pending = Pending {
            batch: self.batch,
            wait,
            answer,
        };
        self.pending.insert(tag, pending);
        self.busy += usize::from(!wait);
        let tagged = Request {
            tag: Some(tag),
            ..request.clone()
        };
        encode_frame(&tagged, &mut self.outbox);
        self.outbox_room += room;
        Ok((tag, answered))
    }

    /// Puts a request into the outbox whose answer is of no interest.
    pub(crate) fn push_probe(&mut self, request: &Request) {
        encode_frame(request, &mut self.outbox);
    }

    /// Takes what is to be written, and how much room that gives back once it is.
    pub(crate) fn take_outbox(&mut self) -> (BytesMut, usize) {
        self.batch += 1;
        (self.outbox.split(), std::mem::take(&mut self.outbox_room))
    }

    /// Hands an answer to whom it is for. One that nobody asked for is passed over.
    pub(crate) fn answer(&mut self, response: Response) {
        let Some(tag) = response.tag else { return };
        if let Some(pending) = self.remove(tag) {
            // Whoever asked may be gone by now.
            pending.answer.send(Ok(response)).ok();
        } else {
            let was_wait = self.forgotten.remove(&tag);
            self.forgotten_waits -= usize::from(was_wait == Some(true));
        }
    }

    /// Nobody waits for the answer to `tag` any more; the tag is not used again before it came.
    pub(crate) fn forget(&mut self, tag: i32) {
        if let Some(pending) = self.remove(tag) {
            self.forgotten.insert(tag, pending.wait);
            self.forgotten_waits += usize::from(pending.wait);
            self.retired |=
                self.forgotten_waits > FORGOTTEN_WAITS_MAX || self.forgotten.len() > FORGOTTEN_MAX;
        }
    }

    /// Takes no more requests; what is under way may end.
    pub(crate) fn retire(&mut self) {
        self.retired = true;
    }

    /// Whether a retired connection can be closed: WAITs can go on elsewhere.
    pub(crate) fn is_spent(&self) -> bool {
        self.retired && self.busy == 0
    }

    /// What ended the connection.
    pub(crate) fn cause(&self) -> Option<ConnectionLost> {
        self.ended.clone()
    }

    /// The connection has ended: nobody gets an answer any more.
    pub(crate) fn end(&mut self, cause: &ConnectionLost) {
        self.ended.get_or_insert_with(|| cause.clone());
        self.busy = 0;
        self.forgotten.clear();
        self.forgotten_waits = 0;
        self.outbox = BytesMut::new();
        for pending in std::mem::take(&mut self.pending).into_values() {
            let sent = pending.batch < self.batch;
            let cause = cause.clone();
            pending.answer.send(Err(Unsettled { cause, sent })).ok();
        }
    }

    fn remove(&mut self, tag: i32) -> Option<Pending> {
        let pending = self.pending.remove(&tag)?;
        self.busy -= usize::from(!pending.wait);
        Some(pending)
    }

    /// The next tag above 0 that no outstanding request has. There are far fewer of those than tags.
    fn free_tag(&mut self) -> i32 {
        loop {
            self.last_tag = self.last_tag.checked_add(1).unwrap_or(1);
            let tag = self.last_tag;
            if !self.pending.contains_key(&tag) && !self.forgotten.contains_key(&tag) {
                return tag;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use doozer_proto::Verb;

    use super::*;
    use crate::request;

    fn answer_to(tag: i32) -> Response {
        Response {
            tag: Some(tag),
            ..Response::default()
        }
    }

    fn push(ledger: &mut Ledger, verb: Verb) -> (i32, oneshot::Receiver<Settled>) {
        ledger.push(&request::of(verb), 1).unwrap()
    }

    #[test]
    fn an_answer_goes_to_whom_it_is_for() {
        let mut ledger = Ledger::default();
        let (first, mut first_answer) = push(&mut ledger, Verb::Get);
        let (second, mut second_answer) = push(&mut ledger, Verb::Get);
        ledger.answer(answer_to(second));
        assert!(first_answer.try_recv().is_err());
        assert_eq!(second_answer.try_recv().unwrap().unwrap().tag, Some(second));
        ledger.answer(answer_to(first));
        assert_eq!(first_answer.try_recv().unwrap().unwrap().tag, Some(first));
        assert!(!ledger.is_awaited());
    }

    #[test]
    fn an_answer_nobody_asked_for_is_passed_over() {
        let mut ledger = Ledger::default();
        let (tag, mut answer) = push(&mut ledger, Verb::Get);
        ledger.answer(answer_to(tag + 1));
        ledger.answer(Response::default());
        assert!(answer.try_recv().is_err());
    }

    #[test]
    fn a_forgotten_tag_is_not_used_again_before_its_answer_came() {
        let mut ledger = Ledger::default();
        let (tag, _answer) = push(&mut ledger, Verb::Wait);
        ledger.forget(tag);
        ledger.last_tag = tag - 1;
        assert_ne!(push(&mut ledger, Verb::Get).0, tag);
        ledger.answer(answer_to(tag));
        ledger.last_tag = tag - 1;
        assert_eq!(push(&mut ledger, Verb::Get).0, tag);
    }

    #[test]
    fn tags_begin_anew_after_the_last() {
        let mut ledger = Ledger::default();
        let (first, _answer) = push(&mut ledger, Verb::Get);
        ledger.last_tag = i32::MAX;
        assert_eq!((first, push(&mut ledger, Verb::Get).0), (1, 2));
    }

    #[test]
    fn too_many_forgotten_requests_retire_the_connection() {
        let mut ledger = Ledger::default();
        let (_tag, _answer) = push(&mut ledger, Verb::Set);
        for _ in 0..=FORGOTTEN_WAITS_MAX {
            assert!(ledger.is_open());
            let (tag, _answer) = push(&mut ledger, Verb::Wait);
            ledger.forget(tag);
        }
        assert!(!ledger.is_open() && !ledger.is_spent());
        ledger.answer(answer_to(1));
        assert!(ledger.is_spent());
    }

    #[test]
    fn the_end_tells_what_may_have_been_sent() {
        let mut ledger = Ledger::default();
        let (_tag, mut sent) = push(&mut ledger, Verb::Set);
        ledger.take_outbox();
        let (_tag, mut unsent) = push(&mut ledger, Verb::Set);
        ledger.end(&ConnectionLost::ByServer);
        assert!(sent.try_recv().unwrap().unwrap_err().sent);
        assert!(!unsent.try_recv().unwrap().unwrap_err().sent);
        assert!(ledger.push(&request::of(Verb::Get), 1).is_err());
    }
}
