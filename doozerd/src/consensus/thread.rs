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
use super::machine::Machine;
use super::network::NoPeers;
use super::proposer::Proposer;
use super::shared::Shared;
use crate::raft_types::{NodeAddr, NodeId, TypeConfig};
use crate::storage::Storage;
use crate::store::HistoryLimits;

type Engine = Raft<TypeConfig, Machine>;

/// Mutations that wait for their turn to be proposed.
const SUBMISSIONS_MAX: usize = 4096;
/// Bytes of mutations that are on their way.
const PROPOSALS_BYTES_MAX: usize = 128 << 20;
/// How long a start waits for the engine's recovery before it serves what it has.
const RECOVERY_MAX: Duration = Duration::from_secs(60);

/// How often it is asked whether the engine still runs.
const ROLE_CHECK_EVERY: Duration = Duration::from_millis(500);

const HEARTBEAT_MILLIS: u64 = 100;
const ELECTION_MILLIS_MIN: u64 = 300;
const ELECTION_MILLIS_MAX: u64 = 600;

/// What consensus is started with.
#[derive(Debug)]
pub struct Settings {
    /// Where this node is reached.
    pub addr: String,
    /// The cluster's name.
    pub cluster_name: String,
    /// How much history is kept.
    pub history: HistoryLimits,
    /// How long a mutation may take to be agreed on.
    pub time_limit: Duration,
    /// Tells this run from earlier ones.
    pub nonce: u64,
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
    /// Starts consensus and waits until this node has recovered what it had.
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
    let shared = Arc::new(Shared::new(node, settings.nonce, settings.history));
    let machine = Machine {
        shared: Arc::clone(&shared),
        snapshots: storage.snapshots.clone(),
    };
    let config = config(&settings.cluster_name)?;
    let refused = |error: &dyn std::fmt::Display| StartError::Engine(error.to_string());
    let engine = Raft::new(node, config, NoPeers, storage.log.clone(), machine)
        .await
        .map_err(|error| refused(&error))?;
    if !engine
        .is_initialized()
        .await
        .map_err(|error| refused(&error))?
    {
        let members = BTreeMap::from([(
            node,
            NodeAddr {
                addr: settings.addr.clone(),
            },
        )]);
        engine
            .initialize(members)
            .await
            .map_err(|error| refused(&error))?;
    }
    recover(&engine).await?;

    let (submissions, submitted) = mpsc::channel(SUBMISSIONS_MAX);
    let time_limit = settings.time_limit;
    let consensus = Consensus {
        shared: Arc::clone(&shared),
        submissions,
        budget: Arc::new(Semaphore::new(PROPOSALS_BYTES_MAX)),
        time_limit,
    };
    let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
    let proposer = Proposer {
        shared: Arc::clone(&shared),
        raft: engine.clone(),
        submissions: submitted,
        time_limit,
    };
    let compaction = Compaction {
        shared: Arc::clone(&shared),
        log: storage.log.clone(),
        snapshots: storage.snapshots.clone(),
        raft: engine.clone(),
    };
    spawn(&tasks, &cancel, proposer.run());
    spawn(&tasks, &cancel, compaction.run());
    spawn(&tasks, &cancel, watch_role(engine.clone(), shared, node));
    Ok(Running {
        engine,
        consensus,
        tasks,
        cancel,
        storage,
    })
}

fn spawn(
    tasks: &TaskTracker,
    cancel: &CancellationToken,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let cancel = cancel.clone();
    tasks.spawn(async move { cancel.run_until_cancelled(task).await });
}

fn config(cluster_name: &str) -> Result<Arc<Config>, StartError> {
    let config = Config {
        cluster_name: cluster_name.to_owned(),
        heartbeat_interval: HEARTBEAT_MILLIS,
        election_timeout_min: ELECTION_MILLIS_MIN,
        election_timeout_max: ELECTION_MILLIS_MAX,
        snapshot_policy: SnapshotPolicy::Never,
        // The log is purged by `compaction` alone.
        max_in_snapshot_log_to_keep: u64::MAX,
        enable_pre_vote: Some(true),
        ..Config::default()
    };
    config
        .validate()
        .map(Arc::new)
        .map_err(|error| StartError::Engine(error.to_string()))
}

/// A voter that is alone has nobody to ask: it leads at once, and what its log holds is applied.
async fn recover(engine: &Engine) -> Result<(), StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Recovery(error.to_string());
    if engine.voter_ids().count() == 1 {
        engine
            .trigger()
            .elect(false)
            .await
            .map_err(|error| failed(&error))?;
    }
    engine
        .wait_for_recovery(Some(RECOVERY_MAX))
        .await
        .map_err(|error| failed(&error))
        .map(drop)
}

/// Says when this node begins or ceases to lead, and when its part in consensus has ended.
async fn watch_role(engine: Engine, shared: Arc<Shared>, node: NodeId) {
    let mut metrics = engine.server_metrics();
    let mut fatal = engine.metrics();
    let mut before = ServerState::default();
    loop {
        let state = metrics.borrow_and_update().state;
        let term = metrics.borrow_watched().vote.leader_id().term;
        if state != before {
            match state {
                ServerState::Leader => info!(%node, term, "became leader"),
                _ if before == ServerState::Leader => info!(%node, term, ?state, "leads no more"),
                _ => {}
            }
            before = state;
        }
        let running = fatal.borrow_and_update().running_state.clone();
        if let Err(reason) = running {
            let reason = super::proposer::describe(&reason);
            if shared.stop(&reason) {
                error!(%reason, "stopped writing; reads go on: mend the cause and restart");
            }
            return;
        }
        // The engine's full metrics change with every entry: they are looked at now and then.
        drop(tokio::time::timeout(ROLE_CHECK_EVERY, metrics.changed()).await);
    }
}
