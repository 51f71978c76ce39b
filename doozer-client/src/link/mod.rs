//! Carries requests to one of several nodes, whichever can be reached.

mod dial;
mod limit;

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use doozer_proto::{ErrCode, Request, Response};
use prost::Message;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::addresses::Addresses;
use crate::answer::utf8;
use crate::backoff::Backoff;
use crate::connection::{Connection, Unsettled};
use crate::request::{describe, is_mutation, is_wait};
use crate::tls::Connector;
use crate::{Code, Error, Options, Secret, Unanswered};
use limit::Limit;

/// Secrets kept to be sent over later connections.
const SECRETS_MAX: usize = 16;

/// The way to a cluster: at most one connection that takes requests, made anew when it is lost.
pub(crate) struct Link {
    options: Options,
    tls: Option<Connector>,
    secrets: Mutex<Vec<Secret>>,
    addresses: Arc<Mutex<Addresses>>,
    current: Mutex<Option<Arc<Connection>>>,
    /// Held by whoever connects; the others wait for the connection that makes.
    dialing: tokio::sync::Mutex<Backoff>,
    /// Why there was no connection, last.
    trouble: Mutex<Option<Arc<Error>>>,
    /// The highest revision seen: no node behind it is read from.
    seen: AtomicI64,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Link {
    /// Connects to the first address that answers.
    pub(crate) async fn open(
        addresses: Vec<String>,
        secrets: Vec<Secret>,
        options: Options,
    ) -> Result<Arc<Self>, Error> {
        let stop = CancellationToken::new();
        let link = Arc::new(Self {
            tls: options.tls.as_ref().map(Connector::new).transpose()?,
            options,
            secrets: Mutex::new(secrets),
            addresses: Arc::new(Mutex::new(Addresses::new(addresses))),
            current: Mutex::default(),
            dialing: tokio::sync::Mutex::default(),
            trouble: Mutex::default(),
            seen: AtomicI64::new(0),
            tasks: TaskTracker::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        });
        Box::pin(link.connect_once()).await?;
        Ok(link)
    }

    /// Carries a request to a node and its answer back, within `timeout`; a refusal is an error.
    pub(crate) async fn call(
        &self,
        request: &Request,
        timeout: Option<Duration>,
    ) -> Result<Response, Error> {
        self.check_length(request)?;
        let limit = Limit::start(timeout);
        let connection = self.connection(request, limit).await?;
        let (mut connection, mut response) = self.answered(connection, request, limit).await?;
        let mut refused_at = Vec::new();
        while is_mutation(request) && is_readonly(&response) {
            refused_at.push(connection.address.clone());
            let elsewhere = Box::pin(self.elsewhere(&connection, &refused_at, limit));
            let Some(other) = elsewhere.await else { break };
            (connection, response) = self.answered(other, request, limit).await?;
        }
        if let Some(code) = response.err_code {
            return Err(refusal(request, code.into(), &response));
        }
        self.seen
            .fetch_max(response.rev.unwrap_or_default(), Relaxed);
        Ok(response)
    }

    /// Sends the secret over later connections too.
    pub(crate) fn remember_secret(&self, secret: Secret) {
        let mut secrets = lock(&self.secrets);
        if secrets.contains(&secret) {
            return;
        }
        if secrets.len() == SECRETS_MAX {
            secrets.remove(0);
        }
        secrets.push(secret);
    }

    /// All addresses known.
    pub(crate) fn addresses(&self) -> Vec<String> {
        lock(&self.addresses).all()
    }

    /// The connection that there is takes no more requests.
    pub(crate) fn go_elsewhere(&self) {
        if let Some(connection) = &*lock(&self.current) {
            connection.retire();
        }
    }

    /// Closes the connection; there will be no other.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }

    /// Asks over `connection`, then over others until there is an answer.
    async fn answered(
        &self,
        mut connection: Arc<Connection>,
        request: &Request,
        mut limit: Limit,
    ) -> Result<(Arc<Connection>, Response), Error> {
        loop {
            if let Some(response) = self.ask(&connection, request, limit).await? {
                connection.mark_useful();
                return Ok((connection, response));
            }
            if is_wait(request) {
                limit = limit.anew();
            }
            connection = self.connection(request, limit).await?;
        }
    }

    /// Asks over one connection. No answer and no error: it can be asked again elsewhere.
    async fn ask(
        &self,
        connection: &Connection,
        request: &Request,
        limit: Limit,
    ) -> Result<Option<Response>, Error> {
        let mut sent = match limit.within(connection.send(request)).await {
            None => return Err(timed_out(request, limit, None)),
            Some(Err(_surely_not_sent)) => return Ok(None),
            Some(Ok(sent)) => sent,
        };
        let answer = if is_wait(request) {
            Some(sent.answer().await)
        } else {
            limit.within(sent.answer()).await
        };
        let unknown = match answer {
            Some(Ok(response)) => return Ok(Some(response)),
            Some(Err(Unsettled { cause, sent: true })) if is_mutation(request) => {
                Unanswered::Lost {
                    address: connection.address.clone(),
                    source: cause,
                }
            }
            Some(Err(_can_be_asked_again)) => return Ok(None),
            None if is_mutation(request) => Unanswered::Timeout { after: limit.after },
            None => return Err(timed_out(request, limit, None)),
        };
        Err(Error::OutcomeUnknown {
            request: describe(request),
            source: unknown,
        })
    }

    fn check_length(&self, request: &Request) -> Result<(), Error> {
        let (bytes, limit) = (request.encoded_len(), self.options.frame_bytes_max);
        if bytes <= limit {
            return Ok(());
        }
        Err(Error::TooLong {
            request: describe(request),
            bytes,
            limit,
        })
    }
}

fn is_readonly(response: &Response) -> bool {
    response.err_code == Some(ErrCode::Readonly.into())
}

fn timed_out(request: &Request, limit: Limit, source: Option<Arc<Error>>) -> Error {
    Error::Timeout {
        request: describe(request),
        after: limit.after,
        source,
    }
}

fn refusal(request: &Request, code: Code, response: &Response) -> Error {
    Error::Refused {
        code,
        detail: response.err_detail.as_ref().and_then(utf8),
        request: describe(request),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("invariant: nothing panics while it holds one of the link's locks")
}
