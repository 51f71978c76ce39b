//! `rm PATH...`: deletes files and trees.

use anyhow::{bail, ensure};

use super::{Call, Command};
use crate::args::Flag;
use crate::failure::Missing;
use crate::tree::asked;
use crate::tree::path::StorePath;
use crate::tree::plan::{Plan, Step, delete};

pub(super) const COMMAND: Command = Command {
    name: "rm",
    arguments: &["PATH..."],
    summary: "Delete files, and with -r directories",
    details:
        "Asks first, on a terminal; elsewhere it needs --force. Deletes each file only if it still is
at the revision it was found at; one that was changed meanwhile stays, and the exit status
is 1.",
    options: &[
        Flag {
            name: "r",
            value: None,
            help: "Delete directories, with all that is below them",
        },
        Flag {
            name: "force",
            value: None,
            help: "Do not ask, and do not mind what is missing",
        },
        Flag {
            name: "ctl",
            value: None,
            help: "Delete also below /ctl, which belongs to the server",
        },
    ],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let mut steps: Vec<Step> = Vec::new();
    for typed in &call.invocation.words {
        let path = asked::path(call.session, typed)?;
        steps.extend(to_delete(&call, &path).await?);
    }
    steps.sort_by(|a, b| a.path.cmp(&b.path));
    steps.dedup_by(|a, b| a.path == b.path);
    let server = call.session.server().await?;
    let force = call.invocation.flags.is_on("force");
    if !force && !steps.is_empty() {
        let question = question(&steps, &server.address);
        if !call.session.confirm(&question, "--force").await? {
            call.session.note("nothing was deleted");
            return Ok(());
        }
    }
    let plan = Plan {
        deletes: steps,
        ..Plan::default()
    };
    let outcome = asked::carry_out(call.session, &server, &plan, "delete").await?;
    asked::print_counts(outcome.counts, call.output)
}

fn question(steps: &[Step], address: &str) -> String {
    match steps {
        [step] => format!("Delete {} (rev {}) at {address}?", step.path, step.rev()),
        [first, .., last] => format!(
            "Delete {} files, {} to {}, at {address}?",
            steps.len(),
            first.path,
            last.path
        ),
        [] => String::new(),
    }
}

async fn to_delete(call: &Call<'_>, path: &StorePath) -> anyhow::Result<Vec<Step>> {
    let flags = &call.invocation.flags;
    let ctl = flags.is_on("ctl");
    ensure!(
        ctl || !path.is_ctl(),
        "{path} belongs to the server: --ctl if that is meant"
    );
    let server = call.session.server().await?;
    let mut found = asked::load(call.session, &server, path, None).await?;
    if found.files.is_empty() && !flags.is_on("force") {
        return Err(Missing(path.to_string()).into());
    }
    if found.is_directory && !flags.is_on("r") {
        bail!("{path} is a directory: -r deletes all that is below it");
    }
    if !ctl {
        asked::tell_left(call.session, found.take_ctl());
    }
    let files = found.files.iter();
    Ok(files.map(|(path, found)| delete(path, found)).collect())
}
