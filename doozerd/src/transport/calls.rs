//! Requests to another node over one link, many at once, each answered once.
//!
//! A task owns the link. It dials when something is asked for; what waits while it cannot reach
//! the other node is told so at once, so that whoever asks decides when to ask again. A caller
//! that gives up leaves nothing behind but an answer that nobody waits for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use doozer_proto::peer::{LinkKind, LinkRequest, LinkResponse, link_request, link_response};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::dial::{DialError, Dialer, Target};
use super::heard::Hearings;
use super::{IN_FLIGHT_MAX, Link};
use crate::raft_types::NodeId;

/// Requests that wait to be sent.
const WAITING_MAX: usize = 256;
/// How long an answer may stay away, with nothing else coming, before the link is made anew.
const STALL_MAX: Duration = Duration::from_secs(1);
/// After a failed dial, what is asked for so soon fails with it.
const DIAL_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Why a request has no answer.
#[derive(Debug, Clone, Error)]
pub enum CallError {
    /// It was surely not sent.
    #[error(transparent)]
    NotSent(Arc<DialError>),
    /// It may have been carried out.
    #[error("the link to node {0} was lost")]
    Lost(NodeId),
    /// The caller's node is stopping.
    #[error("this node is stopping")]
    Stopping,
}

/// Asks another node. Cheap to clone: clones share a link.
#[derive(Debug, Clone)]
pub struct Caller {
    calls: mpsc::Sender<Call>,
}

#[derive(Debug)]
struct Call {
    body: link_request::Body,
    answer: Answer,
}

impl Caller {
    /// A caller of a member, whose task runs among `tasks` until the last clone is dropped; its
    /// answers are noted in `heard`.
    pub fn start(
        dialer: Dialer,
        (kind, node): (LinkKind, NodeId),
        heard: Arc<Hearings>,
        tasks: &TaskTracker,
    ) -> Self {
        let (calls, waiting) = mpsc::channel(WAITING_MAX);
        let task = Task {
            dialer,
            kind,
            node,
            heard,
            waiting,
        };
        tasks.spawn(task.run());
        Self { calls }
    }

    /// Asks, and waits for the answer.
    pub async fn call(&self, body: link_request::Body) -> Result<link_response::Body, CallError> {
        let (answer, answered) = oneshot::channel();
        let call = Call { body, answer };
        let sent = self.calls.send(call).await;
        sent.map_err(|_closed| CallError::Stopping)?;
        answered.await.unwrap_or(Err(CallError::Stopping))
    }
}

struct Task {
    dialer: Dialer,
    kind: LinkKind,
    node: NodeId,
    heard: Arc<Hearings>,
    waiting: mpsc::Receiver<Call>,
}

impl Task {
    async fn run(mut self) {
        let mut failed: Option<(Instant, Arc<DialError>)> = None;
        while let Some(call) = self.waiting.recv().await {
            if call.answer.is_closed() {
                continue;
            }
            if let Some((at, error)) = &failed
                && at.elapsed() < DIAL_AGAIN_AFTER
            {
                tell(call, CallError::NotSent(Arc::clone(error)));
                continue;
            }
            match self
                .dialer
                .dial(self.kind, &Target::Member(self.node))
                .await
            {
                Ok(link) => {
                    failed = None;
                    self.serve(link, call).await;
                }
                Err(error) => {
                    debug!(%error, kind = ?self.kind, "no link");
                    let error = Arc::new(error);
                    failed = Some((Instant::now(), Arc::clone(&error)));
                    tell(call, CallError::NotSent(error));
                }
            }
        }
    }

    /// Serves calls over `link` until it is lost or nobody can call any more.
    async fn serve(&mut self, link: Link, first: Call) {
        let mut open = OpenCalls::default();
        let outcome = self.exchange(link, first, &mut open).await;
        if let Err(error) = outcome {
            debug!(%error, kind = ?self.kind, node = %self.node, "link lost");
        }
        for (_, answer) in open.answers.into_values() {
            drop(answer.send(Err(CallError::Lost(self.node))));
        }
    }

    async fn exchange(
        &mut self,
        mut link: Link,
        first: Call,
        open: &mut OpenCalls,
    ) -> std::io::Result<()> {
        link.tx.send(&open.admit(first)).await?;
        let mut heard = Instant::now();
        loop {
            let room = open.answers.len() < IN_FLIGHT_MAX;
            let stalls = self.kind == LinkKind::Control && !open.answers.is_empty();
            tokio::select! {
                biased;
                response = link.rx.next::<LinkResponse>() => {
                    let Some(response) = response? else { return Ok(()) };
                    heard = Instant::now();
                    if let Some(asked) = open.answer(response) {
                        let is_quick = self.kind == LinkKind::Control;
                        self.heard.note(self.node, is_quick.then_some(asked));
                    }
                }
                call = self.waiting.recv(), if room => {
                    let Some(call) = call else { return Ok(()) };
                    if call.answer.is_closed() {
                        continue;
                    }
                    if open.answers.is_empty() {
                        heard = Instant::now();
                    }
                    link.tx.send(&open.admit(call)).await?;
                }
                () = sleep_until(heard + STALL_MAX), if stalls => {
                    return Err(std::io::ErrorKind::TimedOut.into());
                }
            }
        }
    }
}

/// Calls that have been sent.
#[derive(Debug, Default)]
struct OpenCalls {
    last: u64,
    answers: BTreeMap<u64, (Instant, Answer)>,
}

type Answer = oneshot::Sender<Result<link_response::Body, CallError>>;

impl OpenCalls {
    fn admit(&mut self, call: Call) -> LinkRequest {
        self.last += 1;
        self.answers
            .insert(self.last, (Instant::now(), call.answer));
        LinkRequest {
            seq: self.last,
            body: Some(call.body),
        }
    }

    /// Passes an answer on. When it was asked for, unless it says that the other node cannot.
    fn answer(&mut self, response: LinkResponse) -> Option<Instant> {
        let (asked, answer) = self.answers.remove(&response.seq)?;
        let body = response.body?;
        let can = !matches!(body, link_response::Body::Failed(_));
        drop(answer.send(Ok(body)));
        can.then_some(asked)
    }
}

fn tell(call: Call, error: CallError) {
    drop(call.answer.send(Err(error)));
}
