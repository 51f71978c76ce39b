//! An async client of Doozer, a small consistent store of files.
//!
//! A [`Client`] speaks to one node over one connection, any number of requests at once. When the
//! connection is lost it goes to another of the addresses it was given or has learnt from the
//! cluster. What is asked again then, and what is not, is told at [`Client`].
//!
//! ```no_run
//! use doozer_client::{Client, DoozerUri, Options};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let uri: DoozerUri = "doozer:?ca=127.0.0.1:8046".parse()?;
//! let client = Client::connect(&uri, Options::default()).await?;
//!
//! let rev = client.set("/greeting", 0, "hello").await?;
//! let file = client.get("/greeting", None).await?;
//! assert_eq!((file.rev, &file.value[..]), (rev, &b"hello"[..]));
//!
//! let mut watch = client.watch("/greeting", rev);
//! let event = watch.next().await.expect("a watch goes on")?;
//! assert_eq!(event.rev, rev);
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod addresses;
mod answer;
mod backoff;
mod client;
mod connection;
mod dzns;
mod error;
mod link;
mod members;
mod options;
mod request;
mod secret;
mod tls;
mod uri;
mod walk;
mod watch;

pub use answer::{Event, EventKind, File, Stat};
pub use client::Client;
pub use doozer_proto::{ErrCode, PORT_DEFAULT, REV_CLOBBER, REV_DIR, REV_MISSING};
pub use error::{Code, ConnectionLost, Error, Unanswered};
pub use options::Options;
pub use secret::Secret;
pub use tls::{Tls, TlsError};
pub use uri::{DoozerUri, UriError};
pub use walk::Walk;
pub use watch::Watch;
