//! Forms a cluster: makes slots, and waits for those who fill them.

use std::rc::Rc;
use std::time::Duration;

use doozer_client::{Client, Error};
use tokio::time::{sleep, timeout};

use super::{Cluster, SLOTS, read};
use crate::hold::is_passing;
use crate::server::Server;
use crate::session::{Progress, Session};

/// Between two tries to reach a server that is not up yet.
const TRY_EVERY: Duration = Duration::from_millis(500);
/// How long a change is waited for before looking anyway.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The server, as soon as there is one: nodes may still be starting.
pub(crate) async fn connect(session: &Session) -> anyhow::Result<Rc<Server>> {
    let mut has_said = false;
    loop {
        let error = match session.server().await {
            Ok(server) => return Ok(server),
            Err(error) => error,
        };
        let passes = error.downcast_ref::<Error>().is_some_and(may_come);
        if !passes {
            return Err(error);
        }
        if !has_said {
            session.note(format_args!("waiting for a server: {error:#}"));
            has_said = true;
        }
        sleep(TRY_EVERY).await;
    }
}

/// Whether a server may be there later. A name may yet be registered.
fn may_come(error: &Error) -> bool {
    match error {
        Error::NameUnknown { .. } => true,
        Error::LookUp { source, .. } => may_come(source),
        error => is_passing(error),
    }
}

/// Makes those of the slots 1 to `size` - 1 that are missing; the founder makes slot 0. Returns
/// which ones were made.
pub(crate) async fn make_slots(client: &Client, size: usize) -> Result<Vec<String>, Error> {
    let cluster = read(client).await?;
    let mut made = Vec::new();
    for number in 1..size {
        let name = number.to_string();
        if cluster.slots.iter().any(|slot| slot.name == name) {
            continue;
        }
        match client.set(&format!("{SLOTS}/{name}"), 0, "").await {
            Ok(_) => made.push(name),
            // Somebody else has made it meanwhile.
            Err(error) if error.is_rev_mismatch() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(made)
}

/// Waits until `count` nodes hold a slot, and take writes where that is asked for.
pub(crate) async fn await_members(
    client: &Client,
    (count, writable): (usize, bool),
    progress: &Progress,
) -> Result<Cluster, Error> {
    loop {
        let cluster = match read(client).await {
            Ok(cluster) => cluster,
            Err(error) if is_passing(&error) => {
                sleep(TRY_EVERY).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let (members, writers) = cluster.members();
        let there = if writable { writers } else { members };
        progress.set(there.min(count) as u64);
        progress.say(format!("{members} hold slots, {writers} take writes"));
        if there >= count {
            return Ok(cluster);
        }
        // What was missed is found at the next look.
        let change = client.wait("/ctl/**", cluster.rev + 1);
        drop(timeout(LOOK_EVERY, change).await);
    }
}
