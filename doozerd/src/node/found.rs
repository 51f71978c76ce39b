//! What a new node or cluster is known by.

use anyhow::{Context, Result};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::raft_types::NodeId;
use crate::storage::Identity;

/// An identity never used before, for a cluster of this name.
pub(super) fn identity(cluster_name: &str) -> Result<Identity> {
    Ok(Identity {
        cluster_id: random()?,
        cluster_name: cluster_name.to_owned(),
        node: NodeId(random()?),
    })
}

/// Random bytes from the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let given = getrandom(&mut bytes, GetRandomFlags::empty()).context("draw random bytes")?;
    anyhow::ensure!(
        given == N,
        "draw random bytes: the system gave {given} of {N}"
    );
    Ok(bytes)
}
