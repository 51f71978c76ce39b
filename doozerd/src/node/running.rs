//! A node that has its cluster: from there to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::door::SharedDoor;
use super::signals::{Signals, Told};
use super::status::NodeStatus;
use super::{Start, prepare};
use crate::args::Config;
use crate::cluster::{Boot, ControlFiles, Keeper, Registry, run_pulse};
use crate::consensus::{Consensus, ConsensusThread, start_here};
use crate::net::TcpListener;
use crate::raft_types::NodeAddr;
use crate::server::{self, Arrivals, Limits, Secrets, Server};
use crate::storage::{Place, Storage};
use crate::tls::{ClientTls, Tls};
use crate::transport::{Dialer, Door};
use crate::web;

/// How long mutations that are on their way are waited for at a stop.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How often a stop looks whether they are answered.
const DRAIN_CHECK_EVERY: Duration = Duration::from_millis(5);
/// What answers get to leave after that.
const FLUSH_TIME: Duration = Duration::from_millis(50);
/// How long another node may take to lead.
const HAND_OVER_MAX: Duration = Duration::from_secs(1);
/// How often history is trimmed and idle walks are dropped.
const TRIM_EVERY: Duration = Duration::from_secs(1);

/// Where consensus runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// On a thread of its own.
    Own,
    /// Here: a simulated node has no threads.
    None,
}

/// What stops consensus.
enum Stopper {
    Thread(ConsensusThread),
    Here(CancellationToken, TaskTracker),
}

impl Stopper {
    async fn stop(self) -> Result<()> {
        match self {
            Self::Thread(thread) => {
                let stopped = tokio::task::spawn_blocking(|| thread.stop()).await;
                stopped.context("stop consensus")
            }
            Self::Here(stop, tasks) => {
                stop.cancel();
                tasks.close();
                tasks.wait().await;
                Ok(())
            }
        }
    }
}

/// A node that has its cluster.
pub struct Running {
    config: Config,
    consensus: Consensus,
    stopper: Stopper,
    listener: Arc<TcpListener>,
    arrivals: Arrivals,
    ready: CancellationToken,
    links: CancellationToken,
    porch: TaskTracker,
    door: Arc<dyn Door>,
    dialer: Dialer,
    boot: Option<Boot>,
    cluster_name: String,
    own: NodeAddr,
    tls: Option<Arc<Tls>>,
    web: Option<web::Listener>,
    files: Arc<ControlFiles>,
    started: Instant,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("consensus", &self.consensus)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Starts consensus on what was opened, and waits until there is something true to serve.
    pub(super) async fn start(
        start: &mut Start,
        storage: Storage,
        threads: Threads,
    ) -> Result<Self> {
        let started = Instant::now();
        let web = prepare::bind_web(&start.config).await?;
        let settings = start.settings()?;
        let cluster_name = storage.identity.cluster_name.clone();
        let (is_founded, attached) = (storage.founded, storage.identity.attached);
        let (stopper, consensus) = match threads {
            Threads::Own => {
                let (thread, consensus) = ConsensusThread::start(storage, settings).await?;
                (Stopper::Thread(thread), consensus)
            }
            Threads::None => {
                let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
                let (consensus, running) = start_here(storage, settings, stop.clone()).await?;
                tasks.spawn(running);
                (Stopper::Here(stop, tasks), consensus)
            }
        };
        drop(start.door.service.set(consensus.service()));
        let boot = start.boot()?;
        let running = Self {
            files: Arc::new(ControlFiles {
                consensus: consensus.clone(),
                node: consensus.node().to_string(),
                cluster: cluster_name.clone(),
                addr: start.addr.clone(),
                is_registered_elsewhere: boot.is_some(),
            }),
            boot,
            config: start.config.clone(),
            stopper,
            listener: Arc::clone(&start.listener),
            arrivals: start.arrivals.take().context("the porch is open")?,
            ready: start.ready.clone(),
            links: start.stop.clone(),
            porch: start.porch.clone(),
            door: Arc::new(SharedDoor(Arc::clone(&start.door))),
            dialer: start.dialer.clone(),
            own: NodeAddr {
                addr: start.addr.clone(),
                memory: start.place == Place::Memory,
            },
            tls: start.tls.clone(),
            consensus,
            cluster_name,
            web,
            started,
        };
        running.recover(is_founded, attached).await?;
        Ok(running)
    }

    async fn recover(&self, is_founded: bool, attached: bool) -> Result<()> {
        self.consensus.recovered().await?;
        let members = self.consensus.members();
        let is_alone = members.borrow().nodes.len() == 1;
        let is_member = members.borrow().nodes.contains_key(&self.consensus.node());
        if attached && !is_member {
            self.keeper().enter().await;
        }
        if !attached && is_alone {
            self.files.found().await?;
        }
        info!(
            node = %self.consensus.node(),
            cluster = %self.cluster_name,
            addr = %self.own.addr,
            rev = %self.consensus.published().view.rev,
            founded = is_founded && !attached,
            "serving"
        );
        Ok(())
    }

    fn keeper(&self) -> Keeper {
        Keeper {
            consensus: self.consensus.clone(),
            dialer: self.dialer.clone(),
            own: self.own.clone(),
            known: self.config.attach.clone(),
            boot: self.boot.clone(),
        }
    }

    fn server(&self) -> Server {
        let limits = &self.config.limits;
        let limits = Limits {
            value_bytes_max: limits.value_bytes_max,
            frame_bytes_max: limits.frame_bytes_max,
            connections_max: limits.connections_max,
            in_flight_max: limits.requests_in_flight_max,
            waiters_max: limits.waiters_max,
            waiters_total_max: limits.waiters_total_max,
            store_bytes_max: self.config.store_bytes,
        };
        let secrets = &self.config.secrets;
        let secrets = Secrets {
            write: secrets.rw.clone(),
            read: secrets.ro.clone(),
        };
        let door = Some(Arc::clone(&self.door));
        Server::new(self.consensus.clone(), limits, secrets, door)
    }

    fn reload(tls: Option<&Arc<Tls>>, dialled: Option<&Arc<ClientTls>>) {
        let (Some(tls), Some(dialled)) = (tls, dialled) else {
            info!("nothing to read again");
            return;
        };
        match tls.reload().and_then(|()| dialled.reload()) {
            Ok(()) => info!("certificate read again"),
            Err(error) => warn!(%error, "certificate not read again, the old one stays in use"),
        }
    }

    /// Starts what runs while the node serves.
    async fn spawn(mut self, tasks: &TaskTracker, stop: &CancellationToken) -> Result<Serving> {
        let keeper = self.keeper();
        self.ready.cancel();
        self.porch.close();
        self.porch.wait().await;
        let server = Arc::new(self.server());
        tasks.spawn(server::serve(
            Arc::clone(&server),
            self.listener,
            self.arrivals,
            self.tls.clone(),
            stop.clone(),
        ));
        let trimming = trim(self.consensus.clone(), Arc::clone(&server), stop.clone());
        tasks.spawn(trimming);
        tasks.spawn(run_pulse(
            Arc::clone(&self.files),
            self.config.pulse,
            stop.clone(),
        ));
        let (files, stopping) = (Arc::clone(&self.files), stop.clone());
        tasks.spawn(async move { files.keep(stopping).await });
        tasks.spawn(keeper.run(stop.clone()));
        if let Some(boot) = self.boot.take() {
            let registry = Registry {
                boot,
                consensus: self.consensus.clone(),
                dialer: self.dialer.clone(),
            };
            tasks.spawn(registry.run(stop.clone()));
        }
        if let Some(web) = self.web {
            let source = Arc::new(NodeStatus {
                consensus: self.consensus.clone(),
                server: Arc::clone(&server),
                cluster: self.cluster_name,
                addr: self.own.addr,
                started: self.started,
            });
            tasks.spawn(web::serve(web, source, stop.clone()));
        }
        Ok(Serving {
            consensus: self.consensus,
            server,
            stopper: self.stopper,
            links: self.links,
            tls: self.tls,
            dialled: self.dialer.tls,
        })
    }
}

/// What is left to stop.
struct Serving {
    consensus: Consensus,
    server: Arc<Server>,
    stopper: Stopper,
    links: CancellationToken,
    tls: Option<Arc<Tls>>,
    /// What other nodes are dialled with.
    dialled: Option<Arc<ClientTls>>,
}

/// Serves until told to stop, or until `end`.
pub async fn serve(running: Running, mut signals: Signals, end: CancellationToken) -> Result<()> {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let serving = running.spawn(&tasks, &stop).await?;
    while let Some(told) = end.run_until_cancelled(signals.next()).await {
        match told {
            Told::Reload => Running::reload(serving.tls.as_ref(), serving.dialled.as_ref()),
            Told::Stop => break,
        }
    }
    info!("stopping");
    serving.server.drain();
    serving.consensus.hand_over(HAND_OVER_MAX).await;
    drain(&serving.consensus).await;
    stop.cancel();
    serving.links.cancel();
    tasks.close();
    tasks.wait().await;
    serving.stopper.stop().await?;
    info!("stopped");
    Ok(())
}

async fn trim(consensus: Consensus, server: Arc<Server>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(TRIM_EVERY);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        consensus.trim();
        server.sweep();
    }
}

/// Waits until every mutation on its way is answered, or for a while.
async fn drain(consensus: &Consensus) {
    let answered = async {
        let mut tick = tokio::time::interval(DRAIN_CHECK_EVERY);
        while !consensus.is_idle() {
            tick.tick().await;
        }
    };
    if tokio::time::timeout(DRAIN_MAX, answered).await.is_err() {
        warn!(
            open = consensus.proposals_open(),
            "stopping with mutations unanswered"
        );
    }
    tokio::time::sleep(FLUSH_TIME).await;
}
