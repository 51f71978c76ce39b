//! The thread that consensus runs on: started with the storage, stopped before it is closed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::{Config, Raft, ServerState, SnapshotPolicy};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use super::compaction::Compaction;
use super::handle::Consensus;
use super::leader::Leader;
use super::machine::Machine;
use super::memberships::Memberships;
use super::network::Peers;
use super::proposer::Proposer;
use super::route::{Route, describe};
use super::service::Peering;
use super::shared::Shared;
use super::timing::Timing;
use crate::raft_types::{NodeAddr, NodeId, TypeConfig};
use crate::storage::{LogStore, Storage};
use crate::store::HistoryLimits;
use crate::transport::Dialer;

/// The engine.
pub(super) type Engine = Raft<TypeConfig, Machine>;

/// Mutations that wait for their turn to be proposed.
const SUBMISSIONS_MAX: usize = 4096;
/// Bytes of mutations that are on their way.
pub(super) const PROPOSALS_BYTES_MAX: usize = 128 << 20;

/// How often it is asked whether the engine still runs.
const ROLE_CHECK_EVERY: Duration = Duration::from_millis(500);
/// Entries in one message to another node.
const ENTRIES_IN_MESSAGE_MAX: u64 = 256;
/// How long a whole snapshot may take to reach another node.
const SNAPSHOT_MILLIS_MAX: u64 = 600_000;
/// Rests before a node that cannot be reached is tried again.
const BACKOFF: &str = "50ms 100ms 200ms ...400ms";

/// What consensus is started with.
#[derive(Debug)]
pub struct Settings {
    /// Where this node is reached.
    pub addr: String,
    /// Whether it keeps everything in memory.
    pub memory: bool,
    /// How much history is kept.
    pub history: HistoryLimits,
    /// How long a mutation may take to be agreed on.
    pub time_limit: Duration,
    /// After what silence a node is removed.
    pub timeout: Duration,
    /// How quickly the leader is missed.
    pub timing: Timing,
    /// Tells this run from earlier ones.
    pub nonce: u64,
    /// Makes links to other nodes.
    pub dialer: Dialer,
}

/// Why consensus did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No thread could be had.
    #[error("start the consensus thread")]
    Thread(#[source] std::io::Error),
    /// The engine refused its settings or its storage.
    #[error("start the consensus engine: {0}")]
    Engine(String),
    /// The log was not applied in time.
    #[error("recover from the log: {0}")]
    Recovery(String),
}

/// The running thread. Dropping it stops nothing: call [`ConsensusThread::stop`].
#[derive(Debug)]
pub struct ConsensusThread {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl ConsensusThread {
    /// Starts consensus. The node takes part in it at once; [`Consensus::recovered`] says when it
    /// has what it had.
    pub async fn start(
        storage: Storage,
        settings: Settings,
    ) -> Result<(Self, Consensus), StartError> {
        let (started_tx, started) = oneshot::channel();
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let thread = std::thread::Builder::new()
            .name("consensus".to_owned())
            .spawn(move || run(storage, settings, &stopping, started_tx))
            .map_err(StartError::Thread)?;
        let ended = || StartError::Engine("its thread ended".to_owned());
        let consensus = started.await.map_err(|_closed| ended())??;
        Ok((Self { stop, thread }, consensus))
    }

    /// Stops the engine and closes the storage.
    pub fn stop(self) {
        self.stop.cancel();
        if self.thread.join().is_err() {
            error!("the consensus thread panicked");
        }
    }
}

/// Starts consensus on the runtime that this is called on, and keeps it there until `stop`: for a
/// simulated node, which has no threads.
pub async fn start_here(
    storage: Storage,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(Consensus, impl Future<Output = ()> + Send), StartError> {
    let running = start(storage, settings).await?;
    let consensus = running.consensus.clone();
    Ok((consensus, async move { running.until(&stop).await }))
}

type Started = oneshot::Sender<Result<Consensus, StartError>>;

fn run(storage: Storage, settings: Settings, stop: &CancellationToken, started: Started) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            drop(started.send(Err(StartError::Thread(error))));
            return;
        }
    };
    runtime.block_on(async {
        match start(storage, settings).await {
            Ok(running) => {
                drop(started.send(Ok(running.consensus.clone())));
                running.until(stop).await;
            }
            Err(error) => drop(started.send(Err(error))),
        }
    });
}

/// Everything that runs on the thread.
struct Running {
    engine: Engine,
    consensus: Consensus,
    tasks: TaskTracker,
    cancel: CancellationToken,
    storage: Storage,
}

impl Running {
    async fn until(self, stop: &CancellationToken) {
        stop.cancelled().await;
        self.consensus.shared.stop("this node is stopping");
        if let Err(error) = self.engine.shutdown().await {
            error!(%error, "stop the consensus engine");
        }
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = self.storage.log.close() {
            error!(%error, "close the storage");
        }
    }
}

async fn start(storage: Storage, settings: Settings) -> Result<Running, StartError> {
    let node = storage.identity.node;
    let dialer = settings.dialer.clone();
    dialer.local.hold(storage.identity.cluster_id);
    let standing = Arc::clone(&dialer.local);
    let shared = Arc::new(Shared::new(standing, settings.nonce, settings.history));
    let machine = Machine {
        shared: Arc::clone(&shared),
        log: storage.log.clone(),
        snapshots: storage.snapshots.clone(),
    };
    let cluster_name = storage.identity.cluster_name.clone();
    let config = config(&cluster_name, settings.timing)?;
    let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
    let peers = Peers::new(dialer.clone(), storage.snapshots.clone(), tasks.clone());
    let committed = storage.log.committed();
    let engine = Raft::new(node, config, peers.clone(), storage.log.clone(), machine)
        .await
        .map_err(|error| StartError::Engine(error.to_string()))?;
    if !storage.identity.attached {
        found(&engine, node, &settings).await?;
    }
    let memberships = Arc::new(Memberships::new(
        engine.clone(),
        Arc::clone(&shared),
        (dialer, peers.heard()),
        (settings.timing, cluster_name),
    ));
    let (submissions, submitted) = mpsc::channel(SUBMISSIONS_MAX);
    let consensus = Consensus {
        shared: Arc::clone(&shared),
        submissions,
        budget: Arc::new(Semaphore::new(PROPOSALS_BYTES_MAX)),
        time_limit: settings.time_limit,
        engine: engine.clone(),
        committed,
        service: Arc::new(Peering {
            engine: engine.clone(),
            snapshots: storage.snapshots.clone(),
            memberships: Arc::clone(&memberships),
        }),
    };
    let proposer = Proposer {
        shared: Arc::clone(&shared),
        route: Route {
            engine: engine.clone(),
            peers: peers.clone(),
        },
        submissions: submitted,
        time_limit: settings.time_limit,
    };
    let leader = Leader::new(memberships, settings.timeout);
    let running = Running {
        engine,
        consensus,
        tasks,
        cancel,
        storage,
    };
    running.spawn(proposer.run());
    running.spawn(leader.run());
    running.spawn_watchers(shared, peers);
    Ok(running)
}

impl Running {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tasks
            .spawn(async move { cancel.run_until_cancelled(task).await });
    }

    fn spawn_watchers(&self, shared: Arc<Shared>, peers: Peers) {
        let compaction = Compaction {
            shared: Arc::clone(&shared),
            log: self.storage.log.clone(),
            snapshots: self.storage.snapshots.clone(),
            raft: self.engine.clone(),
        };
        let role = Role {
            engine: self.engine.clone(),
            shared,
            node: self.storage.identity.node,
            log: self.storage.log.clone(),
            peers,
        };
        self.spawn(compaction.run());
        self.spawn(role.watch());
    }
}

/// Makes a cluster of this node alone, unless its folder holds one.
async fn found(engine: &Engine, node: NodeId, settings: &Settings) -> Result<(), StartError> {
    let refused = |error: &dyn std::fmt::Display| StartError::Engine(error.to_string());
    let is_there = engine.is_initialized().await;
    if is_there.map_err(|error| refused(&error))? {
        return Ok(());
    }
    let addr = NodeAddr {
        addr: settings.addr.clone(),
        memory: settings.memory,
    };
    engine
        .initialize(BTreeMap::from([(node, addr)]))
        .await
        .map_err(|error| refused(&error))
}

fn config(cluster_name: &str, timing: Timing) -> Result<Arc<Config>, StartError> {
    let config = Config {
        cluster_name: cluster_name.to_owned(),
        heartbeat_interval: timing.heartbeat_millis,
        election_timeout_min: timing.election_millis_min,
        election_timeout_max: timing.election_millis_max,
        install_snapshot_timeout: SNAPSHOT_MILLIS_MAX,
        max_payload_entries: ENTRIES_IN_MESSAGE_MAX,
        backoff: BACKOFF.to_owned(),
        snapshot_policy: SnapshotPolicy::Never,
        // The log is purged by `compaction` alone.
        max_in_snapshot_log_to_keep: u64::MAX,
        enable_pre_vote: Some(true),
        // Entries go to others before they are on this disk. Back in office in the same term, a
        // leader whose disk has lost some would give their places to other entries.
        enable_leader_restore: Some(false),
        // The connected part of a cluster gets its chance to elect another leader.
        quorum_loss_probe_interval: Some(2 * timing.election_millis_max),
        ..Config::default()
    };
    config
        .validate()
        .map(Arc::new)
        .map_err(|error| StartError::Engine(error.to_string()))
}

/// Watches which part this node has in the cluster.
struct Role {
    engine: Engine,
    shared: Arc<Shared>,
    node: NodeId,
    log: LogStore,
    peers: Peers,
}

impl Role {
    /// Says when this node begins or ceases to lead, and when its part in consensus has ended.
    async fn watch(self) {
        let mut metrics = self.engine.server_metrics();
        let mut before = ServerState::default();
        loop {
            let (state, term, nodes) = {
                let metrics = metrics.borrow_and_update();
                let membership = metrics.membership_config.membership();
                let nodes = membership.nodes();
                let nodes: BTreeMap<NodeId, String> =
                    nodes.map(|(id, node)| (*id, node.addr.clone())).collect();
                (metrics.state, metrics.vote.leader_id().term, nodes)
            };
            if state != before {
                self.tell(before, state, term);
                before = state;
            }
            // Nobody waits for a node that is alone: it writes its log where consensus runs, which
            // saves two changes of thread a write.
            self.log
                .set_by_caller(nodes.len() == 1 && nodes.contains_key(&self.node));
            self.peers.keep_only(nodes);
            if self.has_ended() {
                return;
            }
            // The engine's full metrics change with every entry: they are looked at now and then.
            drop(tokio::time::timeout(ROLE_CHECK_EVERY, metrics.changed()).await);
        }
    }

    fn has_ended(&self) -> bool {
        let running = self.engine.metrics().borrow_watched().running_state.clone();
        let Err(reason) = running else { return false };
        self.shared.fail(&describe(&reason));
        true
    }

    fn tell(&self, before: ServerState, now: ServerState, term: u64) {
        let node = self.node;
        match (before, now) {
            (_, ServerState::Leader) => info!(%node, term, "became leader"),
            (ServerState::Leader, _) => info!(%node, term, state = ?now, "leads no more"),
            (ServerState::Learner, ServerState::Follower) => info!(%node, term, "became a voter"),
            (ServerState::Follower | ServerState::Candidate, ServerState::Learner) => {
                info!(%node, term, "votes no more");
            }
            _ => {}
        }
    }
}
