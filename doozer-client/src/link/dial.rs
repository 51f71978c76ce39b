//! Makes connections: which address, when, and what is said first.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use doozer_proto::{Request, Verb};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::limit::Limit;
use super::{Link, lock, refusal, timed_out};
use crate::connection::{self, Connection, Unsettled};
use crate::{Code, Error, Secret, members, request};

/// How long a node may take to see what this client has seen, before the next is tried.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

impl Link {
    /// The connection there is, or a new one.
    pub(super) async fn connection(
        &self,
        request: &Request,
        limit: Limit,
    ) -> Result<Arc<Connection>, Error> {
        if self.stop.is_cancelled() {
            return Err(Error::Closed);
        }
        if let Some(connection) = self.open_connection() {
            return Ok(connection);
        }
        // Boxed, as it is rare and large, and part of every request's future.
        let connecting = Box::pin(limit.within(self.reconnect()));
        match self.stop.run_until_cancelled(connecting).await {
            None => Err(Error::Closed),
            Some(None) => Err(timed_out(request, limit, lock(&self.trouble).clone())),
            Some(Some(result)) => result,
        }
    }

    /// Tries every address once.
    pub(super) async fn connect_once(&self) -> Result<(), Error> {
        let _dialing = self.dialing.lock().await;
        self.dial_any().await.map(drop)
    }

    /// A connection to a node that has not refused to write, if one can be had.
    pub(super) async fn elsewhere(
        &self,
        from: &Connection,
        refused_at: &[String],
        limit: Limit,
    ) -> Option<Arc<Connection>> {
        let going = async {
            let _dialing = self.dialing.lock().await;
            let current = self.open_connection();
            if let Some(current) = current.filter(|at| !refused_at.contains(&at.address)) {
                return Some(current);
            }
            if self.options.follow_members {
                members::learn(from, &self.addresses).await;
            }
            let others = lock(&self.addresses).elsewhere(refused_at);
            self.dial_first(others).await
        };
        limit.within(going).await.flatten()
    }

    async fn dial_first(&self, addresses: Vec<String>) -> Option<Arc<Connection>> {
        for address in addresses {
            if let Ok(connection) = self.dial(&address).await {
                return Some(connection);
            }
        }
        None
    }

    fn open_connection(&self) -> Option<Arc<Connection>> {
        lock(&self.current)
            .as_ref()
            .filter(|connection| connection.is_open())
            .cloned()
    }

    /// Tries all addresses again and again, until one answers or what is wrong is final.
    async fn reconnect(&self) -> Result<Arc<Connection>, Error> {
        let mut backoff = self.dialing.lock().await;
        if let Some(connection) = self.open_connection() {
            return Ok(connection);
        }
        // One that was of no use to anyone must not be made again at once, and for ever.
        match lock(&self.current).take() {
            Some(lost) if !lost.is_useful() => backoff.failed(),
            Some(_useful) => backoff.succeeded(),
            None => {}
        }
        loop {
            sleep(backoff.pause()).await;
            match self.dial_any().await {
                Ok(connection) => return Ok(connection),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => *lock(&self.trouble) = Some(Arc::new(error)),
            }
            backoff.failed();
        }
    }

    /// Tries every address once. Of several errors a final one counts, else the first.
    async fn dial_any(&self) -> Result<Arc<Connection>, Error> {
        let mut worst = None;
        let in_turn = lock(&self.addresses).in_turn();
        for address in in_turn {
            match self.dial(&address).await {
                Ok(connection) => return Ok(connection),
                Err(error) if worst.is_none() || error.is_final() => worst = Some(error),
                Err(_less_telling) => {}
            }
        }
        Err(worst.unwrap_or(Error::NoAddress))
    }

    /// Connects to one address; the connection takes the place of the one there is.
    async fn dial(&self, address: &str) -> Result<Arc<Connection>, Error> {
        lock(&self.addresses).trying(address);
        let after = self.options.dial_timeout;
        let connection = match timeout(after, self.dial_with_access(address)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(undialed(address, no_answer(after))),
        };
        let connection =
            connection.inspect_err(|error| debug!(address, %error, "not connected"))?;
        self.catch_up(&connection).await?;
        debug!(address, "connected");
        let connection = Arc::new(connection);
        if self.options.follow_members {
            let addresses = Arc::clone(&self.addresses);
            self.tasks
                .spawn(members::follow(connection.channel(), addresses));
        }
        if let Some(replaced) = lock(&self.current).replace(Arc::clone(&connection)) {
            replaced.retire();
        }
        Ok(connection)
    }

    async fn dial_with_access(&self, address: &str) -> Result<Connection, Error> {
        let stream = connection::open(address, self.tls.as_ref()).await;
        let connection = Connection::start(
            address.to_owned(),
            stream.map_err(|source| undialed(address, source))?,
            self.options.frame_bytes_max,
            &self.tasks,
            self.stop.child_token(),
        );
        let secrets = lock(&self.secrets).clone();
        let mut answers = Vec::with_capacity(secrets.len());
        for secret in &secrets {
            answers.push(present(&connection, secret).await?);
        }
        // One that is taken will do: the others may be for another right, or out of date.
        if answers.iter().any(Option::is_none) {
            return Ok(connection);
        }
        answers.pop().flatten().map_or(Ok(connection), Err)
    }

    /// Waits until the node has seen what this client has seen.
    async fn catch_up(&self, connection: &Connection) -> Result<(), Error> {
        let rev = self.seen.load(Relaxed);
        if rev == 0 {
            return Ok(());
        }
        let after = self
            .options
            .request_timeout
            .unwrap_or(CATCH_UP_TIMEOUT)
            .min(CATCH_UP_TIMEOUT);
        let stat = request::of_path(Verb::Stat, "/", Some(rev));
        match timeout(after, connection.ask(&stat)).await {
            // A refusal too: the revision is past and gone, or nothing can be read at all.
            Ok(Ok(_response)) => Ok(()),
            Ok(Err(unsettled)) => Err(lost(connection, unsettled)),
            Err(_elapsed) => Err(Error::Behind {
                address: connection.address.clone(),
                rev,
            }),
        }
    }
}

/// Sends the secret; gives the refusal, if it is refused.
async fn present(connection: &Connection, secret: &Secret) -> Result<Option<Error>, Error> {
    let access = Request {
        value: Some(secret.reveal().clone()),
        ..request::of(Verb::Access)
    };
    let answer = connection.ask(&access).await;
    let response = answer.map_err(|unsettled| lost(connection, unsettled))?;
    Ok(response
        .err_code
        .map(|code| refusal(&access, Code::from(code), &response)))
}

fn lost(connection: &Connection, unsettled: Unsettled) -> Error {
    Error::Lost {
        address: connection.address.clone(),
        source: unsettled.cause,
    }
}

fn undialed(address: &str, source: io::Error) -> Error {
    Error::Dial {
        address: address.to_owned(),
        source,
    }
}

fn no_answer(after: Duration) -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("no answer within {after:?}"),
    )
}
