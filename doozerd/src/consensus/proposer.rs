//! Puts mutations into entries: batches, a few entries in flight, each mutation executed once.
//!
//! Where this node leads, an entry goes to its own engine; else to the leader over a link. The
//! module's head in `consensus` says what becomes of a mutation at each failure.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::answer::{Outcome, WriteError};
use super::pending::{Open, Pending, Submitted};
use super::route::{Proposed, Route};
use super::shared::Shared;
use crate::raft_types::Command;
use crate::store::{encode_batch, encode_open_session, proposal_bytes};

/// Mutations in one entry: bounds how long one entry is applied.
const BATCH_PROPOSALS_MAX: usize = 1024;
/// Bytes of one entry, or one mutation that is larger.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Entries that are proposed and not yet agreed on.
const ENTRIES_IN_FLIGHT_MAX: usize = 2;
/// Mutations that have no answer; past it none is taken. Below what the store keeps answers for.
const OPEN_MAX: usize = 8192;
/// Rest before an entry that was not taken is proposed again: twice as long each time that a leader
/// does not take it, up to the other.
const RETRY_AFTER: Duration = Duration::from_millis(20);
const RETRY_AFTER_MAX: Duration = Duration::from_millis(320);
/// How often proposals are looked at whose time may be over.
const EXPIRE_EVERY: Duration = Duration::from_millis(100);

/// What became of the proposals of some counters.
struct Handed {
    entry: Again,
    proposed: Proposed,
}

/// What is to be handed over, and how often a leader has not taken it.
struct Again {
    counters: Range<u64>,
    refused: u32,
}

impl Again {
    fn first(counters: Range<u64>) -> Self {
        Self {
            counters,
            refused: 0,
        }
    }

    fn rest(&self) -> Duration {
        let doubled = RETRY_AFTER * 2_u32.saturating_pow(self.refused.saturating_sub(1).min(8));
        doubled.min(RETRY_AFTER_MAX)
    }
}

type InFlight = FuturesUnordered<Pin<Box<dyn Future<Output = Handed> + Send>>>;

/// The loop that proposes.
#[derive(Debug)]
pub(super) struct Proposer {
    pub(super) shared: Arc<Shared>,
    pub(super) route: Route,
    pub(super) submissions: mpsc::Receiver<Submitted>,
    pub(super) time_limit: Duration,
}

impl Proposer {
    /// Opens a session and proposes until every submitter is gone or the engine stops. What is
    /// submitted before the session stands waits for it, within its time limit.
    pub(super) async fn run(mut self) {
        let mut opening = Box::pin(open_session(Arc::clone(&self.shared), self.route.clone()));
        let mut is_open = false;
        let mut in_flight = InFlight::new();
        let mut held: VecDeque<Range<u64>> = VecDeque::new();
        let mut submitted = Vec::with_capacity(BATCH_PROPOSALS_MAX);
        let mut expire = tokio::time::interval(EXPIRE_EVERY);
        expire.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            while is_open
                && in_flight.len() < ENTRIES_IN_FLIGHT_MAX
                && let Some(counters) = held.pop_front()
            {
                in_flight.push(self.hand(Again::first(counters), None));
            }
            if is_open && self.has_lost_its_session() {
                opening = Box::pin(open_session(Arc::clone(&self.shared), self.route.clone()));
                is_open = false;
            }
            let has_room = held.is_empty() || !is_open;
            let has_room = has_room
                && in_flight.len() < ENTRIES_IN_FLIGHT_MAX
                && self.shared.pending().len() < OPEN_MAX;
            tokio::select! {
                biased;
                opened = &mut opening, if !is_open => match opened {
                    Ok(()) => is_open = true,
                    Err(reason) => { self.fail(&reason); is_open = true; }
                },
                Some(handed) = in_flight.next(), if !in_flight.is_empty() => {
                    if let Some(again) = self.landed(handed) {
                        let not_before = Instant::now() + again.rest();
                        in_flight.push(self.hand(again, Some(not_before)));
                    }
                },
                count = self.submissions.recv_many(&mut submitted, BATCH_PROPOSALS_MAX), if has_room => {
                    if count == 0 {
                        return;
                    }
                    held.extend(self.open(&mut submitted));
                }
                _ = expire.tick() => self.expire(),
            }
        }
    }

    /// A node that was removed and came back finds its session gone with it.
    fn has_lost_its_session(&self) -> bool {
        self.shared.pending().session().is_none() && self.shared.stopped().is_none()
    }

    /// Gives counters to what was submitted, in ranges that each make one entry.
    fn open(&self, submitted: &mut Vec<Submitted>) -> Vec<Range<u64>> {
        if let Some(reason) = self.shared.stopped() {
            for submission in submitted.drain(..) {
                let stopped = WriteError::Stopped(Arc::clone(&reason));
                submission.waiter.answer(Outcome::NotWritten(stopped));
            }
            return Vec::new();
        }
        let mut pending = self.shared.pending();
        let (mut ranges, mut start, mut bytes) = (Vec::new(), pending.next_counter(), 0);
        for submission in submitted.drain(..) {
            let size = proposal_bytes(&submission.mutation);
            if bytes > 0 && bytes + size > BATCH_BYTES_MAX {
                ranges.push(start..pending.next_counter());
                (start, bytes) = (pending.next_counter(), 0);
            }
            bytes += size;
            pending.open(submission);
        }
        ranges.push(start..pending.next_counter());
        ranges
    }

    /// Hands those of `counters` that have no answer yet to the leader.
    fn hand(
        &self,
        mut entry: Again,
        not_before: Option<Instant>,
    ) -> Pin<Box<dyn Future<Output = Handed> + Send>> {
        let (shared, route) = (Arc::clone(&self.shared), self.route.clone());
        let limit = self.time_limit;
        Box::pin(async move {
            if let Some(not_before) = not_before {
                sleep_until(not_before).await;
            }
            let proposed = match route.leader() {
                // Nothing is made or sent: one that comes is to be met soon.
                None => Proposed::NotTaken,
                Some(leader) => match encode(&shared, entry.counters.clone()) {
                    Encoded::NoSession => Proposed::NotTaken,
                    Encoded::NothingOpen => Proposed::Agreed,
                    // An entry that finds no quorum is never answered: past the limit nobody waits
                    // for it any more, and others get its place.
                    Encoded::Command(command) => {
                        let proposed = timeout(limit, route.propose(&leader, command)).await;
                        proposed.unwrap_or(Proposed::Unknown)
                    }
                },
            };
            entry.refused = match (&proposed, route.leader()) {
                (Proposed::NotTaken, Some(_)) => entry.refused + 1,
                _ => 0,
            };
            Handed { entry, proposed }
        })
    }

    /// Takes note of what became of proposals; those that have to be handed over again.
    fn landed(&self, handed: Handed) -> Option<Again> {
        let Handed { entry, proposed } = handed;
        let counters = entry.counters.clone();
        let surely_not_taken = matches!(proposed, Proposed::NotTaken);
        self.shared
            .pending()
            .landed(counters.clone(), surely_not_taken);
        match proposed {
            // Each is answered when this node applies it.
            Proposed::Agreed => None,
            Proposed::NotTaken | Proposed::Unknown => {
                let is_any_open = self.shared.pending().has_open(counters);
                is_any_open.then_some(entry)
            }
            Proposed::Fatal(reason) => {
                self.fail(&reason);
                None
            }
        }
    }

    fn expire(&self) {
        let expired = self.shared.pending().expire(Instant::now());
        let limit = self.time_limit.as_secs();
        answer_all(expired, |may_be_executed| {
            if may_be_executed {
                WriteError::OutcomeUnknown(limit)
            } else {
                WriteError::NotExecuted(limit)
            }
        });
    }

    fn fail(&self, reason: &str) {
        self.shared.fail(reason);
        let reason = self.shared.stopped().unwrap_or_else(|| reason.into());
        let open = self.shared.pending().take_all();
        answer_all(open, |may_be_executed| {
            let reason = Arc::clone(&reason);
            if may_be_executed {
                WriteError::StoppedAfterSending(reason)
            } else {
                WriteError::Stopped(reason)
            }
        });
    }
}

/// What there is to propose.
enum Encoded {
    Command(Command),
    NothingOpen,
    NoSession,
}

/// The entry for those of `counters` that have no answer yet.
fn encode(shared: &Shared, counters: Range<u64>) -> Encoded {
    let mut pending = shared.pending();
    let Some(session) = pending.session() else {
        return Encoded::NoSession;
    };
    let floor = pending.floor();
    let mut proposals = pending.send(counters).peekable();
    if proposals.peek().is_none() {
        return Encoded::NothingOpen;
    }
    Encoded::Command(Command(encode_batch(
        &shared.node.0,
        session,
        floor,
        proposals,
    )))
}

/// Opens this run's session; done when this node has applied that.
async fn open_session(shared: Arc<Shared>, route: Route) -> Result<(), String> {
    let mut sessions = shared.sessions();
    loop {
        let command = Command(encode_open_session(&shared.node.0, shared.nonce()));
        if let Some(leader) = route.leader() {
            match route.propose(&leader, command).await {
                Proposed::Agreed => {
                    let opened = sessions.wait_for(Option::is_some).await;
                    return opened.map(drop).map_err(|error| error.to_string());
                }
                Proposed::Fatal(reason) => return Err(reason),
                Proposed::NotTaken | Proposed::Unknown => debug!(?leader, "no session yet"),
            }
        }
        if sessions.borrow_and_update().is_some() {
            return Ok(());
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

fn answer_all(open: Vec<Open>, error: impl Fn(bool) -> WriteError) {
    for open in open {
        let may_be_executed = Pending::may_be_executed(&open);
        open.waiter
            .answer(Outcome::NotWritten(error(may_be_executed)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaders_do_not_take_is_handed_over_ever_more_rarely() {
        let rest = |refused| {
            Again {
                counters: 0..1,
                refused,
            }
            .rest()
            .as_millis()
        };
        assert_eq!(
            (0..8).map(rest).collect::<Vec<_>>(),
            [20, 20, 40, 80, 160, 320, 320, 320]
        );
        assert_eq!(rest(u32::MAX), 320);
    }
}
