//! One node from start to stop: opens what it needs in order, closes it in reverse.

mod control_files;
mod found;
mod pulse;
mod signals;
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::args::{Config, DataDir, Web};
use crate::consensus::{Consensus, ConsensusThread, Settings};
use crate::machine;
use crate::server::{self, Limits, Secrets, Server};
use crate::storage::{Execution, Place, Storage, StorageOptions};
use crate::store::HistoryLimits;
use crate::tls::Tls;
use crate::web::{self, Opened};
use control_files::ControlFiles;
use status::NodeStatus;

/// How long mutations that are on their way are waited for at a stop.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How often a stop looks whether they are answered.
const DRAIN_CHECK_EVERY: Duration = Duration::from_millis(5);
/// What answers get to leave after that.
const FLUSH_TIME: Duration = Duration::from_millis(50);
/// How often history is trimmed and idle walks are dropped.
const TRIM_EVERY: Duration = Duration::from_secs(1);

/// Serves until the process is told to stop.
pub async fn run(config: Config) -> Result<()> {
    for notice in &config.notices {
        warn!("{notice}");
    }
    raise_limits(&config);
    if !config.attach.is_empty() || config.boot.is_some() {
        bail!(
            "attach to a cluster (-a, -b): this version serves a cluster of one node; start it \
             without -a and -b to found one"
        );
    }
    let tls = match &config.tls {
        Some(files) => Some(Arc::new(Tls::load(&files.cert, &files.key)?)),
        None => None,
    };
    let address = config.bind_address();
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("listen on {address} for clients (-l)"))?;
    let addr = advertised(&config.listen, &listener)?;
    let web = bind_web(&config).await?;

    let storage = open_storage(&config)?;
    let cluster_name = storage.identity.cluster_name.clone();
    let founded = storage.founded;
    let started = Instant::now();
    let settings = Settings {
        addr: addr.clone(),
        cluster_name: cluster_name.clone(),
        history: HistoryLimits {
            revisions: config.history_revisions,
            bytes: config.history_bytes,
        },
        time_limit: config.proposal_timeout,
        nonce: u64::from_be_bytes(found::random()?),
    };
    let (thread, consensus) = ConsensusThread::start(storage, settings).await?;
    let node = Running {
        config,
        consensus,
        cluster_name,
        addr,
        tls,
        started,
    };
    info!(
        node = %node.consensus.node(),
        cluster = %node.cluster_name,
        addr = %node.addr,
        rev = %node.consensus.published().view.rev,
        founded,
        "serving"
    );
    let served = node.serve(listener, web).await;
    let stopped = tokio::task::spawn_blocking(|| thread.stop()).await;
    served?;
    stopped.context("stop consensus")?;
    info!("stopped");
    Ok(())
}

/// A node whose state is there.
struct Running {
    config: Config,
    consensus: Consensus,
    cluster_name: String,
    addr: String,
    tls: Option<Arc<Tls>>,
    started: Instant,
}

impl Running {
    async fn serve(self, listener: TcpListener, web: Option<TcpListener>) -> Result<()> {
        let mut signals = signals::Signals::new()?;
        let files = ControlFiles {
            consensus: self.consensus.clone(),
            node: self.consensus.node().to_string(),
            cluster: self.cluster_name.clone(),
            addr: self.addr.clone(),
        };
        files.write().await?;

        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let server = Arc::new(self.server());
        let tls = self.tls.clone();
        tasks.spawn(server::serve(
            Arc::clone(&server),
            listener,
            tls,
            stop.clone(),
        ));
        tasks.spawn(trim(
            self.consensus.clone(),
            Arc::clone(&server),
            stop.clone(),
        ));
        tasks.spawn(pulse::run(files, self.config.pulse, stop.clone()));
        if let Some(web) = web {
            let source = Arc::new(NodeStatus {
                consensus: self.consensus.clone(),
                server: Arc::clone(&server),
                cluster: self.cluster_name.clone(),
                addr: self.addr.clone(),
                started: self.started,
            });
            tasks.spawn(web::serve(web, source, stop.clone()));
        }
        while signals.next().await == signals::Told::Reload {
            self.reload();
        }
        info!("stopping");
        server.drain();
        drain(&self.consensus).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(())
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
        Server::new(self.consensus.clone(), limits, secrets)
    }

    fn reload(&self) {
        let Some(tls) = &self.tls else {
            info!("nothing to read again");
            return;
        };
        match tls.reload() {
            Ok(()) => info!("certificate read again"),
            Err(error) => warn!(%error, "certificate not read again, the old one stays in use"),
        }
    }
}

fn raise_limits(config: &Config) {
    match machine::raise_open_files() {
        Ok(files) => {
            if let Some(missing) = files.missing_for(config.limits.connections_max as u64) {
                warn!(
                    limit = files.limit,
                    missing, "open files: fewer than --connections-max"
                );
            }
        }
        Err(error) => warn!(%error, "limit on open files not raised"),
    }
}

/// What others are told: `-l` as typed, with the port that the system gave for port 0.
fn advertised(listen: &str, listener: &TcpListener) -> Result<String> {
    let bound = listener
        .local_addr()
        .context("read the address listened on")?;
    Ok(match listen.rsplit_once(':') {
        Some((host, "0")) => format!("{host}:{}", bound.port()),
        _ => listen.to_owned(),
    })
}

async fn bind_web(config: &Config) -> Result<Option<TcpListener>> {
    let Some(address) = config.web_address() else {
        return Ok(None);
    };
    match web::open(&address, config.web != Web::Default).await? {
        Opened::Listening(listener) => Ok(Some(listener)),
        Opened::Without(error) => {
            warn!(error = %anyhow::Error::from(error), "no status page: give another address with -w");
            Ok(None)
        }
    }
}

fn open_storage(config: &Config) -> Result<Storage> {
    let place = match &config.data_dir {
        DataDir::Memory => Place::Memory,
        DataDir::Dir(dir) => Place::Dir(dir.clone()),
    };
    let identity = found::identity(&config.cluster_name)?;
    // A voter that is alone has nobody to talk to while it syncs: its log is written where
    // consensus runs, which saves two changes of thread a write.
    let options = StorageOptions {
        execution: Execution::Inline,
    };
    let storage = Storage::open(&place, || identity, options)?;
    match (&place, storage.founded) {
        (Place::Memory, _) => {
            warn!("data is kept in memory only: it is lost when this process ends");
        }
        (Place::Dir(dir), true) => {
            warn!(dir = %dir.display(), cluster = %config.cluster_name, "founded a new cluster");
        }
        (Place::Dir(dir), false) => info!(dir = %dir.display(), "opened"),
    }
    let kept = &storage.identity.cluster_name;
    if *kept != config.cluster_name {
        warn!(%kept, given = %config.cluster_name, "-c differs from the data folder's: it is left");
    }
    Ok(storage)
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
        while consensus.proposals_open() > 0 {
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
