//! Whether the cluster can be reached, and written to: what the prompt says of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::board::Board;
use crate::failure;
use crate::session::Session;

/// How often the cluster is asked how it is.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long it may take to answer before it counts as not connected.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How long the first prompt waits for the connection.
const FIRST_WITHIN: Duration = Duration::from_secs(2);
/// How long every other prompt waits to be up to date.
const UPDATE_WITHIN: Duration = Duration::from_millis(50);

/// The file that holds the cluster's name.
const NAME_PATH: &str = "/ctl/name";

/// How the cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It takes writes.
    Connected,
    /// It can be read alone.
    ReadOnly,
    /// It wants a secret.
    NoAccess,
    /// It does not answer.
    NotConnected,
}

/// What is known of the cluster.
#[derive(Debug)]
pub(super) struct Link {
    session: Session,
    known: Rc<Known>,
}

#[derive(Debug)]
struct Known {
    state: Cell<State>,
    name: RefCell<Option<String>>,
}

impl Link {
    pub(super) fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
            known: Rc::new(Known {
                state: Cell::new(State::NotConnected),
                name: RefCell::default(),
            }),
        }
    }

    pub(super) fn state(&self) -> State {
        self.known.state.get()
    }

    /// The cluster's name; until it has told it, where it is.
    pub(super) fn name(&self) -> String {
        let name = self.known.name.borrow().clone();
        let address = || {
            let server = self.session.connected();
            server.and_then(|server| server.client.addresses().first().cloned())
        };
        name.or_else(address).unwrap_or_else(|| "doozer".to_owned())
    }

    /// Connects, for as long as a first prompt may wait; says why it cannot.
    pub(super) async fn connect(&self, board: &Board) {
        match timeout(FIRST_WITHIN, self.ask()).await {
            Ok(Ok(state)) => self.known.state.set(state),
            Ok(Err(error)) => {
                self.known.state.set(state_of(&error));
                board.tell(failure::text(&error).trim_end());
            }
            Err(_elapsed) => board.tell("No answer yet: it is asked again and again."),
        }
    }

    /// Looks once more before a prompt, which hardly waits for it.
    pub(super) async fn update(&self) {
        if self.session.connected().is_none() {
            return;
        }
        if let Ok(Ok(state)) = timeout(UPDATE_WITHIN, self.ask()).await {
            self.known.state.set(state);
        }
    }

    /// Looks again and again, and tells what changes, for as long as it is polled.
    pub(super) async fn keep_looking(&self, board: &Board) {
        loop {
            sleep(ASK_EVERY).await;
            let (state, why) = match timeout(ANSWER_WITHIN, self.ask()).await {
                Ok(Ok(state)) => (state, None),
                Ok(Err(error)) => (state_of(&error), Some(failure::reason(&error))),
                Err(_elapsed) => (State::NotConnected, None),
            };
            if self.known.state.replace(state) != state {
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                board.tell(&format!("{}: {}{why}", self.name(), state.told()));
            }
        }
    }

    async fn ask(&self) -> anyhow::Result<State> {
        let server = self.session.server().await?;
        let client = server.client.with_request_timeout(Some(ANSWER_WITHIN));
        if self.known.name.borrow().is_none() {
            let name = client.get(NAME_PATH, None).await?;
            let name = String::from_utf8(name.value.to_vec()).ok();
            *self.known.name.borrow_mut() = name.filter(|name| !name.is_empty());
        }
        let id = client.self_id().await?;
        let path = format!("/ctl/node/{}/writable", String::from_utf8_lossy(&id));
        let writable = client.get(&path, None).await?;
        Ok(if &writable.value[..] == b"true" {
            State::Connected
        } else {
            State::ReadOnly
        })
    }
}

impl State {
    /// In the prompt; nothing where all is well.
    pub(super) fn mark(self) -> Option<&'static str> {
        match self {
            Self::Connected => None,
            Self::ReadOnly => Some("read-only"),
            Self::NoAccess => Some("no access"),
            Self::NotConnected => Some("not connected"),
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::ReadOnly => "connected, but to a node that takes no writes",
            Self::NoAccess => "connected, but it wants a secret",
            Self::NotConnected => "not connected, trying again",
        }
    }
}

/// What an error says of the cluster.
fn state_of(error: &anyhow::Error) -> State {
    match failure::status(error) {
        failure::EXIT_NO_ACCESS => State::NoAccess,
        _ => State::NotConnected,
    }
}
