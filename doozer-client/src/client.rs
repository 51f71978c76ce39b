//! The client: a method a verb, and what is built of several.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doozer_proto::{Request, Response, Verb};

use crate::answer::utf8;
use crate::link::Link;
use crate::uri::with_port;
use crate::walk::{Offsets, Walk};
use crate::watch::Watch;
use crate::{DoozerUri, Error, Event, File, Options, Secret, Stat, dzns, request};

/// A client of one cluster. Clones share the connection; the last one dropped closes it.
///
/// Any number of requests may be under way at once, from any number of tasks. What was sent
/// together may be carried out in any order: await an answer before what depends on it.
///
/// **When the connection is lost** the client connects again, to the next of its addresses, with
/// growing pauses while none answers. It learns the addresses of the cluster's other nodes, unless
/// [`Options::follow_members`] is off.
/// - Reads are asked again, until [`Options::request_timeout`] is over.
/// - A mutation (SET, DEL, NOP) is sent at most once. Not yet sent, it goes over the next
///   connection. Sent and not answered, it ends in [`Error::OutcomeUnknown`].
/// - A mutation that a node refuses with READONLY was surely not carried out: it is sent to each
///   other address once.
/// - Reads never go back: on another node the client first waits for the highest revision it has
///   seen. A store that lost its data, and so starts anew at lower revisions, needs a new client.
///
/// A mutation whose future is dropped may still take effect.
#[derive(Clone)]
pub struct Client {
    link: Arc<Link>,
    request_timeout: Option<Duration>,
}

impl Client {
    /// Connects to the first of the addresses that answers.
    ///
    /// With a cluster's name in `uri` and a [`Options::boot`] URI, the addresses are those that the
    /// cluster has registered at that `DzNS`. Secrets, of the URI and the options, are sent; when
    /// there are any and the server takes none of them, that is an error.
    ///
    /// Must be called within a tokio runtime that drives I/O and time.
    pub async fn connect(uri: &DoozerUri, options: Options) -> Result<Self, Error> {
        let addresses = match (&uri.cluster, &options.boot) {
            (Some(name), Some(boot)) => Box::pin(dzns::look_up(name, boot, &options)).await?,
            (Some(name), None) if uri.addresses.is_empty() => {
                return Err(Error::NoDzns { name: name.clone() });
            }
            _ => uri
                .addresses
                .iter()
                .map(|at| with_port(at))
                .collect::<Result<_, _>>()?,
        };
        let secrets = uri.secret.iter().chain(&options.secret).cloned().collect();
        let request_timeout = options.request_timeout;
        let link = Link::open(addresses, secrets, options).await?;
        Ok(Self {
            link,
            request_timeout,
        })
    }

    /// A client over the same connection with another limit on each request, in place of
    /// [`Options::request_timeout`]. Clones of it have its limit.
    #[must_use]
    pub fn with_request_timeout(&self, request_timeout: Option<Duration>) -> Self {
        Self {
            link: Arc::clone(&self.link),
            request_timeout,
        }
    }

    /// The file at `path`, now or as it was at revision `rev`. A missing file has revision 0.
    pub async fn get(&self, path: &str, rev: Option<i64>) -> Result<File, Error> {
        let response = self.call(request::of_path(Verb::Get, path, rev)).await?;
        Ok(File {
            rev: response.rev.unwrap_or_default(),
            value: response.value.unwrap_or_default(),
        })
    }

    /// Sets the file if its revision is not above `rev`, and returns its new revision.
    ///
    /// [`REV_MISSING`](crate::REV_MISSING) sets only what is not there,
    /// [`REV_CLOBBER`](crate::REV_CLOBBER) whatever is there.
    pub async fn set(&self, path: &str, rev: i64, value: impl Into<Bytes>) -> Result<i64, Error> {
        let request = Request {
            value: Some(value.into()),
            ..request::of_path(Verb::Set, path, Some(rev))
        };
        let response = self.call(request.clone()).await?;
        response.rev.ok_or_else(|| bad_answer(&request, "rev"))
    }

    /// Deletes the file if its revision is not above `rev`. What is missing can be deleted.
    pub async fn del(&self, path: &str, rev: i64) -> Result<(), Error> {
        self.call(request::of_path(Verb::Del, path, Some(rev)))
            .await
            .map(drop)
    }

    /// The store's newest revision.
    pub async fn rev(&self) -> Result<i64, Error> {
        let request = request::of(Verb::Rev);
        let response = self.call(request.clone()).await?;
        response.rev.ok_or_else(|| bad_answer(&request, "rev"))
    }

    /// Makes a new revision that changes nothing. A read that follows sees all that was answered
    /// anywhere before this was asked.
    pub async fn nop(&self) -> Result<(), Error> {
        self.call(request::of(Verb::Nop)).await.map(drop)
    }

    /// The id of the node that the client is connected to.
    pub async fn self_id(&self) -> Result<Bytes, Error> {
        let response = self.call(request::of(Verb::Self_)).await?;
        Ok(response.value.unwrap_or_default())
    }

    /// Revision and length of what is at `path`, now or at revision `rev`.
    pub async fn stat(&self, path: &str, rev: Option<i64>) -> Result<Stat, Error> {
        let response = self.call(request::of_path(Verb::Stat, path, rev)).await?;
        Ok(Stat {
            rev: response.rev.unwrap_or_default(),
            len: response.len.unwrap_or_default(),
        })
    }

    /// The name of the `offset`-th entry of a directory, in byte order.
    ///
    /// [`list`](Self::list) gives them all.
    pub async fn getdir(&self, path: &str, offset: i32, rev: Option<i64>) -> Result<String, Error> {
        let request = Request {
            offset: Some(offset),
            ..request::of_path(Verb::Getdir, path, rev)
        };
        let response = self.call(request.clone()).await?;
        name_in(&request, &response)
    }

    /// The `offset`-th file that matches `glob`, in depth-first order.
    ///
    /// [`walk_all`](Self::walk_all) gives them all.
    pub async fn walk(&self, glob: &str, offset: i32, rev: Option<i64>) -> Result<Event, Error> {
        let request = Request {
            offset: Some(offset),
            ..request::of_path(Verb::Walk, glob, rev)
        };
        let response = self.call(request.clone()).await?;
        event_in(&request, response)
    }

    /// The first event at or after revision `rev` whose path matches `glob`, once there is one.
    ///
    /// [`ErrCode::TooLate`](crate::ErrCode::TooLate) when `rev` is no longer kept. There is no time
    /// limit on the event; drop the future to give up.
    pub async fn wait(&self, glob: &str, rev: i64) -> Result<Event, Error> {
        let request = request::of_path(Verb::Wait, glob, Some(rev));
        let response = self.call(request.clone()).await?;
        event_in(&request, response)
    }

    /// Sends a secret. Once it is taken it is sent over every later connection too.
    pub async fn access(&self, secret: impl Into<Secret>) -> Result<(), Error> {
        let secret = secret.into();
        let request = Request {
            value: Some(secret.reveal().clone()),
            ..request::of(Verb::Access)
        };
        self.call(request).await?;
        self.link.remember_secret(secret);
        Ok(())
    }

    /// The names in a directory, in byte order, all at one revision: `rev`, or the newest.
    pub async fn list(&self, path: &str, rev: Option<i64>) -> Result<Vec<String>, Error> {
        let rev = self.rev_or_newest(rev).await?;
        let request = request::of_path(Verb::Getdir, path, Some(rev));
        let mut pages = Offsets::new(self.clone(), request.clone());
        let mut names = Vec::new();
        while let Some(response) = pages.next().await {
            names.push(name_in(&request, &response?)?);
        }
        Ok(names)
    }

    /// All files that match `glob`, in depth-first order, at one revision: `rev`, or the newest.
    ///
    /// [`walk_stream`](Self::walk_stream) gives them one by one.
    pub async fn walk_all(&self, glob: &str, rev: Option<i64>) -> Result<Vec<Event>, Error> {
        let mut walk = self.walk_stream(glob, rev).await?;
        let mut files = Vec::new();
        while let Some(file) = walk.next().await {
            files.push(file?);
        }
        Ok(files)
    }

    /// Like [`walk_all`](Self::walk_all), as a stream that asks ahead a little.
    pub async fn walk_stream(&self, glob: &str, rev: Option<i64>) -> Result<Walk, Error> {
        let rev = self.rev_or_newest(rev).await?;
        Ok(Walk::new(self.clone(), glob, rev))
    }

    /// Every event at or after revision `from` whose path matches `glob`, one after another.
    pub fn watch(&self, glob: &str, from: i64) -> Watch {
        Watch::new(self.clone(), glob, from)
    }

    /// The addresses the client knows: those it was given, then those it has learnt, members first.
    pub fn addresses(&self) -> Vec<String> {
        self.link.addresses()
    }

    /// Sends what is asked from now on to the next address, over a new connection.
    ///
    /// For who cannot wait until a silent node is given up, which takes 15 s. What is under way is
    /// still answered, where the old connection answers at all; WAITs go on over the new one once
    /// nothing else is.
    pub fn go_elsewhere(&self) {
        self.link.go_elsewhere();
    }

    /// Closes the connection, for all clones. What is asked later ends in [`Error::Closed`].
    pub fn close(&self) {
        self.link.close();
    }

    pub(crate) async fn call(&self, request: Request) -> Result<Response, Error> {
        self.link.call(&request, self.request_timeout).await
    }

    async fn rev_or_newest(&self, rev: Option<i64>) -> Result<i64, Error> {
        match rev {
            Some(rev) => Ok(rev),
            None => self.rev().await,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}

/// Reads an answer to WAIT or WALK.
pub(crate) fn event_in(request: &Request, response: Response) -> Result<Event, Error> {
    Event::from_response(response).map_err(|missing| bad_answer(request, missing))
}

/// Reads an answer to GETDIR.
fn name_in(request: &Request, response: &Response) -> Result<String, Error> {
    let name = response
        .path
        .as_ref()
        .ok_or_else(|| bad_answer(request, "path"))?;
    utf8(name).ok_or_else(|| bad_answer(request, "UTF-8 path"))
}

fn bad_answer(request: &Request, missing: &'static str) -> Error {
    Error::BadAnswer {
        request: request::describe(request),
        missing,
    }
}
