//! What the options that commands on trees share stand for.

use anyhow::Context;

use super::document::{Document, Format};
use super::mismatch::{Changed, Mismatch};
use super::path::StorePath;
use super::plan::{Counts, Plan, Step, Terms};
use super::source::Source;
use super::stored::{self, Stored};
use super::{carry, present, show, verify};
use crate::args::{Flag, Flags, UsageError};
use crate::commands::Call;
use crate::failure::advise;
use crate::output::{Format as Form, Output, Record};
use crate::server::Server;
use crate::session::Session;

pub(crate) const FILE: Flag = Flag {
    name: "f",
    value: Some("FILE"),
    help: "The document: a file, a folder of files, or - for standard input",
};

pub(crate) const AS: Flag = Flag {
    name: "as",
    value: Some("FORMAT"),
    help: "What it is written in: jsonl, toml, yaml or folder (told by its name)",
};

pub(crate) const AT: Flag = Flag {
    name: "at",
    value: Some("PATH"),
    help: "The directory of the store that the document's root stands for (/)",
};

pub(crate) const CTL: Flag = Flag {
    name: "ctl",
    value: None,
    help: "Take in /ctl, the server's own files, which is left alone else",
};

pub(crate) const FORCE: Flag = Flag {
    name: "force",
    value: None,
    help: "Overwrite files that are there with another value",
};

pub(crate) const PRUNE: Flag = Flag {
    name: "prune",
    value: None,
    help: "Below directories that the document names, delete what it does not have",
};

/// The directory that `--at` names, else `/`.
pub(crate) fn base(session: &Session, flags: &Flags) -> anyhow::Result<StorePath> {
    match flags.text(AT.name) {
        None => Ok(StorePath::root()),
        Some(typed) => path(session, typed),
    }
}

/// The format that `--as` names, if any.
pub(crate) fn format(flags: &Flags) -> anyhow::Result<Option<Format>> {
    Ok(flags.value(AS.name, Format::named)?)
}

/// A typed path.
pub(crate) fn path(session: &Session, typed: &str) -> anyhow::Result<StorePath> {
    Ok(StorePath::parse(&session.path(typed))?)
}

/// Where `-f` says that the document is, for commands that need one.
pub(crate) fn place<'a>(call: &Call<'a>) -> Result<&'a str, UsageError> {
    let place = call.invocation.flags.text(FILE.name);
    place.ok_or_else(|| UsageError::ArgumentCount {
        usage: format!("{} -f FILE", call.invocation.command.name),
    })
}

/// The document at `place`, without what it says of `/ctl` unless that is asked for.
pub(crate) async fn document(call: &mut Call<'_>, place: &str) -> anyhow::Result<Document> {
    let flags = &call.invocation.flags;
    let source = Source {
        place: place.to_owned(),
        format: format(flags)?,
        base: base(call.session, flags)?,
    };
    let mut document = source.read(call.input).await?;
    if !flags.is_on(CTL.name) {
        let left = document.take_ctl();
        tell_left(call.session, left);
    }
    Ok(document)
}

/// Tells how many files of `/ctl` are left out.
pub(crate) fn tell_left(session: &Session, left: usize) {
    if left > 0 {
        session.note(format_args!(
            "{left} files of /ctl, which belongs to the server, are left out: --ctl takes them in"
        ));
    }
}

/// The plan that makes the store hold `document`.
pub(crate) async fn plan(
    session: &Session,
    server: &Server,
    document: &Document,
    terms: Terms,
) -> anyhow::Result<Plan> {
    // How much there is besides what is wanted is not known.
    let known = document.files().len() + document.directories().len();
    let length = if terms.prune { 0 } else { known };
    let progress = session.progress(u64::try_from(length).unwrap_or(0), "read");
    let tick = || progress.add(1);
    let present = present::read(&server.client, document, terms.prune, &tick).await;
    let present = present.map_err(|error| server.at(error))?;
    let instead = match (terms.overwrite, terms.prune) {
        (true, true) => "remove it first, with doozer rm",
        (true, false) => "--prune deletes what is in the way, doozer rm anything",
        (false, _) => "--force overwrites files; what else is in the way has to be removed first",
    };
    let plan = Plan::make(document, &present, terms);
    plan.map_err(|conflicts| advise(server.at(Mismatch::Before(conflicts)), instead))
}

/// Carries out `plan`. Where others have changed files meanwhile, that is an error, at its end.
pub(crate) async fn carry_out(
    session: &Session,
    server: &Server,
    plan: &Plan,
    what: &str,
) -> anyhow::Result<carry::Outcome> {
    let outcome = carry::carry_out(session, server, plan, what).await?;
    if outcome.changed.is_empty() {
        return Ok(outcome);
    }
    session.note(show::done(outcome.counts));
    Err(meanwhile(server, outcome.changed))
}

/// Fails if a file is not at the revision it is believed to be at.
pub(crate) async fn verify<'a>(
    session: &Session,
    server: &Server,
    believed: impl IntoIterator<Item = (&'a StorePath, i64)>,
    told: &'static str,
) -> anyhow::Result<()> {
    let progress = session.progress(0, "check");
    let changed = verify::changed(&server.client, believed, &|| progress.add(1)).await;
    let changed = changed.map_err(|error| server.at(error))?;
    if changed.is_empty() {
        return Ok(());
    }
    Err(meanwhile(server, changed)).context(told)
}

fn meanwhile(server: &Server, changed: Vec<Changed>) -> anyhow::Error {
    let error = server.at(Mismatch::Meanwhile(changed));
    advise(
        error,
        "doozer get, to see what is there now, and then the same again",
    )
}

/// Prints what `steps` change.
pub(crate) fn print_steps(steps: &[&Step], output: &mut Output) -> anyhow::Result<()> {
    for step in steps {
        if output.format() == Form::Text {
            let text = show::step(step, output.colour());
            output.bytes(text.as_bytes())?;
        } else {
            output.record(&record(step))?;
        }
    }
    Ok(output.flush()?)
}

fn record(step: &Step) -> Record {
    let action = match (&step.seen, &step.wanted) {
        (_, None) => "delete",
        (None, Some(_)) => "add",
        (Some(_), Some(_)) => "change",
    };
    let mut record = Record::new()
        .text("path", step.path.as_str())
        .text("action", action)
        .number("rev", step.rev());
    if let Some(found) = &step.seen {
        record = record.bytes("old", found.value.clone());
    }
    if let Some(value) = &step.wanted {
        record = record.bytes("value", value.clone());
    }
    record
}

/// Prints how many files something was done to.
pub(crate) fn print_counts(counts: Counts, output: &mut Output) -> anyhow::Result<()> {
    if output.format() == Form::Text {
        return Ok(output.line(show::done(counts))?);
    }
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let record = Record::new()
        .number("set", number(counts.set))
        .number("deleted", number(counts.deleted))
        .number("same", number(counts.same));
    Ok(output.one(&record)?)
}

/// What is at `path` of `server`, now or at revision `rev`.
pub(crate) async fn load(
    session: &Session,
    server: &Server,
    path: &StorePath,
    rev: Option<i64>,
) -> anyhow::Result<Stored> {
    let progress = session.progress(0, "read");
    let stored = stored::load(&server.client, path, rev, &|| progress.add(1)).await;
    stored.map_err(|error| server.name_in(error))
}
