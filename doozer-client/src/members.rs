//! Learns the nodes' addresses from the cluster's control files.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doozer_proto::{Request, Verb};
use tokio::time::sleep;

use crate::addresses::Addresses;
use crate::answer::Event;
use crate::connection::{Channel, Unsettled};
use crate::request;
use crate::uri::with_port;

/// How often the addresses are read anew.
const READ_EVERY: Duration = Duration::from_secs(30);
/// Files read of a directory at most.
const FILES_MAX: i32 = 256;

/// Reads the addresses now and then, until the connection ends.
pub(crate) async fn follow(channel: Arc<Channel>, addresses: Arc<Mutex<Addresses>>) {
    let reading = async {
        loop {
            learn(&channel, &addresses).await;
            sleep(READ_EVERY).await;
        }
    };
    channel.stop.run_until_cancelled(reading).await;
}

/// Reads the addresses once. What cannot be read leaves those known before.
pub(crate) async fn learn(channel: &Channel, addresses: &Mutex<Addresses>) {
    let Ok(learnt) = read(channel).await else {
        return;
    };
    if !learnt.is_empty() {
        let mut addresses = addresses
            .lock()
            .expect("invariant: nothing panics while it holds the addresses");
        addresses.learn(learnt);
    }
}

/// The nodes' addresses, members first.
async fn read(channel: &Channel) -> Result<Vec<String>, Unsettled> {
    let slots = walk(channel, "/ctl/cal/*").await?;
    let members: HashSet<&[u8]> = slots.iter().map(|slot| &slot.value[..]).collect();
    let nodes = walk(channel, "/ctl/node/*/addr").await?;
    let mut found: Vec<(bool, String)> = nodes
        .iter()
        .filter_map(|node| {
            let id = node
                .path
                .strip_prefix("/ctl/node/")?
                .strip_suffix("/addr")?;
            let address = std::str::from_utf8(&node.value).ok()?;
            Some((!members.contains(id.as_bytes()), with_port(address).ok()?))
        })
        .collect();
    found.sort_by_key(|(is_no_member, _address)| *is_no_member);
    Ok(found.into_iter().map(|(_rank, address)| address).collect())
}

/// The files that match; none where the server refuses to say.
async fn walk(channel: &Channel, glob: &str) -> Result<Vec<Event>, Unsettled> {
    let mut files = Vec::new();
    for offset in 0..FILES_MAX {
        let request = Request {
            offset: Some(offset),
            ..request::of_path(Verb::Walk, glob, None)
        };
        let response = channel.ask(&request).await?;
        if response.err_code.is_some() {
            break;
        }
        files.extend(Event::from_response(response));
    }
    Ok(files)
}
