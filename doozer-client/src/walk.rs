//! Asks for offset 0, 1, 2, … ahead of the answers, until there are no more.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use doozer_proto::{ErrCode, Request, Response, Verb};
use futures_util::future::{MaybeDone, maybe_done};
use tokio::task::unconstrained;

use crate::client::event_in;
use crate::{Client, Error, Event, request};

/// Offsets asked for ahead at first. Short listings are the common ones.
const WINDOW_FIRST: usize = 4;
/// Offsets asked for ahead at most: enough to fill a round trip with answers.
const WINDOW_MAX: usize = 64;

type Answer = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

/// One request at growing offsets, several under way at once, answers in order.
pub(crate) struct Offsets {
    client: Client,
    request: Request,
    /// By rising offset.
    under_way: VecDeque<MaybeDone<Answer>>,
    next: i32,
    window: usize,
    done: bool,
}

impl Offsets {
    /// Asks `request` at offset 0, 1, 2, …; it must name a revision, or the answers need not fit.
    pub(crate) fn new(client: Client, request: Request) -> Self {
        Self {
            client,
            request,
            under_way: VecDeque::new(),
            next: 0,
            window: WINDOW_FIRST,
            done: false,
        }
    }

    /// The answer at the next offset; nothing past the end or after an error.
    pub(crate) async fn next(&mut self) -> Option<Result<Response, Error>> {
        if self.done {
            return None;
        }
        // Unconstrained: a request that had to wait for its turn to be polled would be overtaken.
        let answer = unconstrained(poll_fn(|cx| self.poll_answer(cx))).await?;
        self.window = (self.window * 2).min(WINDOW_MAX);
        if answer.is_err() {
            self.done = true;
            self.under_way.clear();
        }
        match answer {
            Err(error) if error.code() == Some(ErrCode::Range) => None,
            answer => Some(answer),
        }
    }

    /// The answer to the lowest offset under way.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Response, Error>>> {
        self.fill(cx);
        let Some(first) = self.under_way.front_mut() else {
            return Poll::Ready(None);
        };
        ready!(Pin::new(&mut *first).poll(cx));
        let answer = Pin::new(first).take_output();
        self.under_way.pop_front();
        Poll::Ready(answer)
    }

    /// Asks for more. Each request is polled as it is made: that sends it, so that offsets arrive
    /// in order, which is what servers are quick at.
    fn fill(&mut self, cx: &mut Context<'_>) {
        // Asked for by the half window, so that requests share a write and answers a read.
        if self.under_way.len() * 2 > self.window {
            return;
        }
        while self.under_way.len() < self.window {
            let request = Request {
                offset: Some(self.next),
                ..self.request.clone()
            };
            let client = self.client.clone();
            let answer: Answer = Box::pin(async move { client.call(request).await });
            let mut answer = maybe_done(answer);
            // Its answer, if it is there already, is taken in its turn.
            let (Poll::Ready(()) | Poll::Pending) = Pin::new(&mut answer).poll(cx);
            self.under_way.push_back(answer);
            self.next = self.next.saturating_add(1);
        }
    }
}

impl fmt::Debug for Offsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offsets")
            .field("request", &request::describe(&self.request))
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The files that match a glob, in depth-first order, all at one revision.
#[derive(Debug)]
pub struct Walk {
    request: Request,
    rev: i64,
    offsets: Offsets,
}

impl Walk {
    pub(crate) fn new(client: Client, glob: &str, rev: i64) -> Self {
        let request = request::of_path(Verb::Walk, glob, Some(rev));
        Self {
            offsets: Offsets::new(client, request.clone()),
            request,
            rev,
        }
    }

    /// The revision at which the store is read.
    pub fn rev(&self) -> i64 {
        self.rev
    }

    /// The next file; nothing past the end or after an error. Nothing is lost when the future is
    /// dropped.
    ///
    /// [`ErrCode::TooLate`] when the walk takes longer than the server keeps its revision.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        let response = self.offsets.next().await?;
        Some(response.and_then(|response| event_in(&self.request, response)))
    }
}
