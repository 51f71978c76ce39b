//! Lets other nodes in: the end of a link's beginning, and whoever answers it from then on.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use doozer_proto::peer::LinkRefusalKind;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tracing::{debug, warn};

use crate::log::Throttle;
use crate::transport::{Acceptor, Door, Refusal, Service, Turned};

/// Where other nodes come in.
#[derive(Debug)]
pub(super) struct PeerDoor {
    pub(super) acceptor: Acceptor,
    /// Answers them; there once this node has a cluster.
    pub(super) service: OnceLock<Arc<dyn Service>>,
    told: Throttle,
}

impl PeerDoor {
    pub(super) fn new(acceptor: Acceptor) -> Self {
        Self {
            acceptor,
            service: OnceLock::new(),
            told: Throttle::new(),
        }
    }

    fn refused(&self, refusal: &Refusal) {
        match refusal.kind() {
            // Everyday: a newcomer on an old address, a node that was away.
            LinkRefusalKind::AnotherNode | LinkRefusalKind::NotAMember => {
                debug!(%refusal, "node not let in");
            }
            _ => {
                if let Some(left_out) = self.told.note(Instant::now()) {
                    warn!(%refusal, left_out, "another node was not let in");
                }
            }
        }
    }
}

/// The door of one node, shared by its listeners.
#[derive(Debug, Clone)]
pub(super) struct SharedDoor(pub(super) Arc<PeerDoor>);

impl Door for SharedDoor {
    fn enter(&self, turned: Turned) -> BoxFuture<'static, ()> {
        let door = Arc::clone(&self.0);
        async move {
            let (mut link, kind) = match door.acceptor.accept(turned).await {
                Ok(Ok(entered)) => entered,
                Ok(Err(refusal)) => return door.refused(&refusal),
                Err(error) => return debug!(%error, "link not made"),
            };
            let Some(service) = door.service.get() else {
                // It has been told that there is no cluster here, and asks nothing more.
                let closed = link.rx.next::<doozer_proto::peer::LinkRequest>().await;
                return debug!(?closed, "link closed");
            };
            let node = link.peer.node;
            if let Err(error) = link.serve(kind, Arc::clone(service)).await {
                debug!(%error, %node, ?kind, "link lost");
            }
        }
        .boxed()
    }
}
