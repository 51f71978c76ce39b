//! One node's consensus, in memory, on the runtime of the test.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use openraft::storage::RaftStateMachine;
use tokio_util::sync::CancellationToken;

use super::machine::Machine;
use super::shared::Shared;
use super::*;
use crate::raft_types::{NodeId, SnapshotMeta};
use crate::storage::{Execution, Identity, Place, Storage, StorageOptions};
use crate::store::{HistoryLimits, Mutation, Path, Revision, Store, ctl};
use crate::transport::{Dialer, PeerSecrets, Standing};

const HISTORY: HistoryLimits = HistoryLimits {
    revisions: 100,
    bytes: 1 << 20,
};

fn storage() -> Storage {
    let identity = || Identity {
        cluster_id: [7; 16],
        cluster_name: "local".to_owned(),
        node: NodeId::from(1),
        attached: false,
    };
    let execution = Execution::Inline;
    let opened = Storage::open(&Place::Memory, identity, StorageOptions { execution });
    opened.expect("a storage in memory")
}

fn standing() -> Arc<Standing> {
    Arc::new(Standing::new(NodeId::from(1), "local".to_owned()))
}

fn settings() -> Settings {
    Settings {
        addr: "127.0.0.1:1".to_owned(),
        memory: true,
        history: HISTORY,
        time_limit: Duration::from_secs(30),
        timeout: Duration::from_secs(60),
        timing: Timing::LAN,
        nonce: 1,
        dialer: Dialer {
            local: standing(),
            secrets: PeerSecrets::default(),
            tls: None,
        },
    }
}

#[derive(Debug)]
struct Nobody;

impl Sink for Nobody {
    fn answer(&self, _ticket: Ticket, _outcome: Outcome) {}
}

#[tokio::test]
async fn a_node_is_not_idle_while_a_mutation_waits_in_the_queue() {
    let stop = CancellationToken::new();
    let started = start_here(storage(), settings(), stop.clone()).await;
    let (consensus, running) = started.unwrap();
    let test = async {
        consensus.recovered().await.unwrap();
        assert!(consensus.is_idle());
        // Nothing else runs before this test waits.
        let submitted = consensus.submit(Mutation::Nop, Arc::new(Nobody), Ticket(0));
        assert!(submitted.now_or_never().is_some());
        assert_eq!(consensus.proposals_open(), 0, "it is in the queue");
        assert!(!consensus.is_idle());
        while !consensus.is_idle() {
            tokio::task::yield_now().await;
        }
        assert_eq!(consensus.published().view.rev, Revision(1));
        stop.cancel();
    };
    tokio::join!(running, test);
}

#[tokio::test]
async fn a_snapshot_is_read_while_other_tasks_run() {
    let storage = storage();
    let mut writer = storage.snapshots.begin().unwrap();
    for frame in Store::new().snapshot() {
        writer.write_frame(&frame).unwrap();
    }
    let meta = SnapshotMeta::default();
    let record = writer.finish_installed(&meta).unwrap();
    let mut machine = Machine {
        shared: Arc::new(Shared::new(standing(), 1, HISTORY)),
        log: storage.log.clone(),
        snapshots: storage.snapshots.clone(),
    };
    let installing = machine.install_snapshot(&meta, record.clone());
    assert!(installing.now_or_never().is_none(), "it is done elsewhere");
    machine.install_snapshot(&meta, record).await.unwrap();
}

async fn set(consensus: &Consensus, path: Path, value: String) {
    let set = Mutation::Set {
        path,
        rev: Revision::CLOBBER,
        value: value.into(),
    };
    let outcome = consensus.propose(set).await;
    assert!(matches!(outcome, Outcome::Written(_)), "{outcome:?}");
}

#[tokio::test]
async fn whom_a_slot_was_taken_from_is_known_when_history_has_moved_on() {
    let stop = CancellationToken::new();
    let mut settings = settings();
    settings.history.revisions = 1;
    let started = start_here(storage(), settings, stop.clone()).await;
    let (consensus, running) = started.unwrap();
    let test = async {
        consensus.recovered().await.unwrap();
        let (own, other) = (NodeId::from(1), NodeId::from(2));
        set(&consensus, ctl::cal(0), own.to_string()).await;
        set(&consensus, ctl::cal(1), other.to_string()).await;
        set(&consensus, ctl::cal(1), String::new()).await;
        let emptied = || {
            let slots = consensus.members().borrow().slots.clone();
            let slot = slots.at(&ctl::cal(1)).unwrap().clone();
            consensus.shared.state().emptied.of(&slot)
        };
        assert_eq!(emptied(), Some(other));
        consensus.propose(Mutation::Nop).await;
        consensus.trim();
        assert!(matches!(consensus.read_at(Revision(2)), ReadAt::TooLate));
        // The slots are looked at again.
        set(&consensus, ctl::cal(2), "x".to_owned()).await;
        assert_eq!(emptied(), Some(other));
        // Emptied once more, by nobody's taking: it is as free as any.
        set(&consensus, ctl::cal(1), String::new()).await;
        assert_eq!(emptied(), None);
        stop.cancel();
    };
    tokio::join!(running, test);
}
