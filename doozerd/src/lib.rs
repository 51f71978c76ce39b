//! The server: a small, highly available, consistent store for extremely important data.
//!
//! `ARCHITECTURE.md` at the root of the project is the map of these modules.

pub mod args;
pub mod cluster;
pub mod consensus;
pub mod log;
pub mod machine;
pub mod net;
pub mod node;
pub mod raft_types;
pub mod random;
pub mod secret;
pub mod server;
pub mod storage;
pub mod store;
pub mod tls;
pub mod transport;
pub mod web;
