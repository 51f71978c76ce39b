//! The `DzNS`: another cluster, in which this one is registered and found.
//!
//! # The election
//! `/ctl/ns/NAME/ID` there holds the address of member ID of the cluster NAME, `/ctl/boot/NAME` the
//! id of the node that founded it. A node with an empty folder asks every address registered; if one
//! holds the cluster, it attaches. Else, where nobody founded it yet, it writes its own address, and
//! then its id to the boot file at revision 0: whoever succeeds founds, whoever does not looks again.
//! The id is kept in the folder before the election (`Storage::candidate`), so that a founder that
//! dies right after it recognises itself.
//!
//! A round that can change nothing writes nothing: those who wait leave the `DzNS` its history.
//!
//! A boot file that names a node nobody can reach is never cleared by a node: its founder may only
//! be down. Who is sure that it is gone for good deletes the file, and the waiting nodes elect anew.

use std::time::Duration;

use anyhow::{Context, Result};
use doozer_client::{Client, Code, DoozerUri, ErrCode, Error, Options, Secret};
use tracing::{debug, info};

use super::ask::meet;
use super::said::Said;
use crate::raft_types::NodeId;
use crate::transport::{ClusterId, Dialer};

/// How long the `DzNS` may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How an election ended.
#[derive(Debug)]
pub(super) enum Elected {
    /// This node founds.
    Founder,
    /// There is a cluster.
    Cluster(ClusterId, Vec<String>),
    /// Neither yet.
    Later,
}

/// Where a cluster is registered.
#[derive(Debug, Clone)]
pub struct Boot {
    /// The `DzNS`.
    pub uri: DoozerUri,
    /// Sent to it, after the URI's own secret.
    pub secret: Option<Secret>,
    /// The cluster's name.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// Where it is reached.
    pub addr: String,
}

/// An entry of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) rev: i64,
    pub(super) addr: String,
}

impl Entry {
    /// The id of the node that it is of.
    pub(super) fn id(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// What the nodes that are registered showed.
enum Seen {
    Cluster(ClusterId, String),
    /// The founder itself is on its way.
    Founding(String),
    /// Why none of them is of any use, one by one.
    Nothing(Vec<String>),
}

impl Boot {
    /// A connection to the `DzNS`.
    pub(super) async fn client(&self) -> Result<Client> {
        let options = Options {
            dial_timeout: ANSWER_MAX,
            request_timeout: Some(ANSWER_MAX),
            ..Options::default()
        };
        let client = Client::connect(&self.uri, options).await;
        let client = client.map_err(|error| match error {
            refused @ Error::Refused { .. } => {
                anyhow::Error::from(refused).context(self.cannot("gain access"))
            }
            error => anyhow::Error::from(error).context(format!("ask the DzNS at {}", self.uri)),
        })?;
        if let Some(secret) = &self.secret {
            match client.access(secret.clone()).await {
                // It has a secret of its own, or none: what is refused without shows itself.
                Err(Error::Refused { .. }) => debug!("the DzNS does not take the write secret"),
                taken => taken.with_context(|| format!("ask the DzNS at {}", self.uri))?,
            }
        }
        Ok(client)
    }

    /// The file in which `node` is registered.
    pub(super) fn ns(&self, node: &str) -> String {
        format!("/ctl/ns/{}/{node}", self.cluster)
    }

    fn boot(&self) -> String {
        format!("/ctl/boot/{}", self.cluster)
    }

    /// Who is registered.
    pub(super) async fn registered(&self, client: &Client) -> Result<Vec<Entry>> {
        let files = client.walk_all(&self.ns("*"), None).await;
        let files = files.context("read who is registered at the DzNS")?;
        let entry = |file: doozer_client::Event| Entry {
            addr: String::from_utf8_lossy(&file.value).into_owned(),
            path: file.path,
            rev: file.rev,
        };
        Ok(files.into_iter().map(entry).collect())
    }

    /// The addresses of the other nodes that are registered.
    pub(super) async fn others(&self) -> Result<Vec<String>> {
        let client = self.client().await?;
        let entries = self.registered(&client).await?;
        let others = entries.into_iter().map(|entry| entry.addr);
        Ok(others.filter(|addr| *addr != self.addr).collect())
    }

    /// One round of the election.
    pub(super) async fn elect(&self, dialer: &Dialer, said: &mut Said) -> Result<Elected> {
        let client = self.client().await?;
        // In this order: a founder registers before it stands, so who is named is in the registry.
        let founder = self.founder(&client).await?;
        let entries = self.registered(&client).await?;
        said.note("asking the DzNS", &self.asked(&entries));
        let me = self.node.to_string();
        let named = founder.as_deref().filter(|founder| *founder != me);
        let reasons = match self.look(dialer, &entries, named).await {
            Seen::Cluster(cluster, addr) => {
                info!(dzns = %self.uri, addr, "found the cluster through the DzNS");
                return Ok(Elected::Cluster(cluster, vec![addr]));
            }
            Seen::Founding(addr) => {
                said.note("waiting for the founder", &format!("it is at {addr}"));
                return Ok(Elected::Later);
            }
            Seen::Nothing(reasons) => reasons,
        };
        match founder {
            None => self.stand(&client, said).await,
            Some(founder) if founder == me => self.stand_again(&client, said).await,
            Some(founder) => {
                said.say("no node of the cluster", &self.gone(&founder, &reasons));
                Ok(Elected::Later)
            }
        }
    }

    fn asked(&self, entries: &[Entry]) -> String {
        let addrs: Vec<&str> = entries.iter().map(|entry| &entry.addr[..]).collect();
        let addrs = if addrs.is_empty() {
            "nobody".to_owned()
        } else {
            addrs.join(", ")
        };
        format!(
            "cluster {:?} at {}: registered is {addrs}",
            self.cluster, self.uri
        )
    }

    async fn founder(&self, client: &Client) -> Result<Option<String>> {
        let file = client.get(&self.boot(), None).await;
        let file = file.context("read at the DzNS who founded the cluster")?;
        let founder = String::from_utf8_lossy(&file.value).into_owned();
        Ok((file.rev != 0).then_some(founder))
    }

    async fn look(&self, dialer: &Dialer, entries: &[Entry], founder: Option<&str>) -> Seen {
        let mut reasons = Vec::new();
        for entry in entries {
            match self.look_at(dialer, entry, founder).await {
                Seen::Nothing(reason) => reasons.extend(reason),
                seen => return seen,
            }
        }
        Seen::Nothing(reasons)
    }

    async fn look_at(&self, dialer: &Dialer, entry: &Entry, founder: Option<&str>) -> Seen {
        let (id, addr) = (entry.id(), &entry.addr);
        let me = self.node.to_string();
        if *addr == self.addr {
            let reason = format!("node {id} was at {addr}, where this node is now");
            return Seen::Nothing((id != me).then_some(reason).into_iter().collect());
        }
        let peer = match meet(dialer, addr).await {
            Ok(peer) => peer,
            Err(error) => return Seen::Nothing(vec![error.to_string()]),
        };
        if let Some(cluster) = peer.cluster {
            return Seen::Cluster(cluster, addr.clone());
        }
        if peer.node.to_string() != id {
            return Seen::Nothing(vec![format!(
                "node {id} was at {addr}, where node {} is now, without a cluster",
                peer.node
            )]);
        }
        if founder == Some(id) {
            return Seen::Founding(addr.clone());
        }
        Seen::Nothing(Vec::new())
    }

    /// Registers, and asks to found.
    async fn stand(&self, client: &Client, said: &mut Said) -> Result<Elected> {
        let me = self.node.to_string();
        said.note(
            "nobody founded the cluster: standing for it",
            &self.uri.to_string(),
        );
        client
            .set(&self.ns(&me), -1, self.addr.clone())
            .await
            .with_context(|| self.cannot("register this node"))?;
        match client.set(&self.boot(), 0, me).await {
            Ok(_) => {
                info!(dzns = %self.uri, cluster = self.cluster, "won the election: founding");
                Ok(Elected::Founder)
            }
            Err(error) if is_mismatch(&error) => {
                said.note("another node won the election", "it founds the cluster");
                Ok(Elected::Later)
            }
            Err(error) => Err(error).with_context(|| self.cannot("stand for election")),
        }
    }

    /// This node won an election before, and did not come to found. What was read may be old, so
    /// it is read again behind everything that was agreed on.
    async fn stand_again(&self, client: &Client, said: &mut Said) -> Result<Elected> {
        let agreed = client.nop().await;
        agreed.with_context(|| self.cannot("look again who was elected"))?;
        if self.founder(client).await?.as_deref() != Some(&self.node.to_string()[..]) {
            said.note("the election was undone", "standing again");
            return Ok(Elected::Later);
        }
        info!(dzns = %self.uri, cluster = self.cluster, "won the election before: founding");
        Ok(Elected::Founder)
    }

    fn cannot(&self, what: &str) -> String {
        format!(
            "{what} at the DzNS {} (it may want a secret: sk in the URI, or DOOZER_RWSECRET)",
            self.uri
        )
    }

    /// What is to be done about a cluster none of whose nodes answers.
    fn gone(&self, founder: &str, reasons: &[String]) -> String {
        let reasons = if reasons.is_empty() {
            "nobody else is registered".to_owned()
        } else {
            reasons.join("; ")
        };
        let (uri, boot) = (&self.uri, self.boot());
        format!(
            "{boot} at {uri} says that node {founder} founded the cluster {:?}, and no node of it \
             answers: {reasons}. Start one of its nodes with its data folder; if all are gone for \
             good, run: doozer -a '{uri}' del {boot} -1",
            self.cluster
        )
    }
}

fn is_mismatch(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused {
            code: Code::Known(ErrCode::RevMismatch),
            ..
        }
    )
}
