//! `help [COMMAND]`: prints how to use this program.

mod sections;
mod topics;

use std::fmt::Write;

use super::{Command, Named, group, in_group, named, shown};
use crate::args::{Flag, OPTIONS, UsageError, nearest};
use crate::output::{Output, OutputError};
use topics::Text;

pub(super) use sections::sections;
pub(super) use topics::TOPICS;

pub(crate) const COMMAND: Command = Command {
    name: "help",
    arguments: &["[COMMAND...]"],
    summary: "Print help on a command, or on all of them",
    details: "Other things that there is help on are listed by `doozer help`.",
    options: &[],
    formats: false,
    run: |call| Box::pin(async { Ok(print(&topic(&call.invocation.words)?, call.output)?) }),
};

/// What there is help on.
#[derive(Debug)]
pub(crate) enum Topic {
    /// The program.
    All,
    /// One command.
    Command(&'static Command),
    /// Commands of two words, the first of which this is.
    Group(String),
    /// What concerns several commands.
    Text(&'static Text),
}

/// What the words behind `help` mean.
pub(crate) fn topic(words: &[String]) -> Result<Topic, UsageError> {
    let Some((first, rest)) = words.split_first() else {
        return Ok(Topic::All);
    };
    let text = TOPICS.iter().find(|topic| topic.name == first);
    if let (Some(text), []) = (text, rest) {
        return Ok(Topic::Text(text));
    }
    let named = named(first).map_err(|error| or_topic(first, error))?;
    match (named, rest) {
        (Named::Command(command), []) => Ok(Topic::Command(command)),
        (Named::Group(_), []) => Ok(Topic::Group(first.clone())),
        (_, rest) => in_group(first, &rest.join(" ")).map(Topic::Command),
    }
}

/// `error`, or that the name of a topic is more like what was typed.
fn or_topic(typed: &str, error: UsageError) -> UsageError {
    let names = TOPICS.iter().map(|topic| (topic.name, topic.name));
    match nearest(typed, names) {
        None => error,
        nearest => UsageError::UnknownCommand {
            typed: typed.to_owned(),
            nearest,
        },
    }
}

/// The names of the topics that are no commands.
pub(crate) fn topic_names() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().map(|topic| topic.name)
}

/// Prints help on `topic`.
pub(crate) fn print(topic: &Topic, output: &mut Output) -> Result<(), OutputError> {
    let text = match topic {
        Topic::All => usage(),
        Topic::Command(command) => help_of(command),
        Topic::Group(name) => help_of_group(name),
        Topic::Text(topic) => (topic.write)(),
    };
    output.bytes(text.as_bytes())
}

/// How to use this program.
pub(crate) fn usage() -> String {
    let mut text = "Usage: doozer [OPTIONS] COMMAND [ARGUMENTS]\n".to_owned();
    let width = width_of(shown().map(|command| command.usage().len()));
    for (head, commands) in sections() {
        push_line(&mut text, format_args!("\n{head}:"));
        let rows = commands
            .iter()
            .map(|command| (command.usage(), command.summary));
        push_rows(&mut text, rows, width);
    }
    push_options(&mut text, "Options", OPTIONS);
    text.push_str("\n`doozer help COMMAND` tells more of one.\n");
    text.push_str("There is help on these too:\n");
    let rows = TOPICS
        .iter()
        .map(|topic| (topic.name.to_owned(), topic.summary));
    push_table(&mut text, rows.collect());
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

fn help_of_group(name: &str) -> String {
    let mut text = format!("Usage: doozer [OPTIONS] {name} COMMAND [ARGUMENTS]\n\nCommands:\n");
    let rows = group(name).map(|command| (command.usage(), command.summary));
    push_table(&mut text, rows.collect());
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
    let value = flag.value.map(|value| format!(" {value}"));
    format!("{}{}", flag.hyphened(), value.unwrap_or_default())
}

/// What is longer at the left has the right on the next line.
const LEFT_CHARS_MAX: usize = 26;

fn push_table(text: &mut String, rows: Vec<(String, &str)>) {
    let width = width_of(rows.iter().map(|(left, _)| left.len()));
    push_rows(text, rows.into_iter(), width);
}

/// How wide the left column is.
fn width_of(lengths: impl Iterator<Item = usize>) -> usize {
    let longest = lengths.filter(|length| *length <= LEFT_CHARS_MAX).max();
    longest.unwrap_or_default()
}

fn push_rows<'a>(text: &mut String, rows: impl Iterator<Item = (String, &'a str)>, width: usize) {
    for (left, right) in rows {
        if left.len() > width {
            push_line(text, format_args!("  {left}"));
            push_line(text, format_args!("  {:width$}  {right}", ""));
        } else {
            push_line(text, format_args!("  {left:width$}  {right}"));
        }
    }
}

fn push_line(text: &mut String, line: impl std::fmt::Display) {
    writeln!(text, "{line}").expect("invariant: writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::STATUSES;

    #[test]
    fn every_command_is_in_the_help_and_has_its_own() {
        let all = usage();
        for command in shown() {
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
    fn every_exit_status_is_told() {
        let Ok(Topic::Text(topic)) = topic(&["exit-codes".to_owned()]) else {
            panic!("there is help on exit codes");
        };
        let text = (topic.write)();
        for (status, meaning) in STATUSES {
            assert!(text.contains(&format!("{status:>5}  {meaning}")), "{text}");
        }
    }

    #[test]
    fn help_fits_a_terminal() {
        for command in shown() {
            let long = help_of(command).lines().map(str::len).max();
            assert!(long <= Some(100), "{} {long:?}", command.name);
        }
        let topics = TOPICS.iter().map(|topic| (topic.write)());
        for text in topics.chain([usage()]) {
            assert!(text.lines().map(str::len).max() <= Some(100), "{text}");
        }
    }
}
