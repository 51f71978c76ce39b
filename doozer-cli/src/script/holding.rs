//! `once` and `as-leader`: blocks that one of many runs at a time, holding a file.

use std::rc::Rc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::limits::{self, LOCK_REV};
use super::place::Place;
use super::run::Runner;
use super::syntax::{Block, Holding};
use crate::failure::reason;
use crate::hold::{self, AcquireError, Claim, Held, HoldOptions, TimeToLive, Value};

/// What a file of `once` holds when its block has come to its end.
const DONE: &[u8] = b"done";

/// Whether the block is ours to run.
enum Turn {
    /// It is, while this is held.
    Held(Held),
    /// In a dry run it would be.
    Dry,
    /// Somebody has run it to its end.
    Done,
}

impl Runner<'_> {
    /// Runs `body` unless somebody has run it to its end, or does so while this waits.
    pub(super) async fn once(
        &mut self,
        place: Place,
        hold: &Holding,
        body: &Block,
    ) -> Result<(), Failure> {
        let turn = self.turn("once", hold, true).await;
        let turn = turn.map_err(|error| self.failure(place, error))?;
        let Some(mine) = self.during(turn, body).await? else {
            return Ok(());
        };
        let finished = mine.finish(Bytes::from_static(DONE)).await;
        finished.map(drop).map_err(|error| {
            "once".clone_into(&mut self.told);
            self.failure(place, error.into())
        })
    }

    /// Runs `body` while nobody else runs one on the same file.
    pub(super) async fn as_leader(
        &mut self,
        place: Place,
        hold: &Holding,
        body: &Block,
    ) -> Result<(), Failure> {
        let turn = self.turn("as-leader", hold, false).await;
        let turn = turn.map_err(|error| self.failure(place, error))?;
        let Some(mine) = self.during(turn, body).await? else {
            return Ok(());
        };
        mine.release().await.map_err(|error| {
            "as-leader".clone_into(&mut self.told);
            self.failure(place, error.into())
        })
    }

    /// Runs `body` if it is its turn, and returns what is still held then. What is held is given
    /// back when the body fails.
    async fn during(&mut self, turn: Turn, body: &Block) -> Result<Option<Held>, Failure> {
        let held = match turn {
            Turn::Done => return Ok(None),
            Turn::Dry => {
                self.variables.insert(LOCK_REV.to_owned(), "0".to_owned());
                self.block(body).await?;
                return Ok(None);
            }
            Turn::Held(held) => Rc::new(held),
        };
        self.variables
            .insert(LOCK_REV.to_owned(), held.rev().to_string());
        self.guards.hold(Rc::clone(&held));
        let done = self.block(body).await;
        self.guards.let_go();
        let held = Rc::into_inner(held).expect("invariant: the guards have let it go");
        let Err(failure) = done else {
            return Ok(Some(held));
        };
        if let Err(error) = held.release().await {
            let error = reason(&error.into());
            self.session.note(format_args!("{}: {error}", self.file));
        }
        Err(failure)
    }

    /// Waits for the turn of this script.
    async fn turn(&mut self, name: &str, hold: &Holding, once: bool) -> anyhow::Result<Turn> {
        let path = self.path(&hold.path).await?;
        let time_to_live = match &hold.time_to_live {
            Some(word) => limits::time_to_live(&self.text(word).await?)?,
            None => TimeToLive::default(),
        };
        let told = format!("{name} {path}");
        self.begin(&told);
        if self.mode.dry_run {
            return self.would_hold(&told, &path, once).await;
        }
        let options = HoldOptions {
            value: Value::Claim,
            time_to_live,
            wait: None,
            give_up: CancellationToken::new(),
        };
        let acquiring = async {
            let server = self.session.server().await?;
            match hold::acquire(&server.client, &path, options).await {
                Ok(mine) => Ok(Turn::Held(mine)),
                Err(AcquireError::NoClaim { value, .. }) if once && value == DONE => Ok(Turn::Done),
                Err(error) => Err(server.name_in(error.into())),
            }
        };
        let waiting = self.telling(&told, acquiring);
        self.guards.run(waiting).await
    }

    async fn would_hold(&mut self, told: &str, path: &str, once: bool) -> anyhow::Result<Turn> {
        let reading = async {
            let server = self.session.server().await?;
            let file = server.client.get(path, None).await;
            file.map_err(|error| server.at(error))
        };
        let file = self.guards.run(reading).await?;
        if once && file.value == DONE {
            return Ok(Turn::Done);
        }
        let holder = Claim::read(&file.value);
        let told = holder.map_or(told.to_owned(), |holder| {
            format!("{told}, now held by {holder}")
        });
        self.would(&told)?;
        Ok(Turn::Dry)
    }
}
