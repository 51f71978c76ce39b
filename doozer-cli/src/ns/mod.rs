//! A `DzNS`, as its users see it: an ordinary cluster in which others are registered.

mod explain;

use std::collections::BTreeMap;

use doozer_client::{Client, Error, Options};

use crate::cluster::{Complaint, Seen, probe_all};
use crate::server::{Reach, Server};

pub(crate) use explain::explain;

/// A node that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its file.
    pub(crate) path: String,
    /// The file's revision.
    pub(crate) rev: i64,
    /// The node's id.
    pub(crate) id: String,
    /// Where it is said to be.
    pub(crate) addr: String,
}

/// A cluster that is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Name {
    /// Its nodes.
    pub(crate) entries: Vec<Entry>,
    /// The id of the node that founded it, if that is known.
    pub(crate) founder: Option<String>,
}

/// The `DzNS` that `reach` names: that of `-b` where there is one, else the server itself.
pub(crate) async fn open(reach: &Reach) -> Result<Server, Error> {
    let Some(boot) = &reach.options.boot else {
        return Server::connect(reach.clone()).await;
    };
    let own = Reach {
        name: boot.to_string(),
        uri: boot.clone(),
        // The secret of the options belongs to the cluster.
        options: Options {
            boot: None,
            secret: None,
            ..reach.options.clone()
        },
    };
    Server::connect(own).await
}

/// All names that are registered.
pub(crate) async fn names(client: &Client) -> Result<BTreeMap<String, Name>, Error> {
    let rev = client.rev().await?;
    let mut names: BTreeMap<String, Name> = BTreeMap::new();
    for file in client.walk_all("/ctl/boot/*", Some(rev)).await? {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let founder = String::from_utf8_lossy(&file.value).into_owned();
        names.entry(name.to_owned()).or_default().founder = Some(founder);
    }
    for file in client.walk_all("/ctl/ns/*/*", Some(rev)).await? {
        let mut parts = file.path.rsplit('/');
        let (id, name) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let entry = Entry {
            id: id.to_owned(),
            addr: String::from_utf8_lossy(&file.value).into_owned(),
            rev: file.rev,
            path: file.path.clone(),
        };
        names
            .entry(name.to_owned())
            .or_default()
            .entries
            .push(entry);
    }
    Ok(names)
}

/// What the nodes of a name show, in the order of its entries; as one who has the secrets of
/// `reach`.
pub(crate) async fn probe(reach: &Reach, name: &Name) -> Vec<Seen> {
    probe_all(reach, name.entries.iter().map(|entry| entry.addr.as_str())).await
}

/// What is wrong with what the `DzNS` of `reach` says of the cluster `name`.
pub(crate) async fn complaints(reach: &Reach, name: &str) -> Vec<Complaint> {
    let looked = async {
        let server = open(reach).await?;
        Ok::<_, Error>(names(&server.client).await?.remove(name))
    };
    let found = match looked.await {
        Ok(Some(found)) => found,
        Ok(None) => {
            return vec![Complaint::new(
                "DzNS",
                format!("the cluster {name} is not registered there"),
                "its members register themselves when they are started with -b",
            )];
        }
        Err(error) => {
            return vec![Complaint::new(
                "DzNS",
                format!("it cannot be asked: {error}"),
                "start it, or correct the URI (-b)",
            )];
        }
    };
    let seen = probe(reach, &found).await;
    let dead = found
        .entries
        .iter()
        .zip(seen)
        .filter(|(entry, seen)| !seen.is(&entry.id));
    dead.map(|(entry, seen)| {
        Complaint::new(
            &entry.id,
            format!(
                "it is registered at {} ({})",
                entry.addr,
                seen.told(&entry.id)
            ),
            format!("if it is gone for good: doozer ns clean {name}"),
        )
    })
    .collect()
}
