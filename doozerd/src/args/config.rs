//! What the server shall do, with every default filled in.

use std::path::PathBuf;
use std::time::Duration;

use crate::log::LogConfig;
use crate::secret::Secret;
pub use crate::tls::TlsFiles;

/// What the server shall do.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen: HOST:PORT as typed; the host may be empty.
    pub listen: String,
    /// What to tell others instead, where that is not what others can reach.
    pub advertise: Option<String>,
    /// Addresses of nodes to attach to, in the order typed.
    pub attach: Vec<String>,
    /// The `doozer:` URI of the cluster that knows where this one is.
    pub boot: Option<String>,
    /// The cluster's name; characters of a path.
    pub cluster_name: String,
    /// Whether and where to serve the status page.
    pub web: Web,
    /// Revisions of history to keep, at least 1.
    pub history_revisions: u64,
    /// The most bytes of history to keep.
    pub history_bytes: u64,
    /// The most bytes that all files may hold.
    pub store_bytes: u64,
    /// How often this node writes which revision it has applied.
    pub pulse: Duration,
    /// After how long without a word a member is kicked.
    pub timeout: Duration,
    /// The files to speak TLS with; none: no TLS.
    pub tls: Option<TlsFiles>,
    /// Whether other nodes must show a certificate.
    pub demands_certificates: bool,
    /// How soon the leader is missed.
    pub timing: TimingKind,
    /// Where everything is kept.
    pub data_dir: DataDir,
    /// Whether to go on as a new cluster of this node alone, and by how many revisions that is
    /// raised.
    pub force_new_cluster: Option<u64>,
    /// What clients must know.
    pub secrets: Secrets,
    /// What one client, or all together, may take.
    pub limits: Limits,
    /// What is logged, and how it looks.
    pub log: LogConfig,
    /// After how long a mutation that found no quorum is given up.
    pub proposal_timeout: Duration,
    /// What the operator should be told at the start, at warn.
    pub notices: Vec<String>,
}

/// Whether and where to serve the status page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Web {
    /// Nowhere.
    Off,
    /// At [`Config::web_address`], if that is free.
    Default,
    /// At this HOST:PORT, which must be free.
    Given(String),
}

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataDir {
    /// In memory alone.
    Memory,
    /// In this folder.
    Dir(PathBuf),
}

/// What clients must know. An empty one is known to everybody.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// To read and write.
    pub rw: Secret,
    /// To read.
    pub ro: Secret,
    /// What nodes know each other by: the secret, and others that are still good.
    pub peers: Vec<Secret>,
}

/// How soon the leader is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimingKind {
    /// Nodes are in one place.
    Lan,
    /// Nodes are far apart.
    Wan,
}

/// What one client, or all together, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one value.
    pub value_bytes_max: usize,
    /// Bytes of one frame's body; more than a value's.
    pub frame_bytes_max: usize,
    /// Connections open at once.
    pub connections_max: usize,
    /// Requests of one connection under way, without those that wait.
    pub requests_in_flight_max: usize,
    /// WAITs of one connection that wait.
    pub waiters_max: usize,
    /// WAITs of all connections that wait.
    pub waiters_total_max: usize,
}

/// The status page's port when nobody says.
pub(super) const WEB_PORT: u16 = 8000;

impl Config {
    /// The address to bind: that of `-l`, or any of this machine's where `-l` names no host.
    pub fn bind_address(&self) -> String {
        any_host(self.listen.clone())
    }

    /// The address of the status page; nothing when it is off.
    pub fn web_address(&self) -> Option<String> {
        match &self.web {
            Web::Off => None,
            Web::Default => {
                let (host, _port) = self.listen.rsplit_once(':').unwrap_or((&self.listen, ""));
                Some(any_host(format!("{host}:{WEB_PORT}")))
            }
            Web::Given(address) => Some(any_host(address.clone())),
        }
    }
}

fn any_host(address: String) -> String {
    if address.starts_with(':') {
        format!("0.0.0.0{address}")
    } else {
        address
    }
}
