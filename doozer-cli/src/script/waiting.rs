//! `wait-for` and `wait-members`: wait for what others do.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use doozer_client::{Client, ErrCode, Error};

use super::expand::told_word;
use super::limits;
use super::run::Runner;
use super::syntax::Word;
use crate::failure::reason;
use crate::hold::is_passing;

/// How often it is told, on a terminal, that there is still something to wait for.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// The rest after something that passes stood in the way.
const REST: Duration = Duration::from_millis(200);

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// A file, or a directory.
    Exists(String),
    /// A file with this value.
    Value(String, Bytes),
    /// So many members that take writes.
    Members(usize),
}

/// What was found.
struct Look {
    is_there: bool,
    /// What there is instead.
    instead: String,
}

impl Runner<'_> {
    pub(super) async fn wait_for(
        &mut self,
        path: &Word,
        value: Option<&Word>,
        timeout: Option<&Word>,
    ) -> anyhow::Result<()> {
        let path = self.path(path).await?;
        let mut told = format!("wait-for {path}");
        let wanted = match value {
            None => Wanted::Exists(path),
            Some(value) => {
                let value = self.value(value).await?;
                told = format!("{told} = {}", told_word(&value));
                Wanted::Value(path, value)
            }
        };
        self.wait(&told, &wanted, timeout).await
    }

    pub(super) async fn wait_members(
        &mut self,
        count: &Word,
        timeout: Option<&Word>,
    ) -> anyhow::Result<()> {
        let count = limits::members(&self.text(count).await?)?;
        let told = format!("wait-members {count}");
        self.wait(&told, &Wanted::Members(count), timeout).await
    }

    async fn wait(
        &mut self,
        told: &str,
        wanted: &Wanted,
        timeout: Option<&Word>,
    ) -> anyhow::Result<()> {
        let limit = match timeout {
            Some(word) => Some(limits::duration(&self.text(word).await?)?),
            None => None,
        };
        let told = limit.map_or(told.to_owned(), |limit| format!("{told} timeout {limit:?}"));
        self.begin(&told);
        if self.mode.dry_run {
            return self.would_wait(&told, wanted).await;
        }
        let waiting = async {
            let server = self.session.server().await?;
            let done = within(limit, &server.client, wanted).await;
            done.map_err(|error| server.at(error))
        };
        self.guards.run(self.telling(&told, waiting)).await
    }

    /// What `work` comes to; meanwhile it is told, on a terminal, what is waited for.
    pub(super) async fn telling<T>(
        &self,
        told: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let progress = self.session.progress(0, told);
        let telling = async {
            loop {
                tokio::time::sleep(TELL_EVERY).await;
                progress.say("");
            }
        };
        tokio::select! {
            done = work => done,
            never = telling => never,
        }
    }

    async fn would_wait(&mut self, told: &str, wanted: &Wanted) -> anyhow::Result<()> {
        let pretended = match wanted {
            Wanted::Exists(path) => self.pretended.exists(path) == Some(true),
            Wanted::Value(path, value) => {
                let file = self.pretended.file(path);
                file.is_some_and(|file| file.rev != 0 && file.value == *value)
            }
            Wanted::Members(_) => false,
        };
        if pretended {
            return Ok(());
        }
        let looking = async {
            let server = self.session.server().await?;
            let look = look(&server.client, wanted).await;
            look.map_err(|error| server.at(error))
        };
        let look = self.guards.run(looking).await?;
        if look.is_there {
            return Ok(());
        }
        self.would(&format!("{told}: {}", look.instead))
    }
}

/// Waits until there is what is wanted, for `limit` at most.
async fn within(limit: Option<Duration>, client: &Client, wanted: &Wanted) -> anyhow::Result<()> {
    let mut last = String::new();
    let waiting = until(client, wanted, &mut last);
    match limit {
        None => waiting.await,
        Some(limit) => tokio::time::timeout(limit, waiting)
            .await
            .unwrap_or_else(|_elapsed| Err(anyhow!("waited {limit:?} in vain: {last}"))),
    }
}

/// Waits until there is what is wanted; `last` says what there is meanwhile.
async fn until(client: &Client, wanted: &Wanted, last: &mut String) -> anyhow::Result<()> {
    loop {
        match look_and_wait(client, wanted, last).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // Much has happened at once: another look tells.
            Err(error) if error.code() == Some(ErrCode::TooLate) => {}
            Err(error) if is_passing(&error) => {
                *last = reason(&error.into());
                tokio::time::sleep(REST).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether there is what is wanted; if not, a change has happened when it is told.
async fn look_and_wait(client: &Client, wanted: &Wanted, last: &mut String) -> Result<bool, Error> {
    // From before the look on, so that no change falls in between.
    let rev = client.rev().await?;
    let look = look(client, wanted).await?;
    if !look.is_there {
        *last = look.instead;
        client.wait(&wanted.glob(), rev + 1).await?;
    }
    Ok(look.is_there)
}

impl Wanted {
    /// The files whose changes may bring it about.
    fn glob(&self) -> String {
        match self {
            // It may be made as a directory.
            Self::Exists(path) => format!("{}**", path.trim_end_matches('/')),
            Self::Value(path, _) => path.clone(),
            Self::Members(_) => "/ctl/**".to_owned(),
        }
    }
}

async fn look(client: &Client, wanted: &Wanted) -> Result<Look, Error> {
    match wanted {
        Wanted::Exists(path) => Ok(Look {
            is_there: !client.stat(path, None).await?.is_missing(),
            instead: format!("{path} is missing"),
        }),
        Wanted::Value(path, value) => {
            let file = client.get(path, None).await?;
            let instead = if file.rev == 0 {
                format!("{path} is missing")
            } else {
                format!("{path} is {}", told_word(&file.value))
            };
            Ok(Look {
                is_there: file.rev != 0 && file.value == *value,
                instead,
            })
        }
        Wanted::Members(count) => {
            let members = members(client).await?;
            Ok(Look {
                is_there: members >= *count,
                instead: format!("{members} of {count} members take writes"),
            })
        }
    }
}

/// How many nodes hold a slot and say that they take writes.
async fn members(client: &Client) -> Result<usize, Error> {
    let slots = client.walk_all("/ctl/cal/*", None).await?;
    let ids = slots
        .iter()
        .filter_map(|slot| str::from_utf8(&slot.value).ok());
    let ids: BTreeSet<&str> = ids.filter(|id| !id.is_empty()).collect();
    let mut members = 0;
    for id in ids {
        let path = format!("/ctl/node/{id}/writable");
        members += usize::from(client.get(&path, None).await?.value == "true");
    }
    Ok(members)
}
