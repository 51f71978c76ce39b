//! The replicated state of this node, as it is applied and as others read it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tracing::error;

use super::answer::{Outcome, Waiter};
use super::pending::{Open, Pending};
use super::roster::{Emptied, Members};
use crate::raft_types::{Entry, LogId, NodeId, StoredMembership};
use crate::store::{
    Answer, AnsweredBatch, Applied, CommandError, DirCursor, Event, Glob, HistoryLimits, Revision,
    RevisionWaiters, Search, SnapshotSource, Store, View, WaitId, WatchIndex, ctl,
};
use crate::transport::{Said, Standing};

/// Events looked through for one WAIT before the state is let go for others.
const SEARCH_STEPS_MAX: usize = 512;

/// Between two trimmings history may grow to this many times its limit, and a few more: a burst
/// of writes does not at once take away what a client is about to ask for.
const HISTORY_GROWTH_MAX: u64 = 2;
const HISTORY_GROWTH_SPARE: u64 = 4096;

/// What is read without a lock.
#[derive(Debug)]
pub struct Published {
    /// The newest tree.
    pub view: View,
    /// The oldest revision that can be read.
    pub oldest: Revision,
}

/// Names a registered waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitKey {
    /// One that waits for an event.
    Event(WaitId),
    /// One that waits for a revision.
    Revision(WaitId),
}

/// How a search for an event, or the registering of it, ended.
#[derive(Debug)]
pub(super) enum Found {
    Event(Arc<Event>),
    TooLate,
    Waiting(WaitKey),
}

/// The state machine and who waits for it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) applied: Option<LogId>,
    pub(super) membership: StoredMembership,
    watchers: WatchIndex<Waiter>,
    revisions: RevisionWaiters<Waiter>,
    /// The directory that the slots were read from last.
    slots_read: Option<DirCursor>,
    pub(super) emptied: Emptied,
}

/// A cheap copy of the whole state.
#[derive(Debug)]
pub(super) struct SnapshotCopy {
    pub(super) source: SnapshotSource,
    pub(super) rev: Revision,
    pub(super) applied: Option<LogId>,
    pub(super) membership: StoredMembership,
}

/// Shared by the applying side, the proposer and every connection.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) node: NodeId,
    standing: Arc<Standing>,
    members: watch::Sender<Arc<Members>>,
    /// Whether this node takes mutations: it is a voter and has a slot.
    writable: watch::Sender<bool>,
    published: ArcSwap<Published>,
    state: Mutex<State>,
    pending: Mutex<Pending>,
    history: ArcSwap<HistoryLimits>,
    /// Why this node's part in consensus has ended.
    stopped: ArcSwapOption<Arc<str>>,
    session: watch::Sender<Option<u64>>,
    /// The revision of the newest snapshot on disk.
    snapshot_rev: AtomicI64,
    /// Tells this run's session from those of earlier runs.
    nonce: u64,
}

impl Shared {
    pub(super) fn new(standing: Arc<Standing>, nonce: u64, history: HistoryLimits) -> Self {
        let store = Store::new();
        let published = Published {
            view: store.view(),
            oldest: store.history().oldest(),
        };
        Self {
            node: standing.node(),
            standing,
            members: watch::Sender::default(),
            writable: watch::Sender::new(false),
            published: ArcSwap::from_pointee(published),
            state: Mutex::new(State {
                store,
                applied: None,
                membership: StoredMembership::default(),
                watchers: WatchIndex::default(),
                revisions: RevisionWaiters::default(),
                slots_read: None,
                emptied: Emptied::default(),
            }),
            pending: Mutex::default(),
            history: ArcSwap::from_pointee(history),
            stopped: ArcSwapOption::empty(),
            session: watch::Sender::new(None),
            snapshot_rev: AtomicI64::new(0),
            nonce,
        }
    }

    pub(super) fn published(&self) -> arc_swap::Guard<Arc<Published>> {
        self.published.load()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.members.subscribe()
    }

    pub(super) fn writable(&self) -> watch::Receiver<bool> {
        self.writable.subscribe()
    }

    /// Not after another node has said that this one was removed, which it may not have applied.
    pub(super) fn is_writable(&self) -> bool {
        *self.writable.borrow() && !self.standing.is_removed()
    }

    pub(super) fn nonce(&self) -> u64 {
        self.nonce
    }

    pub(super) fn sessions(&self) -> watch::Receiver<Option<u64>> {
        self.session.subscribe()
    }

    /// What others say of this node's place in the cluster.
    pub(super) fn said(&self) -> watch::Receiver<Said> {
        self.standing.said()
    }

    /// Why this node takes no writes any more, if so.
    pub(super) fn stopped(&self) -> Option<Arc<str>> {
        self.stopped
            .load_full()
            .map(|reason| Arc::clone(reason.as_ref()))
    }

    /// Ends this node's part in consensus; says whether it was the first to.
    pub(super) fn stop(&self, reason: &str) -> bool {
        let reason: Arc<str> = reason.into();
        let before = self.stopped.rcu(|before| {
            Some(
                before
                    .as_ref()
                    .map_or_else(|| Arc::new(Arc::clone(&reason)), Arc::clone),
            )
        });
        before.is_none()
    }

    /// Ends this node's part in consensus because of trouble, which the operator is told once,
    /// whoever meets it first.
    pub(super) fn fail(&self, reason: &str) {
        if self.stop(reason) {
            error!(%reason, "stopped writing; reads go on: mend the cause and restart");
        }
    }

    /// Applies one entry: the state, then the view, then the answers.
    pub(super) fn apply(&self, entry: &Entry) -> Result<(), CommandError> {
        use openraft::EntryPayload;

        let mut told = Vec::new();
        let mut applied = None;
        {
            let mut state = self.state();
            match &entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Membership(membership) => {
                    state.membership =
                        StoredMembership::new(Some(entry.log_id), membership.clone());
                    self.members_changed(&mut state, true);
                }
                EntryPayload::Normal(command) => {
                    let done = state.store.apply(entry.log_id.index(), &command.0)?;
                    state.collect_watchers(&done, &mut told);
                    self.members_changed(&mut state, false);
                    applied = Some(done);
                }
            }
            state.applied = Some(entry.log_id);
            if applied.is_some() {
                let limits = self.history.load();
                state.store.trim(&HistoryLimits {
                    revisions: limits.revisions.saturating_mul(HISTORY_GROWTH_MAX)
                        + HISTORY_GROWTH_SPARE,
                    bytes: limits.bytes,
                });
                self.publish(&state);
            }
        }
        if let Some(applied) = applied {
            self.answer_own(applied);
        }
        for (waiter, outcome) in told {
            waiter.answer(outcome);
        }
        Ok(())
    }

    /// Replaces the whole state with a snapshot's; gives the one before.
    pub(super) fn install(
        &self,
        store: Store,
        applied: Option<LogId>,
        member: StoredMembership,
    ) -> Store {
        let mut told = Vec::new();
        let old = {
            let mut state = self.state();
            let before = state.store.rev();
            self.snapshot_stands(store.rev());
            let old = std::mem::replace(&mut state.store, store);
            state.applied = applied;
            state.membership = member;
            state.collect_after_install(before, &mut told);
            self.members_changed(&mut state, true);
            self.adopt_session(&state.store, &mut told);
            self.publish(&state);
            old
        };
        for (waiter, outcome) in told {
            waiter.answer(outcome);
        }
        old
    }

    /// What this node opened and proposed may have been applied in a snapshot that was installed.
    fn adopt_session(&self, store: &Store, told: &mut Vec<(Waiter, Outcome)>) {
        let Some((session, nonce)) = store.session_of(&self.node.0) else {
            return;
        };
        if nonce != self.nonce {
            return;
        }
        let mut pending = self.pending();
        pending.opened(session);
        self.session.send_replace(Some(session));
        for counter in pending.floor()..pending.next_counter() {
            let Some(answer) = store.answer_of(&self.node.0, counter) else {
                continue;
            };
            if let Some(open) = pending.take(counter) {
                told.push((open.waiter, outcome_of(answer)));
            }
        }
    }

    /// Takes history down to its limits.
    pub(super) fn trim(&self) {
        let limits = self.history.load();
        let mut state = self.state();
        let before = state.store.history().oldest();
        state.store.trim(&limits);
        if state.store.history().oldest() != before {
            self.publish(&state);
        }
    }

    /// The whole state as it is now, and where in the log that is.
    pub(super) fn snapshot(&self) -> SnapshotCopy {
        let state = self.state();
        SnapshotCopy {
            source: state.store.snapshot(),
            rev: state.store.rev(),
            applied: state.applied,
            membership: state.membership.clone(),
        }
    }

    /// A snapshot of the state at `rev` is on disk.
    pub(super) fn snapshot_stands(&self, rev: Revision) {
        self.snapshot_rev.store(rev.0, Ordering::Relaxed);
    }

    /// Revisions made since the newest snapshot on disk.
    pub(super) fn revs_since_snapshot(&self) -> u64 {
        let since = self.published().view.rev.0 - self.snapshot_rev.load(Ordering::Relaxed);
        u64::try_from(since).unwrap_or(0)
    }

    /// The first matching event at or after `from`, or a place among those who wait for it.
    pub(super) fn wait(&self, glob: &Glob, from: Revision, waiter: Waiter) -> Found {
        let mut from = from;
        loop {
            let mut state = self.state();
            match state.store.history().search(glob, from, SEARCH_STEPS_MAX) {
                Search::Found(event) => return Found::Event(event),
                Search::TooLate => return Found::TooLate,
                Search::More(next) => from = next,
                Search::End => {
                    let id = state.watchers.insert(glob.clone(), from, waiter);
                    return Found::Waiting(WaitKey::Event(id));
                }
            }
        }
    }

    /// A place among those who wait for `rev`; nothing if it has come.
    pub(super) fn wait_for(&self, rev: Revision, waiter: Waiter) -> Option<WaitKey> {
        let mut state = self.state();
        if state.store.rev() >= rev {
            return None;
        }
        Some(WaitKey::Revision(state.revisions.insert(rev, waiter)))
    }

    /// Forgets waiters whose asker has gone.
    pub(super) fn forget(&self, keys: &[WaitKey]) {
        for keys in keys.chunks(SEARCH_STEPS_MAX) {
            let mut state = self.state();
            for key in keys {
                match key {
                    WaitKey::Event(id) => drop(state.watchers.remove(*id)),
                    WaitKey::Revision(id) => drop(state.revisions.remove(*id)),
                }
            }
        }
    }

    /// Tells who is of the cluster if that changed: `certainly`, or with the slots' directory.
    fn members_changed(&self, state: &mut State, certainly: bool) {
        let tree = &state.store.view().tree;
        let path = ctl::SLOTS.as_bytes();
        let is_same = match &state.slots_read {
            Some(read) => read.is_same_in(tree, path),
            None => DirCursor::open(tree, path).is_err(),
        };
        if is_same && !certainly {
            return;
        }
        state.slots_read = DirCursor::open(tree, path).ok();
        let members = Members::of(&state.membership, tree);
        state.emptied.note(&members.slots, state.store.history());
        let ids = members.nodes.keys().copied().collect();
        self.standing.set_members(members.at, ids);
        let writable =
            members.voters.contains(&self.node) && members.slots.holders().contains(&self.node);
        self.members.send_replace(Arc::new(members));
        self.writable
            .send_if_modified(|before| std::mem::replace(before, writable) != writable);
    }

    fn publish(&self, state: &State) {
        self.published.store(Arc::new(Published {
            view: state.store.view(),
            oldest: state.store.history().oldest(),
        }));
    }

    fn answer_own(&self, applied: Applied) {
        if let Some(opened) = applied.opened
            && opened.node[..] == self.node.0
            && opened.nonce == self.nonce
        {
            self.pending().opened(opened.session);
            self.session.send_replace(Some(opened.session));
        }
        let Some(batch) = applied.batch else { return };
        if batch.node[..] != self.node.0 {
            return;
        }
        for (open, answer) in self.take_answered(batch) {
            open.waiter.answer(outcome_of(answer));
        }
    }

    fn take_answered(&self, batch: AnsweredBatch) -> Vec<(Open, Answer)> {
        let mut pending = self.pending();
        if pending.session() != Some(batch.session) {
            return Vec::new();
        }
        let answers = batch.answers.into_iter();
        let answers =
            answers.filter_map(|(counter, answer)| Some((pending.take(counter)?, answer)));
        let mut answered: Vec<(Open, Answer)> = answers.collect();
        if !batch.is_session_known {
            let lost = pending.lost().into_iter();
            answered.extend(lost.map(|open| (open, Answer::Forgotten)));
            self.session.send_replace(None);
        }
        answered
    }
}

fn outcome_of(answer: Answer) -> Outcome {
    match answer {
        Answer::Applied(rev) => Outcome::Written(rev),
        Answer::Refused(_, refusal) => Outcome::Refused(refusal),
        Answer::Forgotten => Outcome::NotWritten(super::WriteError::Forgotten),
    }
}

impl State {
    fn collect_watchers(&mut self, applied: &Applied, told: &mut Vec<(Waiter, Outcome)>) {
        let mut waiters = Vec::new();
        let mut rev = applied.first;
        while rev <= applied.last && !self.watchers.is_empty() {
            if let Some(event) = self.store.history().event(rev) {
                self.watchers.take_matching(event, &mut waiters);
                let event = Arc::clone(event);
                told.extend(
                    waiters
                        .drain(..)
                        .map(|w| (w, Outcome::Event(Arc::clone(&event)))),
                );
            }
            rev = rev.next();
        }
        self.revisions.take_ready(self.store.rev(), &mut waiters);
        told.extend(waiters.drain(..).map(|waiter| (waiter, Outcome::Reached)));
    }

    /// After a snapshot every waiter's event may lie in it: those it may hold are looked up in the
    /// history that came along, and where that does not reach back they are told so.
    fn collect_after_install(&mut self, before: Revision, told: &mut Vec<(Waiter, Outcome)>) {
        let mut waiters = Vec::new();
        self.revisions.take_ready(self.store.rev(), &mut waiters);
        told.extend(waiters.drain(..).map(|waiter| (waiter, Outcome::Reached)));
        let history = self.store.history();
        if self.store.rev() <= before {
            return;
        }
        if history.oldest() > before.next() {
            self.watchers.take_up_to(self.store.rev(), &mut waiters);
            told.extend(
                waiters
                    .drain(..)
                    .map(|waiter| (waiter, Outcome::HistoryGone)),
            );
            return;
        }
        let mut rev = before.next();
        while let Some(event) = history.event(rev) {
            self.watchers.take_matching(event, &mut waiters);
            told.extend(
                waiters
                    .drain(..)
                    .map(|w| (w, Outcome::Event(Arc::clone(event)))),
            );
            rev = rev.next();
        }
    }
}
