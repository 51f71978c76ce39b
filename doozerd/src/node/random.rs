//! Random bytes: what new nodes and clusters are known by.

use anyhow::{Context, Result};
use rustix::rand::{GetRandomFlags, getrandom};

/// Random bytes from the system.
pub(super) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let given = getrandom(&mut bytes, GetRandomFlags::empty()).context("draw random bytes")?;
    anyhow::ensure!(
        given == N,
        "draw random bytes: the system gave {given} of {N}"
    );
    Ok(bytes)
}
