//! `run FILE`: runs a script.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::{Call, Command};
use crate::args::{Flag, Invocation, UsageError, read_duration};
use crate::failure::{EXIT_USAGE, ending};
use crate::input::Input;
use crate::script::{Mode, SCRIPT_BYTES_MAX, Script, is_name};

pub(super) const COMMAND: Command = Command {
    name: "run",
    arguments: &["FILE"],
    summary: "Run a script of commands",
    details: "FILE is the script, or - for standard input. It is checked whole first: when something in it
is wrong, nothing is done (exit status 127). It stops at the first statement that fails, and
says which (exit status 7). docs/scripting.md describes the language. A script may begin with
the line #!/usr/bin/env -S doozer run",
    options: &[
        Flag {
            name: "var",
            value: Some("NAME=VALUE"),
            help: "Set a variable; may be repeated",
        },
        Flag {
            name: "dry-run",
            value: None,
            help: "Print what would change, and change nothing",
        },
        Flag {
            name: "timeout",
            value: Some("DURATION"),
            help: "Give up after that long, tidying up as after a failure (exit status 5)",
        },
        Flag {
            name: "x",
            value: None,
            help: "Tell each statement, on standard error, before it is carried out",
        },
    ],
    formats: false,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let Call {
        session,
        invocation,
        input,
        output,
    } = call;
    let mode = Mode {
        dry_run: invocation.flags.is_on("dry-run"),
        trace: invocation.flags.is_on("x"),
    };
    let limit = invocation.flags.value("timeout", read_duration)?;
    let limit = limit.filter(|limit: &Duration| !limit.is_zero());
    let variables = variables(invocation)?;
    let file = invocation.word(0);
    let text = read(file, input).await?;
    let name = if file == "-" { "standard input" } else { file };
    let script = Script::read(name, &text, variables);
    let script = script.map_err(|wrong| ending(wrong.into(), EXIT_USAGE))?;
    script.run(session, input, output, (mode, limit)).await
}

/// The variables that the command line sets.
fn variables(invocation: &Invocation) -> Result<BTreeMap<String, String>, UsageError> {
    let mut variables = BTreeMap::new();
    for typed in invocation.flags.texts("var") {
        let variable = typed.split_once('=').filter(|(name, _)| is_name(name));
        let (name, value) = variable.ok_or_else(|| UsageError::Argument {
            typed: typed.to_owned(),
            wanted: "NAME=VALUE, the name of letters, digits and _,",
        })?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

/// The text of the script `file`.
async fn read(file: &str, input: &mut Input) -> anyhow::Result<String> {
    let bytes = if file == "-" {
        let reader = input.reader()?;
        read_blocking(reader, file).await?
    } else {
        let opened = File::open(file).with_context(|| format!("cannot open {file}"))?;
        read_blocking(Box::new(opened), file).await?
    };
    String::from_utf8(bytes).with_context(|| format!("{file} is no text"))
}

async fn read_blocking(reader: Box<dyn Read + Send>, file: &str) -> anyhow::Result<Vec<u8>> {
    let mut limited = reader.take(SCRIPT_BYTES_MAX as u64 + 1);
    // Elsewhere, as it may be a pipe that is slow to come.
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        limited.read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = read.await?.with_context(|| format!("cannot read {file}"))?;
    ensure!(
        bytes.len() <= SCRIPT_BYTES_MAX,
        "{file} has more than {SCRIPT_BYTES_MAX} bytes, which is no script"
    );
    Ok(bytes)
}
