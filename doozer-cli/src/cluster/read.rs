//! Reads a cluster's control files.

use doozer_client::{Client, Error, Event};

use super::{Cluster, Node, Slot};

/// Below it are the member slots.
pub(crate) const SLOTS: &str = "/ctl/cal";

/// The cluster, all at one revision, as the node that is asked knows it.
pub(crate) async fn read(client: &Client) -> Result<Cluster, Error> {
    let rev = client.rev().await?;
    let slots = client.walk_all(&format!("{SLOTS}/*"), Some(rev)).await?;
    let nodes = client.walk_all("/ctl/node/*/*", Some(rev)).await?;
    let name = client.get("/ctl/name", Some(rev)).await?;
    let name = String::from_utf8_lossy(&name.value).into_owned();
    let entries = match name.as_str() {
        "" => Vec::new(),
        name => {
            let glob = format!("/ctl/ns/{name}/*");
            client.walk_all(&glob, Some(rev)).await?
        }
    };
    Ok(Cluster {
        slots: slots.iter().map(slot).collect(),
        nodes: nodes_in(&nodes),
        entries: entries
            .iter()
            .map(|entry| (last(&entry.path), text(entry)))
            .collect(),
        name,
        rev,
    })
}

fn slot(file: &Event) -> Slot {
    Slot {
        name: last(&file.path),
        rev: file.rev,
        holder: text(file),
    }
}

/// The nodes of files `/ctl/node/ID/FILE`, which stand in order.
fn nodes_in(files: &[Event]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for file in files {
        let mut names = file.path.rsplit('/');
        let (Some(name), Some(id)) = (names.next(), names.next()) else {
            continue;
        };
        if nodes.last().is_none_or(|node| node.id != id) {
            let id = id.to_owned();
            nodes.push(Node {
                id,
                ..Node::default()
            });
        }
        let node = nodes.last_mut().expect("invariant: there is one by now");
        match name {
            "addr" => node.addr = text(file),
            "hostname" => node.hostname = text(file),
            "version" => node.version = text(file),
            "writable" => node.writable = text(file) == "true",
            _ => {}
        }
    }
    nodes
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn text(file: &Event) -> String {
    String::from_utf8_lossy(&file.value).into_owned()
}

#[cfg(test)]
mod tests {
    use doozer_client::EventKind;

    use super::*;

    #[test]
    fn files_of_one_node_make_one_node() {
        let file = |path: &str, value: &str| Event {
            rev: 1,
            path: format!("/ctl/node/{path}"),
            value: value.to_owned().into(),
            kind: EventKind::Set,
        };
        let nodes = nodes_in(&[
            file("A/addr", "a:1"),
            file("A/applied", "7"),
            file("A/writable", "true"),
            file("B/addr", "b:1"),
            file("B/hostname", "b"),
        ]);
        let node = |id: &str, addr: &str, hostname: &str, writable| Node {
            id: id.to_owned(),
            addr: addr.to_owned(),
            hostname: hostname.to_owned(),
            version: String::new(),
            writable,
        };
        assert_eq!(
            nodes,
            [node("A", "a:1", "", true), node("B", "b:1", "b", false)]
        );
    }
}
