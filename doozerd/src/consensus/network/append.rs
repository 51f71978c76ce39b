//! Entries to one node, many requests on their way at once, answered in order.
//!
//! The link outlives one stream of the engine's: a stream that ends early (a conflict, say) leaves
//! answers behind, which the next one passes over by their numbers. Whatever breaks in the middle
//! of a message closes the link.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use doozer_proto::peer::{LinkRequest, LinkResponse, link_request, link_response};
use futures_util::stream::{empty, iter, unfold};
use futures_util::{Stream, StreamExt};
use openraft::base::BoxStream;
use openraft::entry::RaftEntry;
use openraft::errors::{NetworkError, RPCError, Unreachable};
use openraft::raft::StreamAppendResult;
use tokio::time::{Instant, sleep_until};

use super::{Peer, RpcError, nonsense, unexpected};
use crate::raft_types::{
    AppendRequest, AppendResponse, LogId, NodeId, TypeConfig, append_to_message,
    appended_from_message,
};
use crate::transport::{Hearings, Link, LinkKind, Target};

/// Requests on their way: enough for a sync here and there to overlap.
const PIPELINE_MAX: usize = 16;
/// How long an answer may take: a disk may be slow, and syncs for long.
const ANSWER_MAX: Duration = Duration::from_secs(10);

type Appended = Result<StreamAppendResult<TypeConfig>, RpcError>;

/// A link for entries.
#[derive(Debug)]
pub(super) struct AppendLink {
    link: Link,
    last_seq: u64,
    /// A message was begun and not ended: nothing can follow it.
    broken: bool,
}

/// A request that has no answer: its number, and between which log ids its entries lie.
#[derive(Debug)]
struct Open {
    seq: u64,
    prev: Option<LogId>,
    last: Option<LogId>,
}

struct Streaming<'s, S> {
    node: NodeId,
    heard_of: &'s Hearings,
    link: &'s mut AppendLink,
    input: S,
    is_input_over: bool,
    open: VecDeque<Open>,
    heard: Instant,
    is_over: bool,
}

/// Sends what comes from `input` and gives the answers in order.
///
/// The first request is waited for before there is a link: that is where the engine rests after a
/// failure, and a node that refuses connections would otherwise be dialled without a rest.
pub(super) async fn stream<S>(
    peer: &mut Peer,
    mut input: S,
) -> Result<BoxStream<'_, Appended>, RpcError>
where
    S: Stream<Item = AppendRequest> + Send + Unpin + 'static,
{
    let Some(first) = input.next().await else {
        return Ok(Box::pin(empty()));
    };
    if peer.entries.as_ref().is_none_or(|link| link.broken) {
        peer.entries = None;
        let target = Target::Member(peer.node);
        let dialed = peer.peers.dialer.dial(LinkKind::Append, &target);
        let link = dialed.await.map_err(|error| Unreachable::new(&error))?;
        peer.entries = Some(AppendLink {
            link,
            last_seq: 0,
            broken: false,
        });
    }
    let link = peer.entries.as_mut();
    let streaming = Streaming {
        node: peer.node,
        heard_of: &peer.peers.heard,
        link: link.expect("invariant: it was just made"),
        input: iter([first]).chain(input),
        is_input_over: false,
        open: VecDeque::new(),
        heard: Instant::now(),
        is_over: false,
    };
    let answers = unfold(streaming, |mut streaming| async {
        let answer = streaming.next().await?;
        Some((answer, streaming))
    });
    Ok(Box::pin(answers))
}

impl<S: Stream<Item = AppendRequest> + Unpin> Streaming<'_, S> {
    async fn next(&mut self) -> Option<Appended> {
        while !self.has_ended() {
            let has_room = !self.is_input_over && self.open.len() < PIPELINE_MAX;
            let deadline = self.heard + ANSWER_MAX;
            tokio::select! {
                biased;
                response = self.link.link.rx.next(), if !self.open.is_empty() => {
                    self.heard = Instant::now();
                    match response.and_then(|response| response.ok_or_else(closed)) {
                        Ok(response) => {
                            let answer = self.answered(response);
                            if answer.is_some() {
                                return answer;
                            }
                        }
                        Err(error) => return Some(Err(self.lost(&error))),
                    }
                }
                request = self.input.next(), if has_room => match request {
                    None => self.is_input_over = true,
                    Some(request) => {
                        if let Err(error) = self.send(&request).await {
                            return Some(Err(self.lost(&error)));
                        }
                    }
                },
                () = sleep_until(deadline), if !self.open.is_empty() => {
                    let late = io::Error::new(io::ErrorKind::TimedOut, "entries are not answered");
                    return Some(Err(self.lost(&late)));
                }
            }
        }
        None
    }

    fn has_ended(&self) -> bool {
        self.is_over || (self.is_input_over && self.open.is_empty())
    }

    async fn send(&mut self, request: &AppendRequest) -> io::Result<()> {
        if self.open.is_empty() {
            self.heard = Instant::now();
        }
        let link = &mut *self.link;
        link.last_seq += 1;
        let last = request.entries.last().map(RaftEntry::log_id);
        self.open.push_back(Open {
            seq: link.last_seq,
            prev: request.prev_log_id,
            last: last.or(request.prev_log_id),
        });
        link.broken = true;
        link.link
            .tx
            .send(&LinkRequest {
                seq: link.last_seq,
                body: Some(link_request::Body::Append(append_to_message(request))),
            })
            .await?;
        link.broken = false;
        Ok(())
    }

    /// The answer that a response is; nothing for one that an earlier stream left behind.
    fn answered(&mut self, response: LinkResponse) -> Option<Appended> {
        if self.open.front()?.seq != response.seq {
            return None;
        }
        let open = self.open.pop_front()?;
        let appended = match response.body? {
            link_response::Body::Append(message) => {
                self.heard_of.note(self.node, None);
                appended_from_message(&message).map_err(|error| nonsense(&error))
            }
            other => Err(unexpected(other)),
        };
        let partial = |response: &AppendResponse| match response {
            AppendResponse::PartialSuccess(last) => *last != open.last,
            _ => false,
        };
        self.is_over = appended.as_ref().is_ok_and(partial) || appended.is_err();
        let answer = appended.map(|response| response.into_stream_result(open.prev, open.last));
        self.is_over |= matches!(answer, Ok(Err(_)));
        Some(answer)
    }

    fn lost(&mut self, error: &io::Error) -> RpcError {
        self.is_over = true;
        self.link.broken = true;
        RPCError::Network(NetworkError::new(error))
    }
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the other node closed the link",
    )
}
