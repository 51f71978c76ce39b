//! A client that turns to another node when one fails it, and records all that it does.

use std::io::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::recorder::Recorder;
use super::{Answer, Doubt, Event, Kind, Operation, Outcome, Refusal};
use crate::connection::{Connection, Received};
use crate::wait;
use crate::wire::{Request, Response, error, verb};

/// How long a connection may take to open.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How often a client that waits looks whether it shall stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a client pauses when no node takes its request.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// One client; what it asks for, it asks one after another.
#[derive(Debug)]
pub struct Client {
    recorder: Arc<Recorder>,
    number: usize,
    /// HOST:PORT of each node.
    nodes: Vec<String>,
    /// The node that it speaks with.
    node: usize,
    /// How long it waits for an answer before it gives the connection up.
    patience: Duration,
    open: Option<(u64, Connection)>,
    /// When the newest request was sent.
    invoked: Duration,
}

impl Client {
    /// A client of `nodes` that begins with the one at `first`.
    pub fn new(recorder: &Arc<Recorder>, nodes: &[String], first: usize) -> Self {
        Self {
            recorder: Arc::clone(recorder),
            number: recorder.next_client(),
            nodes: nodes.to_vec(),
            node: first % nodes.len(),
            patience: Duration::from_secs(40),
            open: None,
            invoked: Duration::ZERO,
        }
    }

    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Which of the recorder's clients it is.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The node that it speaks with.
    pub fn node(&self) -> usize {
        self.node
    }

    /// Leaves its connection and speaks with the next node.
    pub fn turn(&mut self) {
        self.open = None;
        self.node = (self.node + 1) % self.nodes.len();
    }

    /// Asks once and records it; `None` when no connection could be opened, so that nothing was
    /// asked. Turns to the next node when this one fails it or is read-only.
    pub fn ask(&mut self, kind: &Kind) -> Option<Outcome> {
        self.ask_until(kind, || false)
    }

    /// [`Self::ask`], given up as soon as `stop` says so.
    pub fn ask_until(&mut self, kind: &Kind, stop: impl Fn() -> bool) -> Option<Outcome> {
        if self.open().is_err() {
            self.turn();
            return None;
        }
        self.invoked = self.recorder.now();
        let (connection, answer) = {
            let (number, connection) = self.open.as_mut()?;
            (*number, exchange(connection, kind, self.patience, stop))
        };
        let outcome = outcome_of(kind, answer);
        self.recorder.record(Operation {
            client: self.number,
            node: self.node,
            connection,
            kind: kind.clone(),
            outcome: outcome.clone(),
            invoked: self.invoked,
            returned: self.recorder.now(),
        });
        match outcome {
            Outcome::Unknown(Doubt::ConnectionLost | Doubt::Silence)
            | Outcome::Refused(Refusal::ReadOnly) => self.turn(),
            _ => {}
        }
        Some(outcome)
    }

    /// Asks until some node answers, or refuses otherwise than by READONLY, or until `limit`.
    /// A mutation whose outcome is unknown is not asked for again.
    pub fn ask_any(&mut self, kind: &Kind, limit: Duration) -> Option<Outcome> {
        let begin = Instant::now();
        for attempt in 0.. {
            if begin.elapsed() >= limit {
                break;
            }
            match self.ask(&again(kind, attempt)) {
                Some(Outcome::Refused(Refusal::ReadOnly)) | None => wait::pause(AGAIN_AFTER),
                Some(Outcome::Unknown(_)) if !kind.is_mutation() => {}
                outcome => return outcome,
            }
        }
        None
    }

    fn open(&mut self) -> Result<()> {
        if self.open.is_none() {
            let connection = Connection::open_within(&self.nodes[self.node], CONNECT_WITHIN)?;
            self.open = Some((self.recorder.next_connection(), connection));
        }
        Ok(())
    }
}

/// What is asked for at the `attempt`-th time: a SET has a value of its own each time, so that
/// the one that was refused can be told from the one that was not.
fn again(kind: &Kind, attempt: usize) -> Kind {
    let mut kind = kind.clone();
    if let (Kind::Set { value, .. }, 1..) = (&mut kind, attempt) {
        value.extend_from_slice(format!("~{attempt}").as_bytes());
    }
    kind
}

/// The request that asks for `kind`.
pub fn request(kind: &Kind) -> Request {
    match kind {
        Kind::Set { path, rev, value } => Request::set(path, *rev, value),
        Kind::Del { path, rev } => Request::del(path, *rev),
        Kind::Get { path } => Request::get(path),
        Kind::Wait { glob, rev } => Request::wait(glob, *rev),
        Kind::Nop => Request::new(verb::NOP),
        Kind::Rev => Request::new(verb::REV),
    }
}

fn exchange(
    connection: &mut Connection,
    kind: &Kind,
    patience: Duration,
    stop: impl Fn() -> bool,
) -> std::result::Result<Response, Doubt> {
    let lost = |_error: std::io::Error| Doubt::ConnectionLost;
    connection.send(&request(kind)).map_err(lost)?;
    let begin = Instant::now();
    while begin.elapsed() < patience && !stop() {
        match connection.receive(LOOK_EVERY.min(patience)).map_err(lost)? {
            Received::Response(response) => return Ok(response),
            Received::Closed => return Err(Doubt::ConnectionLost),
            Received::Nothing => {}
        }
    }
    Err(Doubt::Silence)
}

/// What an answer to `kind`, or the lack of one, means.
pub fn outcome_of(kind: &Kind, answer: std::result::Result<Response, Doubt>) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        Err(doubt) => return Outcome::Unknown(doubt),
    };
    match response.err_code {
        None => Outcome::Answered(answer_of(kind, &response)),
        Some(error::READONLY) => Outcome::Refused(Refusal::ReadOnly),
        Some(error::REV_MISMATCH) => Outcome::Refused(Refusal::Mismatch),
        Some(error::OTHER) if response.detail().starts_with("not executed") => {
            Outcome::Refused(Refusal::NotExecuted)
        }
        Some(error::OTHER) => Outcome::Unknown(Doubt::Told(response.detail())),
        Some(code) => Outcome::Refused(Refusal::Code(code, response.detail())),
    }
}

fn answer_of(kind: &Kind, response: &Response) -> Answer {
    let is_wait = matches!(kind, Kind::Wait { .. });
    Answer {
        rev: response.rev.unwrap_or_default(),
        event: is_wait.then(|| Event::of(response)),
        value: match kind {
            Kind::Get { .. } => response.value.clone().unwrap_or_default(),
            _ => Vec::new(),
        },
    }
}
