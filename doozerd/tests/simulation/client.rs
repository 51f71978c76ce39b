//! A client on a simulated machine: asks over the simulator's sockets, turns to another node when
//! one fails it, and records all of it.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use compat_tests::history::client::{outcome_of, request};
use compat_tests::history::{Answer, Doubt, Kind, Operation, Outcome, Refusal};
use compat_tests::wire::{Request, Response};
use doozerd::net::TcpStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

/// How long a connection may take to open.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long a client pauses when no node takes its request.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Bytes of the header of a frame.
const HEADER_BYTES: usize = 4;

/// What all clients asked and were told.
#[derive(Debug, Default)]
pub(crate) struct Book {
    operations: RefCell<Vec<Operation>>,
    clients: Cell<usize>,
    connections: Cell<u64>,
}

impl Book {
    /// All that was recorded so far.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.operations.borrow().clone()
    }

    fn next_client(&self) -> usize {
        self.clients.replace(self.clients.get() + 1)
    }

    fn next_connection(&self) -> u64 {
        self.connections.replace(self.connections.get() + 1)
    }
}

/// The time since the simulation began.
pub(crate) fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// An open connection to a node.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects to HOST:PORT.
    pub(crate) async fn open(addr: &str) -> io::Result<Self> {
        let connecting = timeout(CONNECT_WITHIN, TcpStream::connect(addr.to_owned()));
        let stream = connecting.await??;
        let received = Vec::new();
        Ok(Self { stream, received })
    }

    /// Sends a request.
    pub(crate) async fn send(&mut self, request: &Request) -> io::Result<()> {
        self.stream.write_all(&request.frame()).await
    }

    /// The next response. Dropped in the middle it has lost nothing.
    pub(crate) async fn receive(&mut self) -> io::Result<Response> {
        loop {
            if let Some(message) = self.take_message() {
                return Response::parse(&message).map_err(io::Error::other);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn exchange(&mut self, request: &Request) -> io::Result<Response> {
        self.send(request).await?;
        self.receive().await
    }

    fn take_message(&mut self) -> Option<Vec<u8>> {
        let header = self.received.first_chunk::<HEADER_BYTES>()?;
        let end = HEADER_BYTES + usize::try_from(u32::from_be_bytes(*header)).ok()?;
        let message = self.received.get(HEADER_BYTES..end)?.to_vec();
        self.received.drain(..end);
        Some(message)
    }
}

/// One client; what it asks for, it asks one after another.
#[derive(Debug)]
pub(crate) struct Client {
    book: Rc<Book>,
    number: usize,
    /// HOST:PORT of each node.
    nodes: Rc<[String]>,
    node: usize,
    /// How long it waits for an answer before it gives the connection up.
    patience: Duration,
    open: Option<(u64, Connection)>,
}

impl Client {
    /// A client of `nodes` that begins with the one at `first`.
    pub(crate) fn new(
        book: &Rc<Book>,
        nodes: &Rc<[String]>,
        first: usize,
        patience: Duration,
    ) -> Self {
        Self {
            book: Rc::clone(book),
            number: book.next_client(),
            nodes: Rc::clone(nodes),
            node: first % nodes.len(),
            patience,
            open: None,
        }
    }

    /// Which of the clients it is.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The node that it speaks with.
    pub(crate) fn node(&self) -> usize {
        self.node
    }

    /// Leaves its connection and speaks with the next node.
    pub(crate) fn turn(&mut self) {
        self.open = None;
        self.node = (self.node + 1) % self.nodes.len();
    }

    /// Asks once and records it; `None` when no connection could be opened, so that nothing was
    /// asked. Turns to the next node when this one fails it or is read-only.
    pub(crate) async fn ask(&mut self, kind: &Kind) -> Option<Outcome> {
        if self.open.is_none() {
            let Ok(connection) = Connection::open(&self.nodes[self.node]).await else {
                self.turn();
                return None;
            };
            self.open = Some((self.book.next_connection(), connection));
        }
        let invoked = now();
        let (number, connection) = self.open.as_mut()?;
        let number = *number;
        let request = request(kind);
        let exchange = connection.exchange(&request);
        let answer = match timeout(self.patience, exchange).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_lost)) => Err(Doubt::ConnectionLost),
            Err(_elapsed) => Err(Doubt::Silence),
        };
        let outcome = outcome_of(kind, answer);
        self.book.operations.borrow_mut().push(Operation {
            client: self.number,
            node: self.node,
            connection: number,
            kind: kind.clone(),
            outcome: outcome.clone(),
            invoked,
            returned: now(),
        });
        match outcome {
            Outcome::Unknown(Doubt::ConnectionLost | Doubt::Silence)
            | Outcome::Refused(Refusal::ReadOnly) => self.turn(),
            _ => {}
        }
        Some(outcome)
    }

    /// Asks for what is not recorded, over the open connection; nothing where there is none.
    pub(crate) async fn exchange(&mut self, request: &Request) -> Option<Response> {
        let (_, connection) = self.open.as_mut()?;
        let response = timeout(self.patience, connection.exchange(request)).await;
        if let Ok(Ok(response)) = response {
            return Some(response);
        }
        self.turn();
        None
    }

    /// Asks until some node answers, or refuses otherwise than by READONLY, or until `limit`.
    /// A mutation whose outcome is unknown is not asked for again.
    pub(crate) async fn ask_any(&mut self, kind: &Kind, limit: Duration) -> Option<Outcome> {
        let begin = Instant::now();
        for attempt in 0.. {
            if begin.elapsed() >= limit {
                break;
            }
            match self.ask(&again(kind, attempt)).await {
                Some(Outcome::Refused(Refusal::ReadOnly)) | None => sleep(AGAIN_AFTER).await,
                Some(Outcome::Unknown(_)) if !kind.is_mutation() => {}
                outcome => return outcome,
            }
        }
        None
    }

    /// Reads a file, or anything else that changes nothing.
    pub(crate) async fn read(&mut self, kind: &Kind, limit: Duration) -> Option<Answer> {
        match self.ask_any(kind, limit).await {
            Some(Outcome::Answered(answer)) => Some(answer),
            _ => None,
        }
    }
}

/// What is asked for at the `attempt`-th time: a SET of a recorded file has a value of its own each
/// time, so that the one that was refused can be told from the one that was not.
fn again(kind: &Kind, attempt: usize) -> Kind {
    let mut kind = kind.clone();
    if let (Kind::Set { path, value, .. }, 1..) = (&mut kind, attempt)
        && compat_tests::history::is_ours(path)
    {
        value.extend_from_slice(format!("~{attempt}").as_bytes());
    }
    kind
}
