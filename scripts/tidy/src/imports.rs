//! Who may use whom: doozerd's modules one another, and all of us the crates of others.

use crate::Finding;
use crate::paths::used_paths;
use crate::source::Source;

/// The modules of doozerd with a place of their own, and the other modules each may use. What is
/// not listed (`lib`, `main`, `node`) puts them together and may use all of them.
const LAYERS: [(&str, &[&str]); 15] = [
    ("store", &[]),
    ("random", &[]),
    ("raft_types", &["random"]),
    ("log", &[]),
    ("machine", &[]),
    ("net", &[]),
    ("secret", &[]),
    ("tls", &["net"]),
    ("storage", &["raft_types"]),
    (
        "transport",
        &["log", "net", "raft_types", "random", "secret", "tls"],
    ),
    (
        "consensus",
        &["raft_types", "storage", "store", "transport"],
    ),
    (
        "server",
        &[
            "consensus",
            "log",
            "net",
            "raft_types",
            "secret",
            "store",
            "tls",
            "transport",
        ],
    ),
    ("web", &["consensus", "log", "raft_types", "store"]),
    (
        "cluster",
        &[
            "consensus",
            "log",
            "raft_types",
            "secret",
            "store",
            "transport",
        ],
    ),
    ("args", &["log", "machine", "secret", "tls"]),
];

/// Something of others, and where alone it may be named.
struct Fence {
    /// Names of crates, or paths.
    named: &'static [&'static str],
    /// Each a crate and a module of it.
    only_in: &'static [&'static str],
}

const FENCES: [Fence; 4] = [
    Fence {
        named: &["openraft"],
        only_in: &[
            "doozerd::consensus",
            "doozerd::raft_types",
            "doozerd::storage",
            "doozerd::transport",
        ],
    },
    Fence {
        named: &["clap"],
        only_in: &["doozerd::args", "doozer-cli::args"],
    },
    Fence {
        named: &[
            "axum",
            "http",
            "http_body",
            "hyper",
            "hyper_util",
            "tower",
            "tower_http",
        ],
        only_in: &["doozerd::web"],
    },
    Fence {
        named: &["std::env"],
        only_in: &["doozerd::args", "doozer-cli::args"],
    },
];

/// What the store never sees: it must be equal on every machine.
const NOT_IN_STORE: [&str; 10] = [
    "tokio",
    "tracing",
    "rand",
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::collections::hash_map::RandomState",
];

/// Finds what uses what it must not, outside tests.
pub fn check(source: &Source) -> Vec<Finding> {
    let Some(place) = Place::of(source) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for path in used_paths(source) {
        let mut report = |what: String| findings.push(Finding::new(&source.path, path.line, what));
        let inside = path.within_crate(&place.modules);
        if let Some(other) = inside.as_ref().and_then(|names| names.first())
            && !place.may_use(other)
        {
            report(format!("{} may not use {other}", place.module()));
        }
        if inside.is_none() {
            let full = path.names.join("::");
            if let Some(what) = place.refuses(&full) {
                report(what);
            }
        }
    }
    findings
}

/// Where a file stands.
struct Place {
    krate: String,
    /// The file's path of modules; empty for the crate's root.
    modules: Vec<String>,
}

impl Place {
    /// The place of product code; nothing for tests and build scripts.
    fn of(source: &Source) -> Option<Self> {
        let (krate, rest) = source.path.split_once("/src/")?;
        if source.is_test() || krate.contains('/') {
            return None;
        }
        let rest = rest.strip_suffix(".rs")?;
        let mut modules: Vec<String> = rest.split('/').map(str::to_owned).collect();
        if matches!(modules.last()?.as_str(), "mod" | "lib" | "main") {
            modules.pop();
        }
        Some(Self {
            krate: krate.to_owned(),
            modules,
        })
    }

    fn module(&self) -> &str {
        self.modules.first().map_or("", String::as_str)
    }

    fn may_use(&self, other: &str) -> bool {
        let layer = LAYERS
            .iter()
            .find(|(module, _)| self.is_in_module("doozerd", module));
        layer.is_none_or(|(module, uses)| other == *module || uses.contains(&other))
    }

    fn refuses(&self, full: &str) -> Option<String> {
        let fence = FENCES
            .iter()
            .find(|fence| fence.named.iter().any(|name| is_below(full, name)));
        if let Some(fence) = fence
            && !fence.only_in.iter().any(|place| self.is_in(place))
        {
            return Some(format!(
                "{full} may be named in {} alone",
                fence.only_in.join(", ")
            ));
        }
        let unstable = NOT_IN_STORE.iter().any(|name| is_below(full, name));
        (unstable && self.is_in("doozerd::store")).then(|| format!("store never sees {full}"))
    }

    fn is_in(&self, place: &str) -> bool {
        let (krate, module) = place
            .split_once("::")
            .expect("invariant: a place has a module");
        self.is_in_module(krate, module)
    }

    fn is_in_module(&self, krate: &str, module: &str) -> bool {
        self.krate == krate && self.module() == module
    }
}

fn is_below(full: &str, name: &str) -> bool {
    full.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whats;

    fn check_file(path: &str, text: &str, want: &[&str]) {
        let source = Source::new(path, text).unwrap();
        assert_eq!(whats(&check(&source)), want, "{path}: {text}");
    }

    #[test]
    fn a_lower_module_does_not_use_a_higher_one() {
        check_file("doozerd/src/store/tree.rs", "use super::path::Path;", &[]);
        check_file(
            "doozerd/src/store/tree.rs",
            "\nuse crate::consensus::Handle;",
            &["2: store may not use consensus"],
        );
        check_file(
            "doozerd/src/storage/mod.rs",
            "use crate::raft_types::LogId;",
            &[],
        );
        check_file(
            "doozerd/src/storage/mod.rs",
            "fn f(x: super::store::Tree) {}",
            &["1: storage may not use store"],
        );
        check_file("doozerd/src/node.rs", "use crate::{server, web};", &[]);
    }

    #[test]
    fn server_web_and_cluster_never_use_each_other() {
        for (from, to) in [("server", "web"), ("web", "cluster"), ("cluster", "server")] {
            let want = format!("1: {from} may not use {to}");
            check_file(
                &format!("doozerd/src/{from}/mod.rs"),
                &format!("use crate::{{consensus, {to}}};"),
                &[&want],
            );
        }
    }

    #[test]
    fn a_fenced_crate_is_named_behind_its_fence_alone() {
        check_file("doozerd/src/consensus/mod.rs", "use openraft::Raft;", &[]);
        check_file(
            "doozerd/src/args.rs",
            "use clap::Parser; std::env::args();",
            &[],
        );
        check_file("doozerd/src/web/mod.rs", "use axum::Router;", &[]);
        check_file("doozer-cli/src/args/mod.rs", "use std::env;", &[]);
        for (path, text, want) in [
            (
                "doozerd/src/server/mod.rs",
                "use openraft::Raft;",
                "1: openraft::Raft may be named in doozerd::consensus, doozerd::raft_types, \
                 doozerd::storage, doozerd::transport alone",
            ),
            (
                "doozerd/src/main.rs",
                "use clap::Parser;",
                "1: clap::Parser may be named in doozerd::args, doozer-cli::args alone",
            ),
            (
                "doozer-client/src/dial.rs",
                "fn f() { std::env::var(\"X\"); }",
                "1: std::env::var may be named in doozerd::args, doozer-cli::args alone",
            ),
            (
                "doozerd/src/cluster/mod.rs",
                "use hyper::Request;",
                "1: hyper::Request may be named in doozerd::web alone",
            ),
        ] {
            check_file(path, text, &[want]);
        }
    }

    #[test]
    fn the_store_sees_no_clock_no_file_and_no_task() {
        let path = "doozerd/src/store/mod.rs";
        check_file(path, "use std::time::Duration; use std::fmt;", &[]);
        for name in NOT_IN_STORE {
            let want = format!("1: store never sees {name}");
            check_file(path, &format!("use {name};"), &[&want]);
        }
        check_file("doozerd/src/storage/mod.rs", "use tokio::fs;", &[]);
    }

    #[test]
    fn tests_are_free() {
        check_file("doozerd/src/store/tests.rs", "use tokio::time;", &[]);
        check_file(
            "doozerd/src/store/a.rs",
            "#[cfg(test)] mod tests { use tokio::x; }",
            &[],
        );
        check_file("compat-tests/tests/a.rs", "use std::env;", &[]);
    }
}
