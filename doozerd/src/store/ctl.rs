//! Paths below `/ctl`, which belongs to the server.

use super::{Path, PathError};

/// The last refused mutation's error.
pub const ERR: &str = "/ctl/err";
/// The directory of nodes.
pub const NODES: &str = "/ctl/node";
/// The directory of clusters that register here.
pub const NS: &str = "/ctl/ns";
/// The directory of member slots.
pub const SLOTS: &str = "/ctl/cal";

/// The path of [`ERR`].
pub fn err() -> Path {
    known(ERR)
}

/// The cluster's name.
pub fn name() -> Path {
    known("/ctl/name")
}

/// The address that clients and nodes reach a node at.
pub fn node_addr(id: &str) -> Result<Path, PathError> {
    node(id, "addr")
}

/// The name of a node's machine.
pub fn node_hostname(id: &str) -> Result<Path, PathError> {
    node(id, "hostname")
}

/// A node's version.
pub fn node_version(id: &str) -> Result<Path, PathError> {
    node(id, "version")
}

/// The revision that a node had applied when it last said so.
pub fn node_applied(id: &str) -> Result<Path, PathError> {
    node(id, "applied")
}

/// `true` once a node takes writes.
pub fn node_writable(id: &str) -> Result<Path, PathError> {
    node(id, "writable")
}

/// A member slot.
pub fn cal(slot: u64) -> Path {
    known(&format!("{SLOTS}/{slot}"))
}

/// The address of a member of a cluster that registers here.
pub fn ns(name: &str, id: &str) -> Result<Path, PathError> {
    Path::parse(format!("{NS}/{name}/{id}").as_bytes())
}

/// The id of the node that founded a cluster that registers here.
pub fn boot(name: &str) -> Result<Path, PathError> {
    Path::parse(format!("/ctl/boot/{name}").as_bytes())
}

fn node(id: &str, file: &str) -> Result<Path, PathError> {
    Path::parse(format!("{NODES}/{id}/{file}").as_bytes())
}

fn known(text: &str) -> Path {
    Path::parse(text.as_bytes()).expect("invariant: the text is a path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_files_have_the_original_s_paths() {
        let text = |path: Result<Path, PathError>| path.unwrap().to_string();
        assert_eq!(name().as_str(), "/ctl/name");
        assert_eq!(err().as_str(), "/ctl/err");
        assert_eq!(cal(12).as_str(), "/ctl/cal/12");
        assert_eq!(text(node_addr("AB")), "/ctl/node/AB/addr");
        assert_eq!(text(node_hostname("AB")), "/ctl/node/AB/hostname");
        assert_eq!(text(node_version("AB")), "/ctl/node/AB/version");
        assert_eq!(text(node_applied("AB")), "/ctl/node/AB/applied");
        assert_eq!(text(node_writable("AB")), "/ctl/node/AB/writable");
        assert_eq!(text(ns("local", "AB")), "/ctl/ns/local/AB");
        assert_eq!(text(boot("local")), "/ctl/boot/local");
    }

    #[test]
    fn a_name_that_fits_no_path_is_refused() {
        assert_eq!(ns("my cluster", "AB"), Err(PathError::Invalid));
        assert_eq!(node_addr(""), Err(PathError::Invalid));
    }
}
