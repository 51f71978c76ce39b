//! Looks whether files are still at the revisions they are believed to be at.

use std::ops::ControlFlow;

use doozer_client::{Client, Error, REV_DIR, REV_MISSING};

use super::carry::Outcome;
use super::mismatch::{Changed, Now};
use super::path::StorePath;
use super::plan::Plan;
use super::window::{self, Job};

/// Of these files and their revisions, 0 for missing, those that are not so. Calls `tick` for each.
pub(crate) async fn changed<'a>(
    client: &Client,
    believed: impl IntoIterator<Item = (&'a StorePath, i64)>,
    tick: &dyn Fn(),
) -> Result<Vec<Changed>, Error> {
    let jobs = believed.into_iter().map(|(path, rev)| Job {
        bytes: 0,
        future: async move { (path, rev, client.stat(path.as_str(), None).await) },
    });
    let mut changed = Vec::new();
    let mut failed = None;
    window::run(jobs, |(path, seen, stat)| match stat {
        Ok(stat) => {
            tick();
            if stat.rev != seen {
                let path = path.clone();
                let now = now(stat.rev);
                changed.push(Changed { path, seen, now });
            }
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed.get_or_insert(error);
            ControlFlow::Break(())
        }
    })
    .await;
    changed.sort_by(|a, b| a.path.cmp(&b.path));
    failed.map_or(Ok(changed), Err)
}

fn now(rev: i64) -> Now {
    match rev {
        REV_DIR => Now::Directory,
        REV_MISSING => Now::Missing,
        rev => Now::File(rev),
    }
}

/// What a plan has seen: all that it changes, and all that it leaves as it is.
pub(crate) fn seen_by(plan: &Plan) -> impl Iterator<Item = (&StorePath, i64)> {
    let steps = plan.phases().into_iter().flatten();
    let steps = steps.map(|step| (&step.path, step.rev()));
    steps.chain(plan.same.iter().map(|(path, rev)| (path, *rev)))
}

/// What is there after a plan was carried out with this outcome: but for directories, which no
/// step speaks of.
pub(crate) fn left_by<'a>(
    plan: &'a Plan,
    outcome: &'a Outcome,
) -> impl Iterator<Item = (&'a StorePath, i64)> {
    let set = outcome.set.iter().map(|(path, rev)| (path, *rev));
    let same = plan.same.iter().map(|(path, rev)| (path, *rev));
    let deletes = plan.deletes.iter().map(|step| (&step.path, REV_MISSING));
    set.chain(same).chain(deletes)
}
