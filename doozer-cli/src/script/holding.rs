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
            return self.would_hold(&path, once).await;
        }
        let turn = self.contend(&path, time_to_live, once);
        self.telling(&told, turn).await
    }

    /// Contends for the file until it is this script's turn, or something ends the script.
    async fn contend(
        &self,
        path: &str,
        time_to_live: TimeToLive,
        once: bool,
    ) -> anyhow::Result<Turn> {
        let server = self.guards.run(self.session.server()).await?;
        let give_up = CancellationToken::new();
        let options = HoldOptions {
            value: Value::Claim,
            time_to_live,
            wait: None,
            give_up: give_up.clone(),
        };
        let acquiring = hold::acquire(&server.client, path, options);
        tokio::pin!(acquiring);
        let acquired = tokio::select! {
            acquired = &mut acquiring => acquired,
            stopped = self.guards.stopped() => {
                // What is taken in this moment is given back, lest others wait for nobody.
                give_up.cancel();
                if let Ok(mine) = acquiring.await {
                    mine.release().await?;
                }
                return Err(stopped.into());
            }
        };
        match acquired {
            Ok(mine) => Ok(Turn::Held(mine)),
            Err(AcquireError::NoClaim { value, .. }) if once && value == DONE => Ok(Turn::Done),
            Err(error) => Err(server.name_in(error.into())),
        }
    }

    async fn would_hold(&mut self, path: &str, once: bool) -> anyhow::Result<Turn> {
        let file = self.would_find(path).await?;
        if once && file.value == DONE {
            return Ok(Turn::Done);
        }
        let holder = Claim::read(&file.value);
        let holder = holder.map(|holder| format!(", now held by {holder}"));
        self.would(&format!("hold {path}{}", holder.unwrap_or_default()))?;
        if once {
            self.pretended.set(path, Some(Bytes::from_static(DONE)));
        }
        Ok(Turn::Dry)
    }
}
