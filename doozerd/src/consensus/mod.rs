//! How the store sits on the consensus engine: the only way into and out of the replicated state.
//!
//! # Threads and who owns what
//! One thread of its own, with a single-threaded runtime, runs the engine, the proposer, the
//! applying of entries and the making of snapshots ([`thread`]). Clients' tasks run elsewhere and
//! meet it in four places: the queue to the proposer, the published view (read without a lock),
//! the state behind a mutex (old revisions, waiters), and the [`Sink`]s that answers go to.
//!
//! # The way of a mutation
//! 1. [`Consensus::submit`] takes room in the proposals' budget and queues it: *queued*.
//! 2. The proposer gives it the next counter of this node's session and puts it, with others, into
//!    one entry: *sent*.
//! 3. The engine calls it committed when a quorum holds it on disk. The entry is applied: the store
//!    answers for each counter; the view is published; then the answer goes to the sink. A read
//!    that follows an answer on this node sees what was answered.
//!
//! # What can happen to it, and what is said
//! | what happened | what the proposer does | what the client is told |
//! | --- | --- | --- |
//! | applied, or refused when applied | | success, or the refusal |
//! | `ForwardToLeader`: not appended | sends again, same session and counter | |
//! | entry dropped, channel closed, leadership lost in the middle | sends again, same session and counter: the store executes a counter once | |
//! | time limit, never sent | forgets it | not executed |
//! | time limit, sent | forgets it; its counter falls below the floor, so that a late entry cannot execute it after a later floor was applied | outcome unknown |
//! | the engine stopped (storage error) | answers all | not executed, or outcome unknown; what to do |
//! | the store forgot the counter's answer | | outcome unknown |
//!
//! # What is durable when
//! Nothing here is durable but through `storage`: an entry before it is called committed, a
//! snapshot before the log before it is purged. After a crash the state is the latest good snapshot
//! and the log behind it; answers of a session that has ended are gone with the proposer that
//! waited for them. A proposer opens a new session at each start, so that no counter is used twice.
//!
//! # Reads
//! The view of the newest applied revision is published after each entry, before its answers.
//! A WAIT is registered under the state's mutex, on which entries are applied: between looking
//! through history and registering no event can slip by.

mod answer;
mod attach;
mod blocking;
mod compaction;
mod handle;
mod leader;
mod machine;
mod members;
mod memberships;
mod moves;
mod network;
mod pending;
mod proposer;
mod roster;
mod route;
mod salvage;
mod service;
mod shared;
mod slots;
mod thread;
mod timing;
mod trips;

pub use answer::{Outcome, Sink, Ticket, WriteError};
pub use handle::{Consensus, ReadAt, WaitAnswer};
pub use roster::Members;
pub use salvage::{SalvageError, Salvaged, found_successor, salvage};
pub use shared::{Published, WaitKey};
pub use slots::{Holder, Slot, Slots};
pub use thread::{ConsensusThread, Settings, StartError, start_here};
pub use timing::Timing;

#[cfg(all(test, not(feature = "simulation")))]
mod tests;
