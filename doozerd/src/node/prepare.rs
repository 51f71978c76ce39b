//! What a node does before it begins.

use anyhow::{Context, Result};
use tracing::warn;

use crate::args::{Config, Web};
use crate::machine;
use crate::net::TcpListener;
use crate::web::{self, Listener, Opened};

/// Says what the operator should know, and raises the system's limits.
pub(super) fn tell(config: &Config) {
    for notice in &config.notices {
        warn!("{notice}");
    }
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

/// What others are told: `--advertise`, or the address of `-l` as the system resolved it, with the
/// port that it gave for port 0.
pub(super) fn advertised(config: &Config, listener: &TcpListener) -> Result<String> {
    if let Some(addr) = &config.advertise {
        return Ok(addr.clone());
    }
    let bound = listener
        .local_addr()
        .context("read the address listened on")?;
    if bound.ip().is_unspecified() {
        warn!(
            addr = %bound,
            "listening on every address, which others cannot dial: say with --advertise where this \
             node is reached"
        );
    }
    Ok(bound.to_string())
}

/// The status page's listener.
pub(super) async fn bind_web(config: &Config) -> Result<Option<Listener>> {
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
