//! Copies and moves files and trees, between clusters too.

use std::collections::BTreeSet;
use std::rc::Rc;

use anyhow::{Context, ensure};
use doozer_client::Client;

use super::document::Document;
use super::path::StorePath;
use super::plan::{Counts, Plan, Terms, delete};
use super::stored::Stored;
use super::{asked, carry};
use crate::commands::Call;
use crate::failure::Missing;
use crate::server::Server;

/// A path and the cluster that it is of.
pub(crate) struct Place {
    pub(crate) server: Rc<Server>,
    pub(crate) path: StorePath,
    /// The cluster as it was typed, if it was.
    cluster: Option<String>,
}

/// A tree that is on its way to another place.
pub(crate) struct Transfer {
    pub(crate) from: Place,
    pub(crate) to: Place,
    source: Stored,
    document: Document,
}

/// Falls `PATH` or `CLUSTER:/PATH` apart. No path holds a colon.
fn split(typed: &str) -> (Option<&str>, &str) {
    match typed.rfind(":/") {
        Some(colon) => (Some(&typed[..colon]), &typed[colon + 1..]),
        None => (None, typed),
    }
}

/// The place that `typed` names.
async fn place(call: &Call<'_>, typed: &str) -> anyhow::Result<Place> {
    let (cluster, path) = split(typed);
    let server = match cluster {
        None => call.session.server().await?,
        Some(cluster) => call.session.other(cluster).await?,
    };
    Ok(Place {
        server,
        path: asked::path(call.session, path)?,
        cluster: cluster.map(str::to_owned),
    })
}

impl Transfer {
    /// Reads what `call` wants to take elsewhere. A target that ends with a slash is a directory,
    /// which what is taken keeps its name in.
    pub(crate) async fn read(call: &Call<'_>) -> anyhow::Result<Self> {
        let typed = [call.invocation.word(0), call.invocation.word(1)];
        let from = place(call, typed[0]).await?;
        let mut to = place(call, typed[1]).await?;
        if typed[1].ends_with('/') && !from.path.is_root() {
            to.path = to.path.entry(from.path.last_name())?;
        }
        let rev = call.invocation.rev;
        let mut source = asked::load(call.session, &from.server, &from.path, rev).await?;
        if source.files.is_empty() {
            return Err(Missing(from.path.to_string()).into());
        }
        if !call.invocation.flags.is_on(asked::CTL.name) {
            ensure!(
                !from.path.is_ctl() && !to.path.is_ctl(),
                "/ctl belongs to the server: --ctl if that is meant"
            );
            asked::tell_left(call.session, source.take_ctl());
        }
        let document = moved(&source, &to.path)?;
        Ok(Self {
            from,
            to,
            source,
            document,
        })
    }

    /// Copies it, and returns what was done and the revisions that its files have there.
    pub(crate) async fn copy(&self, call: &Call<'_>) -> anyhow::Result<(Plan, carry::Outcome)> {
        let terms = Terms {
            overwrite: call.invocation.flags.is_on(asked::FORCE.name),
            prune: false,
            ctl: false,
        };
        let plan = asked::plan(call.session, &self.to.server, &self.document, terms).await?;
        let outcome = asked::carry_out(call.session, &self.to.server, &plan, "copy").await?;
        Ok((plan, outcome))
    }

    /// Deletes what was copied, each file by the revision that was copied.
    pub(crate) async fn delete_source(&self, call: &Call<'_>) -> anyhow::Result<Counts> {
        let files = self.source.files.iter();
        let plan = Plan {
            deletes: files.map(|(path, found)| delete(path, found)).collect(),
            ..Plan::default()
        };
        let deleted = asked::carry_out(call.session, &self.from.server, &plan, "delete").await;
        let deleted = deleted.context("all was copied, but not all of the source is deleted")?;
        Ok(deleted.counts)
    }

    /// Refuses to move what lies in, above or at its own target.
    pub(crate) async fn check_apart(&self) -> anyhow::Result<()> {
        let (from, to) = (&self.from.path, &self.to.path);
        let nested = from == to || from.is_below(to) || to.is_below(from);
        ensure!(
            !nested || !self.is_within_cluster().await?,
            "cannot move {from} to {to} in one cluster: one lies in the other"
        );
        Ok(())
    }

    async fn is_within_cluster(&self) -> anyhow::Result<bool> {
        if self.from.cluster == self.to.cluster {
            return Ok(true);
        }
        let from = nodes(&self.from.server.client).await?;
        let to = nodes(&self.to.server.client).await?;
        // Clusters that nothing is known of may be one.
        Ok(from.is_empty() || to.is_empty() || !from.is_disjoint(&to))
    }
}

/// What tells clusters apart: no two have a node of the same id.
async fn nodes(client: &Client) -> anyhow::Result<BTreeSet<String>> {
    let files = client.walk_all("/ctl/node/*/addr", None).await?;
    Ok(files.into_iter().map(|file| file.path).collect())
}

/// The files of `source` as they are wanted at `target`.
fn moved(source: &Stored, target: &StorePath) -> anyhow::Result<Document> {
    let mut document = Document::at(StorePath::root());
    for (path, found) in &source.files {
        let placed = target.place(path, &source.root);
        let placed =
            placed.expect("invariant: all that was read lies at or below the root of it")?;
        document.file(placed, found.value.clone())?;
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_stands_before_a_colon() {
        assert_eq!(split("/a/b"), (None, "/a/b"));
        assert_eq!(split("a/b"), (None, "a/b"));
        assert_eq!(split("prod:/a"), (Some("prod"), "/a"));
        assert_eq!(split("10.0.0.1:8046:/"), (Some("10.0.0.1:8046"), "/"));
        let uri = "doozer:?ca=10.0.0.1:8046&cn=x";
        assert_eq!(split(&format!("{uri}:/a/b")), (Some(uri), "/a/b"));
    }
}
