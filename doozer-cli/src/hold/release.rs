//! Gives a file back, or leaves a last value in it.

use std::time::Duration;

use bytes::Bytes;
use doozer_client::Error;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::lease::{Lease, Loss};
use super::{Held, is_passing};

/// How long giving back may take. After its time-to-live the file can be taken over anyway.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(5);
/// The rest after something that passes stood in the way.
const REST: Duration = Duration::from_millis(100);

/// Why a file was not given back.
#[derive(Debug, Error)]
pub(crate) enum GiveBackError {
    /// It was not held any more.
    #[error("{path} was not held any more: {loss}")]
    Lost {
        /// Which file.
        path: String,
        /// Why.
        loss: Loss,
    },
    /// There was no answer in time.
    #[error("{path} was not given back within {GIVE_BACK_WITHIN:?}")]
    Late {
        /// Which file.
        path: String,
    },
    /// The server refused.
    #[error("{path} was not given back")]
    Client {
        /// Which file.
        path: String,
        /// With which words.
        source: Error,
    },
}

/// What is left of a file.
enum Last<'a> {
    Nothing,
    Value(&'a Bytes),
}

impl Held {
    /// Deletes the file, so that the next one can have it. What ran under it must have ended.
    pub(crate) async fn release(self) -> Result<(), GiveBackError> {
        self.leave(&Last::Nothing).await.map(drop)
    }

    /// Leaves `value` in the file for good, and returns the revision that made. An error says that
    /// it is not known to be there.
    pub(crate) async fn finish(self, value: Bytes) -> Result<i64, GiveBackError> {
        self.leave(&Last::Value(&value)).await
    }

    async fn leave(mut self, last: &Last<'_>) -> Result<i64, GiveBackError> {
        self.stop.cancel();
        // A renewal that is under way ends first, lest it works after the file is gone.
        let lease = (&mut self.keeper).await;
        let mut lease = lease.map_err(|_panic| self.not_held(Loss::NotKept))?;
        let loss = self.promise.borrow().loss.clone();
        if let Some(loss @ (Loss::Taken { .. } | Loss::Deleted)) = loss {
            return Err(self.not_held(loss));
        }
        match timeout(GIVE_BACK_WITHIN, self.leave_as(last, &mut lease)).await {
            Ok(left) => left,
            Err(_elapsed) => Err(GiveBackError::Late {
                path: self.path.clone(),
            }),
        }
    }

    /// Tries until it is clear how the file is left.
    async fn leave_as(&self, last: &Last<'_>, lease: &mut Lease) -> Result<i64, GiveBackError> {
        loop {
            let (path, rev) = (&self.path, lease.rev());
            let left = match last {
                Last::Nothing => self.client.del(path, rev).await.map(|()| 0),
                Last::Value(value) => self.client.set(path, rev, Bytes::clone(value)).await,
            };
            match left {
                Ok(rev) => return Ok(rev),
                Err(error) if error.is_rev_mismatch() || is_passing(&error) => {}
                Err(source) => {
                    let path = path.clone();
                    return Err(GiveBackError::Client { path, source });
                }
            }
            if let Some(rev) = self.look(last, lease).await? {
                return Ok(rev);
            }
            sleep(REST).await;
        }
    }

    /// Looks whether the file is as it is to be left, after all; at which revision.
    async fn look(&self, last: &Last<'_>, lease: &mut Lease) -> Result<Option<i64>, GiveBackError> {
        let Ok(file) = self.client.get(&self.path, None).await else {
            return Ok(None);
        };
        let is_left = match last {
            Last::Nothing => file.rev == 0,
            Last::Value(value) => file.rev > lease.rev() && file.value == *value,
        };
        if is_left {
            return Ok(Some(file.rev));
        }
        let found = lease.found(file.rev, file.value == self.value);
        found.map(|()| None).map_err(|loss| self.not_held(loss))
    }

    fn not_held(&self, loss: Loss) -> GiveBackError {
        GiveBackError::Lost {
            path: self.path.clone(),
            loss,
        }
    }
}
