//! Who asks all nodes at the end, when nothing goes wrong any more, what happened.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use compat_tests::history::tale::Tale;
use compat_tests::history::{Event, Kind, Outcome};
use compat_tests::wire::{Request, verb};
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Client, Connection};

/// How long all nodes may take to agree again.
const AGREED_WITHIN: Duration = Duration::from_secs(60);
/// How long one look at a node may take.
const LOOK_WITHIN: Duration = Duration::from_secs(2);
/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long one node may take to tell all that happened.
const TOLD_WITHIN: Duration = Duration::from_secs(60);
/// Answers that are shown when none is a good one.
const TOLD_MAX: usize = 10;
/// Requests outstanding while a history is read.
const READ_AHEAD: i64 = 200;

/// Asks at the end.
#[derive(Debug)]
pub(crate) struct Observer {
    /// Writes the last revision.
    pub(crate) client: Client,
    /// HOST:PORT of each node.
    pub(crate) nodes: Rc<[String]>,
    /// What each node told.
    pub(crate) tales: Rc<RefCell<Vec<Tale>>>,
}

impl Observer {
    /// Waits until all nodes have all that happened, and reads it from each of them.
    pub(crate) async fn run(mut self) -> turmoil::Result {
        let begun = Instant::now();
        let mut newest = self.write(begun).await?;
        for addr in self.nodes.iter() {
            newest = newest.max(reached(addr, newest, begun).await?);
        }
        for addr in self.nodes.iter() {
            reached(addr, newest, begun).await?;
            let tale = timeout(TOLD_WITHIN, read(addr, newest)).await;
            let tale = tale.map_err(|_elapsed| format!("{addr} does not tell all in time"))?;
            let tale = tale.map_err(|error| format!("{addr} does not tell all: {error}"))?;
            self.tales.borrow_mut().push(tale);
        }
        Ok(())
    }

    /// Makes a revision; nothing that was answered before is behind it.
    async fn write(&mut self, begun: Instant) -> turmoil::Result<i64> {
        let mut told = Vec::new();
        while begun.elapsed() < AGREED_WITHIN {
            let node = self.client.node();
            let outcome = self.client.ask(&Kind::Nop).await;
            if let Some(Outcome::Answered(_)) = outcome
                && let Some(Outcome::Answered(answer)) = self.client.ask(&Kind::Rev).await
            {
                return Ok(answer.rev);
            }
            told.push((node, outcome));
            sleep(LOOK_EVERY).await;
        }
        let told = &told[told.len().saturating_sub(TOLD_MAX)..];
        Err(format!("no node writes again, at last {told:?}").into())
    }
}

/// Waits until the node at `addr` has reached `rev`; the revision that it has.
async fn reached(addr: &str, rev: i64, begun: Instant) -> turmoil::Result<i64> {
    let mut last = None;
    while begun.elapsed() < AGREED_WITHIN {
        if let Ok(Ok(there)) = timeout(LOOK_WITHIN, look(addr)).await {
            if there >= rev {
                return Ok(there);
            }
            last = Some(there);
        }
        sleep(LOOK_EVERY).await;
    }
    Err(format!("{addr} does not reach revision {rev}, the last seen was {last:?}").into())
}

async fn look(addr: &str) -> io::Result<i64> {
    let mut connection = Connection::open(addr).await?;
    let response = connection.exchange(&Request::new(verb::REV)).await?;
    Ok(response.rev.unwrap_or_default())
}

/// All that happened up to `newest`, as the node at `addr` tells it.
async fn read(addr: &str, newest: i64) -> io::Result<Tale> {
    let mut connection = Connection::open(addr).await?;
    let (mut next, mut events) = (1, Vec::new());
    for told in 1..=newest {
        while next <= newest && next < told + READ_AHEAD {
            let tag = i32::try_from(next).map_err(io::Error::other)?;
            let wait = Request::wait("/**", next).tag(tag);
            connection.send(&wait).await?;
            next += 1;
        }
        let response = connection.receive().await?;
        let (Some(tag), Some(rev), None) = (response.tag, response.rev, response.err_code) else {
            return Err(io::Error::other(format!(
                "no event of the past: {response:?}"
            )));
        };
        events.push((tag, rev, Event::of(&response)));
    }
    events.sort_by_key(|(tag, _, _)| *tag);
    Ok(Tale {
        node: addr.to_owned(),
        first: 1,
        events: events
            .into_iter()
            .map(|(_, rev, event)| (rev, event))
            .collect(),
    })
}
