//! Carries out a plan, by compare-and-set.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bytes::Bytes;
use doozer_client::{Client, ErrCode, Error};
use thiserror::Error;

use super::mismatch::{Changed, Now};
use super::path::StorePath;
use super::plan::{Counts, Plan, Step};
use super::present::{Seen, look};
use super::window::{self, Job};
use crate::server::Server;
use crate::session::Session;

/// How often a mutation whose outcome is unknown is tried before that is told. Between two tries
/// the client has connected again and the file has been looked at.
const TRIES_MAX: usize = 5;

/// What came of a plan.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What was set and deleted.
    pub(crate) counts: Counts,
    /// The revision of each file that was set, by this or by somebody who set the same.
    pub(crate) set: BTreeMap<StorePath, i64>,
    /// The files that somebody else had changed meanwhile. They were left as they are.
    pub(crate) changed: Vec<Changed>,
}

/// A plan was not carried out to its end.
#[derive(Debug, Error)]
#[error("{made} of {steps} changes were made, and the same again goes on")]
pub(crate) struct CutShort {
    made: usize,
    steps: usize,
}

/// Carries out `plan` at `server`, and shows on the terminal how far it is. Files that others
/// change in the meantime are left alone, and the rest of the plan is carried out; any other
/// failure ends it.
pub(crate) async fn carry_out(
    session: &Session,
    server: &Server,
    plan: &Plan,
    what: &str,
) -> anyhow::Result<Outcome> {
    let steps: usize = plan.phases().iter().map(|phase| phase.len()).sum();
    let progress = session.progress(u64::try_from(steps).unwrap_or(u64::MAX), what);
    let mut outcome = Outcome {
        counts: Counts {
            same: plan.same.len(),
            ..Counts::default()
        },
        ..Outcome::default()
    };
    for phase in plan.phases() {
        let tick = || progress.add(1);
        let failed = carry_out_phase(&server.client, phase, &mut outcome, tick).await;
        if let Some(error) = failed {
            let made = outcome.counts.set + outcome.counts.deleted;
            return Err(server.at(error).context(CutShort { made, steps }));
        }
    }
    Ok(outcome)
}

async fn carry_out_phase(
    client: &Client,
    steps: &[Step],
    outcome: &mut Outcome,
    tick: impl Fn(),
) -> Option<Error> {
    let jobs = steps.iter().map(|step| Job {
        bytes: step.wanted.as_ref().map_or(0, Bytes::len),
        future: async move { (step, settle(client, step).await) },
    });
    let mut failed = None;
    window::run(jobs, |(step, settled)| {
        match settled {
            Ok(Settled::Set(rev)) => {
                outcome.counts.set += 1;
                outcome.set.insert(step.path.clone(), rev);
            }
            Ok(Settled::Deleted) => outcome.counts.deleted += 1,
            Ok(Settled::Changed(now)) => outcome.changed.push(Changed {
                path: step.path.clone(),
                seen: step.rev(),
                now,
            }),
            Err(error) => {
                failed.get_or_insert(error);
                return ControlFlow::Break(());
            }
        }
        tick();
        ControlFlow::Continue(())
    })
    .await;
    failed
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// The file holds what is wanted, at this revision.
    Set(i64),
    /// The file is gone.
    Deleted,
    /// Somebody else has changed it.
    Changed(Now),
}

/// Carries out one step, until it is known how it ended.
async fn settle(client: &Client, step: &Step) -> Result<Settled, Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match send(client, step).await {
            Ok(settled) => return Ok(settled),
            Err(error) => error,
        };
        match error.code() {
            None if error.is_outcome_unknown() => {}
            Some(ErrCode::RevMismatch | ErrCode::Isdir) => {}
            Some(ErrCode::Notdir) => return Ok(Settled::Changed(Now::BelowFile)),
            _ => return Err(error),
        }
        let seen = look(client, &step.path).await?;
        match after(step, &seen) {
            Some(settled) => return Ok(settled),
            None if tries < TRIES_MAX => {}
            None => return Err(error),
        }
    }
}

async fn send(client: &Client, step: &Step) -> Result<Settled, Error> {
    let (path, rev) = (step.path.as_str(), step.rev());
    match &step.wanted {
        Some(value) => client.set(path, rev, value.clone()).await.map(Settled::Set),
        None => client.del(path, rev).await.map(|()| Settled::Deleted),
    }
}

/// What a look at the file tells after a step was refused or its outcome is unknown; nothing if it
/// is as it was, so that the step can be sent again. An earlier one that is still on its way does
/// no harm: whichever comes first, the other is refused for its revision.
fn after(step: &Step, seen: &Seen) -> Option<Settled> {
    match (&step.wanted, seen) {
        (Some(value), Seen::File(found)) if found.value == *value => {
            // Not the file that was seen, for that differed.
            Some(Settled::Set(found.rev))
        }
        (None, Seen::Missing) => Some(Settled::Deleted),
        (_, Seen::File(found)) if found.rev == step.rev() => None,
        (Some(_), Seen::Missing) if step.rev() == 0 => None,
        (_, Seen::Missing) => Some(Settled::Changed(Now::Missing)),
        (_, Seen::File(found)) => Some(Settled::Changed(Now::File(found.rev))),
        (_, Seen::Directory) => Some(Settled::Changed(Now::Directory)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::document::Found;

    fn found(rev: i64, value: &str) -> Found {
        Found {
            rev,
            value: value.to_owned().into(),
        }
    }

    fn check(seen: Option<Found>, wanted: Option<&str>, now: &Seen, expected: Option<Settled>) {
        let step = Step {
            path: StorePath::parse("/a").unwrap(),
            seen,
            wanted: wanted.map(|value| value.to_owned().into()),
        };
        assert_eq!(after(&step, now), expected, "{step:?} {now:?}");
    }

    #[test]
    fn a_look_settles_a_set_whose_outcome_is_unknown() {
        let old = || Some(found(3, "old"));
        let file = |rev, value| Seen::File(found(rev, value));
        check(old(), Some("new"), &file(3, "old"), None);
        check(None, Some("new"), &Seen::Missing, None);
        check(old(), Some("new"), &file(5, "new"), Some(Settled::Set(5)));
        check(None, Some("new"), &file(5, "new"), Some(Settled::Set(5)));
        let other = Some(Settled::Changed(Now::File(5)));
        check(old(), Some("new"), &file(5, "other"), other);
        check(old(), Some("new"), &file(5, "old"), other);
        check(None, Some("new"), &file(5, "other"), other);
        let missing = Some(Settled::Changed(Now::Missing));
        check(old(), Some("new"), &Seen::Missing, missing);
        let directory = Some(Settled::Changed(Now::Directory));
        check(old(), Some("new"), &Seen::Directory, directory);
    }

    #[test]
    fn a_look_settles_a_delete_whose_outcome_is_unknown() {
        let old = || Some(found(3, "old"));
        check(old(), None, &Seen::Missing, Some(Settled::Deleted));
        check(old(), None, &Seen::File(found(3, "old")), None);
        let other = Some(Settled::Changed(Now::File(5)));
        check(old(), None, &Seen::File(found(5, "old")), other);
        check(
            old(),
            None,
            &Seen::Directory,
            Some(Settled::Changed(Now::Directory)),
        );
    }
}
