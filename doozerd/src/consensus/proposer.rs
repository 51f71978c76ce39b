//! Puts mutations into entries: batches, a few entries in flight, each mutation executed once.
//!
//! The module's head in `consensus` says what becomes of a mutation at each failure.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use openraft::Raft;
use openraft::errors::{ClientWriteError, Fatal, RaftError};
use openraft::impls::ProgressResponder;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::answer::{Outcome, WriteError};
use super::machine::Machine;
use super::pending::{Open, Submitted};
use super::shared::Shared;
use crate::raft_types::{Command, TypeConfig};
use crate::store::{encode_batch, encode_open_session, proposal_bytes};

/// Mutations in one entry: bounds how long one entry is applied.
const BATCH_PROPOSALS_MAX: usize = 1024;
/// Bytes of one entry, or one mutation that is larger.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Entries that are proposed and not yet applied.
const ENTRIES_IN_FLIGHT_MAX: usize = 2;
/// Rest before an entry that was not taken is proposed again.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// How often proposals are looked at whose time may be over.
const EXPIRE_EVERY: Duration = Duration::from_millis(100);

/// How the system names a full disk.
const NO_SPACE: &str = "No space left on device";

/// What became of one entry.
enum Proposed {
    Applied,
    /// These counters may have to be sent again.
    Again(Range<u64>),
    Fatal(String),
}

/// The loop that proposes.
#[derive(Debug)]
pub(super) struct Proposer {
    pub(super) shared: Arc<Shared>,
    pub(super) raft: Raft<TypeConfig, Machine>,
    pub(super) submissions: mpsc::Receiver<Submitted>,
    pub(super) time_limit: Duration,
}

impl Proposer {
    /// Opens a session and proposes until every submitter is gone or the engine stops.
    pub(super) async fn run(mut self) {
        if let Err(reason) = self.open_session().await {
            self.fail(&reason);
        }
        let mut in_flight = FuturesUnordered::new();
        let mut submitted = Vec::with_capacity(BATCH_PROPOSALS_MAX);
        let mut expire = tokio::time::interval(EXPIRE_EVERY);
        expire.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let room = in_flight.len() < ENTRIES_IN_FLIGHT_MAX;
            tokio::select! {
                biased;
                Some(proposed) = in_flight.next(), if !in_flight.is_empty() => match proposed {
                    Proposed::Applied => {}
                    Proposed::Again(counters) => {
                        if let Some(entry) = self.encode(counters) {
                            in_flight.push(self.propose(entry, Some(Instant::now() + RETRY_AFTER)));
                        }
                    }
                    Proposed::Fatal(reason) => self.fail(&reason),
                },
                count = self.submissions.recv_many(&mut submitted, BATCH_PROPOSALS_MAX), if room => {
                    if count == 0 {
                        return;
                    }
                    for counters in self.open(&mut submitted) {
                        if let Some(entry) = self.encode(counters) {
                            in_flight.push(self.propose(entry, None));
                        }
                    }
                }
                _ = expire.tick() => self.expire(),
            }
        }
    }

    async fn open_session(&mut self) -> Result<(), String> {
        let mut sessions: watch::Receiver<Option<u64>> = self.shared.sessions();
        loop {
            let command = encode_open_session(&self.shared.node.0, self.shared.nonce());
            match self.raft.client_write(Command(command)).await {
                Ok(_) if sessions.borrow_and_update().is_some() => return Ok(()),
                Ok(_) => return Err("the session was applied and not opened".to_owned()),
                Err(RaftError::Fatal(fatal)) => return Err(describe(&fatal)),
                Err(RaftError::APIError(error)) => {
                    debug!(%error, "no session yet");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
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

    /// The entry for those of `counters` that have no answer yet.
    fn encode(&self, counters: Range<u64>) -> Option<(Range<u64>, Command)> {
        let mut pending = self.shared.pending();
        let session = pending.session()?;
        let floor = pending.floor();
        let mut proposals = pending.send(counters.clone()).peekable();
        proposals.peek()?;
        let bytes = encode_batch(&self.shared.node.0, session, floor, proposals);
        Some((counters, Command(bytes)))
    }

    fn propose(
        &self,
        (counters, command): (Range<u64>, Command),
        not_before: Option<Instant>,
    ) -> impl Future<Output = Proposed> + use<> {
        let raft = self.raft.clone();
        async move {
            if let Some(not_before) = not_before {
                sleep_until(not_before).await;
            }
            let (responder, applied) = ProgressResponder::complete_only();
            if let Err(fatal) = raft.client_write_ff(command, Some(responder)).await {
                return Proposed::Fatal(describe(&fatal));
            }
            match applied.await {
                Ok(Ok(_)) => Proposed::Applied,
                Ok(Err(
                    ClientWriteError::ForwardToLeader(_)
                    | ClientWriteError::LogEntryDiscarded(_)
                    | ClientWriteError::ChangeMembershipError(_)
                    | ClientWriteError::PreconditionFailed(_),
                )) => Proposed::Again(counters),
                Err(_closed) => match raft.is_initialized().await {
                    Err(fatal) => Proposed::Fatal(describe(&fatal)),
                    Ok(_) => Proposed::Again(counters),
                },
            }
        }
    }

    fn expire(&self) {
        let expired = self.shared.pending().expire(Instant::now());
        let limit = self.time_limit.as_secs();
        answer_all(expired, |sent| {
            if sent {
                WriteError::OutcomeUnknown(limit)
            } else {
                WriteError::NotExecuted(limit)
            }
        });
    }

    fn fail(&self, reason: &str) {
        self.shared.stop(reason);
        let reason = self.shared.stopped().unwrap_or_else(|| reason.into());
        let open = self.shared.pending().take_all();
        answer_all(open, |sent| {
            let reason = Arc::clone(&reason);
            if sent {
                WriteError::StoppedAfterSending(reason)
            } else {
                WriteError::Stopped(reason)
            }
        });
    }
}

fn answer_all(open: Vec<Open>, error: impl Fn(bool) -> WriteError) {
    for open in open {
        open.waiter.answer(Outcome::NotWritten(error(open.sent)));
    }
}

pub(super) fn describe(fatal: &Fatal<TypeConfig>) -> String {
    match fatal {
        Fatal::StorageError(error) => what_to_do(&error.to_string()),
        Fatal::Panicked => "the consensus engine failed; restart this node".to_owned(),
        Fatal::Stopped => "this node is stopping".to_owned(),
    }
}

/// The engine gives a storage error's text alone.
fn what_to_do(error: &str) -> String {
    if error.contains(NO_SPACE) {
        return "disk full: free space and restart this node".to_owned();
    }
    format!("its storage failed, mend it and restart this node: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_that() {
        let full = std::io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        let text = what_to_do(&format!("when Write Log: {full}"));
        assert_eq!(text, "disk full: free space and restart this node");
        assert!(what_to_do("when Write Log: broken").ends_with("when Write Log: broken"));
    }
}
