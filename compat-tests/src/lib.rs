//! Judges the built `doozerd` and `doozer` from outside: frames are built by hand here, and
//! nothing of the server's or the client's own code is used.

pub mod binaries;
pub mod cli;
pub mod cluster;
pub mod connection;
pub mod disk;
pub mod history;
pub mod ledger;
pub mod load;
pub mod netns;
pub mod pty;
pub mod random;
pub mod recorded;
pub mod replay;
pub mod screen;
pub mod script;
pub mod server;
pub mod strace;
pub mod tls;
pub mod wait;
pub mod wire;
