//! The `DzNS`: another cluster, in which this one is registered and found.
//!
//! # The election
//! `/ctl/ns/NAME/ID` there holds the address of member ID of the cluster NAME, `/ctl/boot/NAME` the
//! id of the node that founded it. A node with an empty folder asks every address registered; if one
//! holds the cluster, it attaches. Else it writes its own address, and then its id to the boot file
//! at revision 0: whoever succeeds founds, whoever does not looks again. The id is kept in the
//! folder before the election (`Storage::candidate`), so that a founder that dies right after it
//! recognises itself.
//!
//! A boot file that names a node nobody can reach is never cleared by a node: its founder may only
//! be down. Who is sure that it is gone for good deletes the file, and the waiting nodes elect anew.
//!
//! # The registry
//! A member keeps its address registered, a node that is none has nothing there, and the leader
//! removes what nodes that are gone have left.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use doozer_client::{Client, Code, DoozerUri, ErrCode, Error, Options, Secret};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::ask::probe;
use crate::consensus::Consensus;
use crate::raft_types::NodeId;
use crate::transport::{ClusterId, Dialer};

/// How often the registry is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long the `DzNS` may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How an election ended.
#[derive(Debug)]
pub(super) enum Elected {
    /// This node founds.
    Founder,
    /// There is a cluster.
    Cluster(ClusterId, Vec<String>),
    /// Neither yet, and why.
    Later(String),
}

/// Where a cluster is registered.
#[derive(Debug, Clone)]
pub struct Boot {
    /// The `DzNS`.
    pub uri: DoozerUri,
    /// As it was typed.
    pub typed: String,
    /// Sent to it, after the URI's own secret.
    pub secret: Option<Secret>,
    /// The cluster's name.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// Where it is reached.
    pub addr: String,
}

impl Boot {
    async fn client(&self) -> Result<Client> {
        let options = Options {
            dial_timeout: ANSWER_MAX,
            request_timeout: Some(ANSWER_MAX),
            secret: self.secret.clone(),
            ..Options::default()
        };
        Client::connect(&self.uri, options)
            .await
            .with_context(|| format!("ask the DzNS at {}", self.typed))
    }

    fn ns(&self, node: &str) -> String {
        format!("/ctl/ns/{}/{node}", self.cluster)
    }

    fn boot(&self) -> String {
        format!("/ctl/boot/{}", self.cluster)
    }

    /// One round of the election.
    pub(super) async fn elect(&self, dialer: &Dialer) -> Result<Elected> {
        let client = self.client().await?;
        let me = self.node.to_string();
        let registered = client.walk_all(&self.ns("*"), None).await;
        let registered = registered.context("read who is registered at the DzNS")?;
        let mut silent = Vec::new();
        for entry in registered {
            let addr = String::from_utf8_lossy(&entry.value).into_owned();
            if entry.path.ends_with(&me) {
                continue;
            }
            match probe(dialer, &addr).await {
                Ok(Some(cluster)) => {
                    info!(dzns = self.typed, addr, "found a member through the DzNS");
                    return Ok(Elected::Cluster(cluster, vec![addr]));
                }
                Ok(None) => {}
                Err(error) => silent.push(error.to_string()),
            }
        }
        client
            .set(&self.ns(&me), -1, self.addr.clone())
            .await
            .context("register this node at the DzNS")?;
        match client.set(&self.boot(), 0, me.clone()).await {
            Ok(_) => {
                info!(
                    dzns = self.typed,
                    cluster = self.cluster,
                    "won the election: founding"
                );
                Ok(Elected::Founder)
            }
            Err(Error::Refused {
                code: Code::Known(ErrCode::RevMismatch),
                ..
            }) => self.lost(&client, &me, &silent).await,
            Err(error) => Err(error).context("stand for election at the DzNS"),
        }
    }

    async fn lost(&self, client: &Client, me: &str, silent: &[String]) -> Result<Elected> {
        let founder = client.get(&self.boot(), None).await;
        let founder = founder.context("read who founded the cluster")?;
        let founder = String::from_utf8_lossy(&founder.value).into_owned();
        if founder == me {
            info!(dzns = self.typed, "won the election before: founding");
            return Ok(Elected::Founder);
        }
        let silent = if silent.is_empty() {
            String::new()
        } else {
            format!(" ({})", silent.join("; "))
        };
        Ok(Elected::Later(format!(
            "node {founder} founded the cluster {:?}, says {} at {}, and no registered member \
             answers{silent}; if it is gone for good, run: doozer -a '{}' del {} -1",
            self.cluster,
            self.boot(),
            self.typed,
            self.typed,
            self.boot(),
        )))
    }
}

/// Keeps the registry true.
#[derive(Debug)]
pub struct Registry {
    /// Where.
    pub boot: Boot,
    /// The state.
    pub consensus: Consensus,
}

impl Registry {
    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut client = None;
        loop {
            if let Err(error) = self.look(&mut client).await {
                debug!(error = %format_args!("{error:#}"), "registry not looked at");
                client = None;
            }
            if stop
                .run_until_cancelled(tokio::time::sleep(LOOK_EVERY))
                .await
                .is_none()
            {
                return;
            }
        }
    }

    async fn look(&self, kept: &mut Option<Client>) -> Result<()> {
        let client = match kept {
            Some(client) => client,
            None => kept.insert(self.boot.client().await?),
        };
        let members = Arc::clone(&self.consensus.members().borrow());
        let leads = self.consensus.leader().map(|(leader, _)| leader) == Some(self.boot.node);
        let me = self.boot.node.to_string();
        let is_writable = self.consensus.is_writable();
        let is_member = |id: &str| {
            id.parse()
                .is_ok_and(|id: NodeId| members.nodes.contains_key(&id))
        };
        let mut is_there = false;
        for entry in client.walk_all(&self.boot.ns("*"), None).await? {
            let id = entry.path.rsplit('/').next().unwrap_or_default();
            let is_own = id == me;
            is_there |= is_own && entry.value == self.boot.addr.as_bytes();
            if (is_own && !is_writable) || (!is_own && leads && !is_member(id)) {
                client.del(&entry.path, entry.rev).await?;
                info!(
                    node = id,
                    dzns = self.boot.typed,
                    "entry of no member removed"
                );
            }
        }
        if is_writable && !is_there {
            client
                .set(&self.boot.ns(&me), -1, self.boot.addr.clone())
                .await?;
            info!(dzns = self.boot.typed, addr = self.boot.addr, "registered");
        }
        Ok(())
    }
}
