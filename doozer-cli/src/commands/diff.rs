//! `diff`: compares the store with a document, or two revisions of it.

use anyhow::ensure;

use super::{Call, Command};
use crate::args::{UsageError, read_decimal};
use crate::failure::{EXIT_DIFFERS, Ended, Missing};
use crate::output::Format;
use crate::tree::path::StorePath;
use crate::tree::plan::{Plan, Step, Terms};
use crate::tree::stored::Stored;
use crate::tree::{asked, show};

pub(super) const COMMAND: Command = Command {
    name: "diff",
    arguments: &["[PATH@REV]", "[PATH@REV]"],
    summary: "Compare the store with a document, or files and trees with each other",
    details:
        "With -f, prints what `apply` with the same options would change. Without, compares two files
or two directories, each as it is at a revision: `diff /a@20 /a`. Without @REV that is the
revision of -r, else the present one. Exit status: 0 nothing differs, 9 something does.",
    options: &[asked::FILE, asked::AS, asked::AT, asked::PRUNE, asked::CTL],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call<'_>) -> anyhow::Result<()> {
    let (steps, counts) = match (call.invocation.words.len(), call.invocation.flags.text("f")) {
        (0, Some(place)) => {
            let plan = with_document(&mut call, place).await?;
            let counts = plan.counts();
            (plan.steps().into_iter().cloned().collect(), Some(counts))
        }
        (2, None) => (with_each_other(&call).await?, None),
        _ => {
            let usage = "diff -f FILE, or diff PATH@REV PATH@REV".to_owned();
            return Err(UsageError::ArgumentCount { usage }.into());
        }
    };
    asked::print_steps(&steps.iter().collect::<Vec<_>>(), call.output)?;
    if let (Some(counts), Format::Text, false) = (counts, call.output.format(), steps.is_empty()) {
        call.output.flush()?;
        call.session.note(show::to_do(counts));
    }
    ensure!(steps.is_empty(), Ended(EXIT_DIFFERS));
    Ok(())
}

async fn with_document(call: &mut Call<'_>, place: &str) -> anyhow::Result<Plan> {
    let document = asked::document(call, place).await?;
    let flags = &call.invocation.flags;
    let terms = Terms {
        overwrite: true,
        prune: flags.is_on("prune"),
        ctl: flags.is_on("ctl"),
    };
    let server = call.session.server().await?;
    asked::plan(call.session, &server, &document, terms).await
}

async fn with_each_other(call: &Call<'_>) -> anyhow::Result<Vec<Step>> {
    let old = load(call, call.invocation.word(0)).await?;
    let new = load(call, call.invocation.word(1)).await?;
    ensure!(
        !old.files.is_empty() || !new.files.is_empty(),
        Missing(new.root.to_string())
    );
    let place = |path: &StorePath| new.root.place(path, &old.root);
    let mut steps = Vec::new();
    for (path, found) in &old.files {
        let placed =
            place(path).expect("invariant: all that was read lies at or below its root")?;
        let wanted = new.files.get(&placed).map(|found| found.value.clone());
        if wanted.as_ref() != Some(&found.value) {
            // What is gone is named where it was.
            let path = if wanted.is_some() {
                placed
            } else {
                path.clone()
            };
            let seen = Some(found.clone());
            steps.push(Step { path, seen, wanted });
        }
    }
    for (path, found) in &new.files {
        let origin = old.root.place(path, &new.root);
        let origin = origin.expect("invariant: all that was read lies at or below its root")?;
        if !old.files.contains_key(&origin) {
            let wanted = Some(found.value.clone());
            steps.push(Step {
                path: path.clone(),
                seen: None,
                wanted,
            });
        }
    }
    steps.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(steps)
}

/// What is at `PATH` or `PATH@REV`. No path holds an @.
async fn load(call: &Call<'_>, typed: &str) -> anyhow::Result<Stored> {
    let (path, rev) = match typed.rsplit_once('@') {
        None => (typed, call.invocation.rev),
        Some((path, rev)) => {
            let rev = read_decimal(rev).map_err(|_reason| UsageError::Argument {
                typed: typed.to_owned(),
                wanted: "PATH@REV",
            })?;
            (path, Some(rev))
        }
    };
    let path = asked::path(call.session, path)?;
    let server = call.session.server().await?;
    asked::load(call.session, &server, &path, rev).await
}
