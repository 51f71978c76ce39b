//! One node from start to stop: opens what it needs in order, closes it in reverse.
//!
//! The port is open from the beginning, since other nodes must be able to talk to this one while it
//! looks for its cluster and while it finds out what was agreed on (`server::Porch`). Clients that
//! come then wait until there is something true to answer them.

mod door;
mod force;
mod prepare;
mod running;
mod signals;
mod status;

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::args::{Config, DataDir, TimingKind};
use crate::cluster::{Boot, Finder, Found};
use crate::consensus::{Settings, Timing};
use crate::net::{self, TcpListener};
use crate::raft_types::NodeId;
use crate::random;
use crate::server::{Arrivals, Porch};
use crate::storage::{Execution, Identity, Place, Storage, StorageOptions};
use crate::store::HistoryLimits;
use crate::tls::{ClientTls, Tls};
use crate::transport::{Acceptor, ClusterId, Dialer, PeerSecrets, Standing};
use door::{PeerDoor, SharedDoor};
use force::{Forced, Others};

pub use running::{Running, Threads, serve};
pub use signals::Signals;

/// Serves until the process is told to stop.
pub async fn run(config: Config) -> Result<()> {
    let signals = Signals::new()?;
    prepare::tell(&config);
    let mut node = Start::new(config).await?;
    let mut told = signals;
    let stop = CancellationToken::new();
    let starting = node.start(Threads::Own);
    let running = tokio::select! {
        running = starting => running?,
        () = told.stopped() => {
            info!("stopped before there was a cluster");
            return Ok(());
        }
    };
    serve(running, told, stop).await
}

/// A node that is on its way to its cluster.
pub struct Start {
    config: Config,
    listener: Arc<TcpListener>,
    addr: String,
    place: Place,
    /// What the folder holds.
    storage: Option<Storage>,
    node: NodeId,
    door: Arc<PeerDoor>,
    dialer: Dialer,
    tls: Option<Arc<Tls>>,
    arrivals: Option<Arrivals>,
    /// Ends the porch.
    ready: CancellationToken,
    /// Ends links that came in by the porch.
    stop: CancellationToken,
    porch: TaskTracker,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start")
            .field("node", &self.node)
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Start {
    /// Opens the port and the folder.
    pub async fn new(config: Config) -> Result<Self> {
        let place = match &config.data_dir {
            DataDir::Memory => Place::Memory,
            DataDir::Dir(dir) => Place::Dir(dir.clone()),
        };
        Self::at(config, place).await
    }

    /// As [`Start::new`], but everything is kept at `place`, whatever the settings say.
    pub async fn at(config: Config, place: Place) -> Result<Self> {
        let (tls, client_tls) = match &config.tls {
            Some(files) => (
                Some(Arc::new(Tls::load(files)?)),
                Some(Arc::new(ClientTls::load(files)?)),
            ),
            None => (None, None),
        };
        let address = config.bind_address();
        let listener = net::listen(&address)
            .await
            .with_context(|| format!("listen on {address} for clients (-l)"))?;
        let addr = prepare::advertised(&config, &listener)?;
        let secrets = PeerSecrets::new(config.secrets.peers.clone());
        let others = Others {
            secrets: secrets.clone(),
            tls: client_tls.clone(),
        };
        let storage = opened(&config, &place, (&addr, &others)).await?;
        let node = match &storage {
            Some(storage) => storage.identity.node,
            None => new_node(&config, &place)?,
        };
        let kept = storage.as_ref().map(|s| s.identity.cluster_name.clone());
        let name = kept.unwrap_or_else(|| config.cluster_name.clone());
        if name != config.cluster_name {
            warn!(kept = %name, given = %config.cluster_name, "-c differs from the data folder's: it is left");
        }
        let standing = Arc::new(Standing::new(node, name));
        if let Some(storage) = &storage {
            standing.hold(storage.identity.cluster_id);
        }
        let acceptor = Acceptor {
            local: Arc::clone(&standing),
            secrets: secrets.clone(),
            demands_certificate: config.demands_certificates,
        };
        Ok(Self {
            door: Arc::new(PeerDoor::new(acceptor)),
            dialer: Dialer {
                local: standing,
                secrets,
                tls: client_tls,
            },
            config,
            listener: Arc::new(listener),
            addr,
            place,
            storage,
            node,
            tls,
            arrivals: None,
            ready: CancellationToken::new(),
            stop: CancellationToken::new(),
            porch: TaskTracker::new(),
        })
    }

    /// Finds the cluster, starts consensus, and waits until there is something true to serve.
    pub async fn start(&mut self, threads: Threads) -> Result<Running> {
        self.open_porch();
        let storage = match self.storage.take() {
            Some(storage) => {
                info!(place = ?self.place, "opened");
                storage
            }
            None => self.find_cluster().await?,
        };
        Running::start(self, storage, threads).await
    }

    fn open_porch(&mut self) {
        let door = Arc::new(SharedDoor(Arc::clone(&self.door)));
        let (porch, arrivals) = Porch::new(door, self.tls.clone());
        self.arrivals = Some(arrivals);
        let listener = Arc::clone(&self.listener);
        let (ready, stop) = (self.ready.clone(), self.stop.clone());
        self.porch
            .spawn(async move { porch.receive(&listener, ready, stop).await });
    }

    async fn find_cluster(&mut self) -> Result<Storage> {
        let finder = Finder {
            dialer: self.dialer.clone(),
            own: self.addr.clone(),
            typed: self.config.listen.clone(),
            attach: self.config.attach.clone(),
            boot: self.boot()?,
        };
        let (cluster, attached) = match finder.find().await? {
            Found::Nothing => (drawn()?, false),
            Found::Cluster(id, at) => {
                let known = &mut self.config.attach;
                known.extend(at);
                known.sort();
                known.dedup();
                (id, true)
            }
        };
        let storage = self.found(cluster, attached)?;
        let cluster = &self.config.cluster_name;
        match (&self.place, attached) {
            (_, true) => {
                let at = self.config.attach.join(", ");
                info!(%cluster, node = %self.node, at, "attaching to a cluster");
            }
            (Place::Dir(dir), false) => {
                warn!(dir = %dir.display(), %cluster, "founded a new cluster");
            }
            (_, false) => {}
        }
        if self.place == Place::Memory {
            warn!("data is kept in memory only: it is lost when this process ends");
        }
        Ok(storage)
    }

    fn found(&self, cluster_id: ClusterId, attached: bool) -> Result<Storage> {
        let identity = Identity {
            cluster_id,
            cluster_name: self.config.cluster_name.clone(),
            node: self.node,
            attached,
        };
        open(&self.place, move || identity)
    }

    fn boot(&self) -> Result<Option<Boot>> {
        let Some(typed) = &self.config.boot else {
            return Ok(None);
        };
        // Not shown: there may be a secret in it.
        let uri = typed.parse();
        let uri = uri.context("read the DzNS' URI, given with -b or in DOOZER_BOOT_URI")?;
        let secret = &self.config.secrets.rw;
        let secret =
            (!secret.is_empty()).then(|| doozer_client::Secret::new(secret.reveal().to_vec()));
        Ok(Some(Boot {
            uri,
            secret,
            cluster: self.config.cluster_name.clone(),
            node: self.node,
            addr: self.addr.clone(),
        }))
    }

    fn settings(&self) -> Result<Settings> {
        Ok(Settings {
            addr: self.addr.clone(),
            memory: self.place == Place::Memory,
            history: HistoryLimits {
                revisions: self.config.history_revisions,
                bytes: self.config.history_bytes,
            },
            time_limit: self.config.proposal_timeout,
            timeout: self.config.timeout,
            timing: match self.config.timing {
                TimingKind::Lan => Timing::LAN,
                TimingKind::Wan => Timing::WAN,
            },
            nonce: u64::from_be_bytes(drawn()?),
            dialer: self.dialer.clone(),
        })
    }
}

fn drawn<const N: usize>() -> Result<[u8; N]> {
    random::bytes().context("draw random bytes")
}

/// What stands at `place`, if anything does; made a new cluster's first, where that is asked for.
async fn opened(
    config: &Config,
    place: &Place,
    (addr, others): (&str, &Others),
) -> Result<Option<Storage>> {
    let open = || open(place, || unreachable_identity(config));
    let storage = if Storage::is_fresh(place)? {
        None
    } else {
        Some(open()?)
    };
    let Some(bump) = config.force_new_cluster else {
        return Ok(storage);
    };
    let storage = storage.context(force::NOTHING_THERE)?;
    match force::new_cluster(storage, others, (addr, bump)).await? {
        Forced::Already(storage) => Ok(Some(storage)),
        Forced::Made => open().map(Some),
    }
}

fn new_node(config: &Config, place: &Place) -> Result<NodeId> {
    let fresh = NodeId(drawn()?);
    if config.boot.is_none() {
        return Ok(fresh);
    }
    Ok(Storage::candidate(place, fresh)?)
}

fn open(place: &Place, identity: impl FnOnce() -> Identity) -> Result<Storage> {
    let execution = if cfg!(feature = "simulation") {
        Execution::Inline
    } else {
        Execution::Thread
    };
    Ok(Storage::open(
        place,
        identity,
        StorageOptions { execution },
    )?)
}

/// A folder that held something a moment ago, and does not any more: whoever emptied it gets a
/// node that can do nothing with it.
fn unreachable_identity(config: &Config) -> Identity {
    Identity {
        cluster_id: [0; 16],
        cluster_name: config.cluster_name.clone(),
        node: NodeId::default(),
        attached: true,
    }
}
