//! `apply -f FILE`: makes a tree what a document says.

use super::{Call, Command};
use crate::args::Flag;
use crate::output::Format;
use crate::tree::plan::Terms;
use crate::tree::{asked, show, verify};

pub(super) const COMMAND: Command = Command {
    name: "apply",
    arguments: &[],
    summary: "Make a tree what a document says",
    details:
        "Prints what differs, then sets that and nothing else, each file only if it still is as it was
read; one that somebody else changes meanwhile is left alone and named, and the exit status
is 1. Deletes nothing without --prune, and nothing outside the directories that the document
names with it. The same again, also after it was killed, ends in the same state.",
    options: &[
        asked::FILE,
        asked::AS,
        asked::AT,
        Flag {
            name: "dry-run",
            value: None,
            help: "Print what differs, and change nothing",
        },
        asked::PRUNE,
        Flag {
            name: "atomic-check",
            value: None,
            help: "Change nothing if any file has changed since it was read; check all afterwards",
        },
        Flag {
            name: "q",
            value: None,
            help: "Print counts alone, not what differs",
        },
        asked::CTL,
    ],
    formats: true,
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call<'_>) -> anyhow::Result<()> {
    let flags = &call.invocation.flags;
    let place = asked::place(&call)?;
    let document = asked::document(&mut call, place).await?;
    let server = call.session.server().await?;
    let terms = Terms {
        overwrite: true,
        prune: flags.is_on("prune"),
        ctl: flags.is_on("ctl"),
    };
    let plan = asked::plan(call.session, &server, &document, terms).await?;
    if !flags.is_on("q") {
        asked::print_steps(&plan.steps(), call.output)?;
    }
    let told = call.output.format() == Format::Text;
    if flags.is_on("dry-run") {
        if told {
            call.output.line(show::to_do(plan.counts()))?;
        }
        return Ok(());
    }
    let checks = flags.is_on("atomic-check");
    if checks {
        asked::verify(
            call.session,
            &server,
            verify::seen_by(&plan),
            "nothing was changed",
        )
        .await?;
    }
    let outcome = asked::carry_out(call.session, &server, &plan, "apply").await?;
    if checks {
        let left = verify::left_by(&plan, &outcome);
        let late = "all was set, and somebody else has changed it since";
        asked::verify(call.session, &server, left, late).await?;
    }
    if told {
        call.output.line(show::done(outcome.counts))?;
    }
    Ok(())
}
