//! Asks for one event after another.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use doozer_proto::ErrCode;
use futures_util::Stream;

use crate::{Client, Error, Event};

type Answer = Pin<Box<dyn Future<Output = Result<Event, Error>> + Send>>;

/// Every event at or after a revision whose path matches a glob, each once and in order.
///
/// It goes on over lost connections and other nodes: the next event is always asked for from the
/// revision after the last one's. It is a `Stream` too.
///
/// When the server no longer keeps the revision that is asked for, events may be lost: that is
/// [`Error::HistoryGone`], and the watch ends, until it is told with
/// [`resume_at`](Self::resume_at) where to go on. Any other error ends nothing: ask for the next
/// event, and the watch tries again where it was.
pub struct Watch {
    client: Client,
    glob: String,
    next_rev: i64,
    under_way: Option<Answer>,
    gone: bool,
}

impl Watch {
    pub(crate) fn new(client: Client, glob: &str, from: i64) -> Self {
        Self {
            client,
            glob: glob.to_owned(),
            next_rev: from,
            under_way: None,
            gone: false,
        }
    }

    /// The next event, once it has happened. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The revision from which the next event is asked for.
    pub fn next_rev(&self) -> i64 {
        self.next_rev
    }

    /// Goes on from revision `rev`, whatever happened before.
    pub fn resume_at(&mut self, rev: i64) {
        self.under_way = None;
        self.next_rev = rev;
        self.gone = false;
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        if self.gone {
            return Poll::Ready(None);
        }
        let (client, glob, rev) = (&self.client, &self.glob, self.next_rev);
        let answer = self.under_way.get_or_insert_with(|| {
            let (client, glob) = (client.clone(), glob.clone());
            Box::pin(async move { client.wait(&glob, rev).await })
        });
        let result = ready!(answer.as_mut().poll(cx));
        self.under_way = None;
        Poll::Ready(Some(self.settle(result)))
    }

    fn settle(&mut self, result: Result<Event, Error>) -> Result<Event, Error> {
        match result {
            Ok(event) => {
                self.next_rev = event.rev.saturating_add(1);
                Ok(event)
            }
            Err(error) if error.code() == Some(ErrCode::TooLate) => {
                self.gone = true;
                Err(Error::HistoryGone {
                    wanted: self.next_rev,
                })
            }
            Err(error) => Err(error),
        }
    }
}

impl Stream for Watch {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("glob", &self.glob)
            .field("next_rev", &self.next_rev)
            .field("gone", &self.gone)
            .finish_non_exhaustive()
    }
}
