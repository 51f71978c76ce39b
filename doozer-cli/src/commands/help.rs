//! `help [COMMAND]`: prints how to use this program.

use std::fmt::Write;

use super::{ALL, Command, Run, named};
use crate::args::{Flag, OPTIONS};
use crate::output::{Output, OutputError};

pub(super) const COMMAND: Command = Command {
    name: "help",
    arguments: &["[COMMAND]"],
    summary: "Print help on a command, or on all of them",
    details: "",
    options: &[],
    run: Run::Alone(|invocation, output| {
        let command = invocation
            .words
            .first()
            .map(|name| named(name))
            .transpose()?;
        Ok(print(command, output)?)
    }),
};

/// Prints help on `command`, or on all of them.
pub(crate) fn print(command: Option<&Command>, output: &mut Output) -> Result<(), OutputError> {
    let text = command.map_or_else(usage, help_of);
    output.bytes(text.as_bytes())
}

/// How to use this program.
pub(crate) fn usage() -> String {
    let mut text = "Usage: doozer [OPTIONS] COMMAND [ARGUMENTS]\n\nCommands:\n".to_owned();
    let rows = ALL.iter().map(|command| (command.usage(), command.summary));
    push_table(&mut text, rows.collect());
    push_options(&mut text, "Options", OPTIONS);
    text.push_str("\n`doozer help COMMAND` tells more of one.\n");
    text.push_str("Exit status: 0; 1 REV_MISMATCH; 127 wrong usage; 2 any other failure.\n");
    text
}

fn help_of(command: &Command) -> String {
    let mut text = format!("Usage: doozer [OPTIONS] {}\n\n", command.usage());
    push_line(&mut text, format_args!("{}.", command.summary));
    if !command.details.is_empty() {
        push_line(&mut text, command.details);
    }
    if !command.options.is_empty() {
        push_options(&mut text, "Options", command.options);
    }
    push_options(&mut text, "Options of every command", OPTIONS);
    text
}

fn push_options(text: &mut String, title: &str, options: &[Flag]) {
    let rows = options
        .iter()
        .map(|flag| (option_of(flag), flag.help))
        .collect();
    push_line(text, format_args!("\n{title}:"));
    push_table(text, rows);
}

/// A short name stands with one hyphen, a long one with two; both ways are read.
fn option_of(flag: &Flag) -> String {
    let hyphens = if flag.name.len() == 1 { "-" } else { "--" };
    let value = flag.value.map(|value| format!(" {value}"));
    format!("{hyphens}{}{}", flag.name, value.unwrap_or_default())
}

fn push_table(text: &mut String, rows: Vec<(String, &str)>) {
    let width = rows
        .iter()
        .map(|(left, _)| left.len())
        .max()
        .unwrap_or_default();
    for (left, right) in rows {
        push_line(text, format_args!("  {left:width$}  {right}"));
    }
}

fn push_line(text: &mut String, line: impl std::fmt::Display) {
    writeln!(text, "{line}").expect("invariant: writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_the_help_and_has_its_own() {
        let all = usage();
        for command in ALL {
            assert!(
                all.contains(&format!("  {}", command.usage())),
                "{}",
                command.name
            );
            let own = help_of(command);
            assert!(own.starts_with("Usage: doozer [OPTIONS] "), "{own}");
            assert!(own.contains(command.summary), "{own}");
        }
    }

    #[test]
    fn help_fits_a_terminal() {
        for command in ALL {
            let long = help_of(command).lines().map(str::len).max();
            assert!(long <= Some(100), "{} {long:?}", command.name);
        }
        assert!(usage().lines().map(str::len).max() <= Some(100));
    }
}
