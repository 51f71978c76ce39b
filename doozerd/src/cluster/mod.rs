//! How a node comes to its cluster and stays in it.
//!
//! # Founding or attaching
//! | folder | flags | what the node does |
//! | --- | --- | --- |
//! | holds a cluster | any | goes on as itself |
//! | empty | neither -a nor -b | founds a cluster |
//! | empty | -a, itself not among them | attaches to whoever holds a cluster, and asks until one does |
//! | empty | -a, itself first | attaches if one of the others holds a cluster; founds once every other one has said that it holds none |
//! | empty | -a, itself not first | attaches, as soon as one of the others holds a cluster |
//! | empty | -b | see `boot`; with -a too, that is tried first |
//!
//! So all nodes can be started with the same flags, in any order, and one of them founds. Nobody
//! founds because somebody else is silent: two halves would.
//!
//! # Attaching
//! A node that learned the cluster's id from another one makes its folder, for that cluster and
//! marked as not its founder, starts consensus on the empty log, and asks the leader to be taken in
//! as a learner (`consensus::attach` says what the leader checks). A crash between any two of these
//! steps leaves a folder that asks again.
//!
//! # Staying
//! [`Keeper`] asks again whenever the node is not one of the cluster's: it was kicked while it was
//! away, and told so by those it called; or its address has changed; or no leader is heard of.

mod ask;
mod boot;
mod files;
mod find;
mod keeper;
mod pulse;
mod registry;
mod said;

pub use boot::Boot;
pub use files::ControlFiles;
pub use find::{Finder, Found};
pub use keeper::{Keeper, Known};
pub use pulse::run as run_pulse;
pub use registry::Registry;
