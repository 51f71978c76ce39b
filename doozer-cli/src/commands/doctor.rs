//! `doctor`: finds what is commonly wrong with a cluster, and says what to do.

use super::{Call, Command, cluster};
use crate::cluster::complaints;
use crate::ns;

pub(super) const COMMAND: Command = Command {
    name: "doctor",
    arguments: &[],
    summary: "Find what is commonly wrong with a cluster, and say what to do",
    details:
        "Looks for: no quorum; slots that are free, stale or of an even number; nodes that do not answer,
are behind, or are not who they should be; addresses that other machines cannot reach, or that
several nodes have; different versions; entries at the DzNS (of -b, if there is one) of nodes
that do not answer. Exit status 8 if it finds something.

Clocks and the servers' limits are told to no client: Doozer compares no clocks, and `doozerd`
says in its log what limits it needs.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let (found_cluster, seen) = cluster::look(&call).await?;
    let mut found = cluster::unanimous(&call).await?;
    found.extend(complaints(&found_cluster, &seen));
    let reach = call.session.reach().await?;
    if reach.options.boot.is_some() {
        found.extend(ns::complaints(&reach, &found_cluster.name).await);
    }
    if found.is_empty() && call.output.is_text() {
        let nodes = found_cluster.nodes.len();
        return Ok(call.output.line(format_args!(
            "nothing is wrong with {nodes} node{}",
            if nodes == 1 { "" } else { "s" }
        ))?);
    }
    cluster::tell(call.output, &found)
}
