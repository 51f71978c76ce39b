//! What was typed, and what it means. The only place that reads the environment.

mod duration;
mod environment;
mod flags;
mod nearest;
mod number;
mod options;
mod partial;

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::commands::{self, Command, Named, Topic};
use crate::output::Format;

pub(crate) use duration::read as read_duration;
pub(crate) use environment::{Environment, variable};
pub(crate) use flags::{Flag, FlagError, Flags, Reader};
pub(crate) use nearest::nearest;
pub(crate) use number::{read as read_number, read_decimal};
pub(crate) use options::{OPTIONS, Target};
pub(crate) use partial::{Partial, read_partial};

/// What a command line means.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// Print the version.
    Version,
    /// Print help.
    Help(Topic),
    /// Run a command.
    Run(Box<Invocation>),
}

/// A command with everything it needs to run.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    /// Which one.
    pub(crate) command: &'static Command,
    /// Its arguments, as many as it takes.
    pub(crate) words: Vec<String>,
    /// The command line behind `--`, for a command that runs one.
    pub(crate) child: Vec<String>,
    /// The options that only this command has.
    pub(crate) flags: Flags,
    /// Whom to ask.
    pub(crate) target: Target,
    /// The revision asked for, if any.
    pub(crate) rev: Option<i64>,
    /// How long an answer is waited for, if not for ever.
    pub(crate) limit: Option<Duration>,
    /// How long the command may take as a whole.
    pub(crate) timeout: Option<Duration>,
    /// The form that is asked for, if any.
    pub(crate) format: Option<Format>,
}

/// A command line that is not the way to use this program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum UsageError {
    /// No command at all.
    #[error("no command given")]
    NoCommand,
    /// A command that there is none of.
    #[error("there is no command {typed:?}{}", nearest.map(|name| format!(": did you mean {name}?")).unwrap_or_default())]
    UnknownCommand {
        /// What was typed.
        typed: String,
        /// The command it is most like.
        nearest: Option<&'static str>,
    },
    /// The first word alone of commands of two words.
    #[error("{group} what? There is {}", .commands.join(", "))]
    Group {
        /// The first word.
        group: String,
        /// The commands that begin with it.
        commands: Vec<&'static str>,
    },
    /// Too few or too many arguments.
    #[error("wrong number of arguments: use it as doozer {usage}")]
    ArgumentCount {
        /// How the command is used.
        usage: String,
    },
    /// A word that the command does not know.
    #[error("wrong argument {typed:?}: {wanted} is wanted")]
    Argument {
        /// What was typed.
        typed: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// A form for what prints nothing, or bytes alone.
    #[error("{command} has one form of output: there is no -o for it")]
    NoFormats {
        /// The command.
        command: &'static str,
    },
}

/// An argument that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ValueError {
    /// An option.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// An argument that should be a revision.
    #[error("wrong revision {typed:?}: {reason}")]
    Rev {
        /// What was typed.
        typed: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An argument that is not UTF-8.
    #[error("the argument {0:?} is not UTF-8")]
    NotUtf8(OsString),
}

/// The arguments of this program, its name left out.
pub(crate) fn typed() -> Result<Vec<String>, ValueError> {
    let typed = std::env::args_os().skip(1).map(OsString::into_string);
    typed.collect::<Result<_, _>>().map_err(ValueError::NotUtf8)
}

/// What the command line `typed` means.
pub(crate) fn read(typed: Vec<String>) -> anyhow::Result<Meaning> {
    let mut reader = Reader::new(typed.into_iter());
    let command = match first(&mut reader)? {
        First::Command(command) => command,
        First::Nothing(topic, error) => {
            return shown(&reader.flags, topic).ok_or_else(|| error.into());
        }
    };
    let read = reader.words(command.options, command.runs_child())?;
    let flags = reader.flags;
    if let Some(meaning) = shown(&flags, Topic::Command(command)) {
        return Ok(meaning);
    }
    // A wrong value is told first: in `cp -r /a /b` it is why an argument is missing.
    let invocation = Invocation {
        command,
        words: read.words,
        child: read.child,
        target: Target::of(&flags),
        rev: flags
            .global_value("r", read_number)?
            .filter(|rev| *rev != REV_PRESENT),
        limit: limit(&flags, "t")?,
        timeout: limit(&flags, "timeout")?,
        format: flags.global_value("o", str::parse)?,
        flags,
    };
    if !command.takes(&invocation.words, &invocation.child) {
        let usage = command.usage();
        return Err(UsageError::ArgumentCount { usage }.into());
    }
    invocation.check_revs()?;
    invocation.check_format()?;
    Ok(Meaning::Run(Box::new(invocation)))
}

/// What the first words of a command line name.
enum First {
    /// A command.
    Command(&'static Command),
    /// None; but there is help on this.
    Nothing(Topic, UsageError),
}

/// Reads the name of a command, of one or two words.
fn first(reader: &mut Reader<impl Iterator<Item = String>>) -> anyhow::Result<First> {
    let Some(name) = reader.word()? else {
        return Ok(First::Nothing(Topic::All, UsageError::NoCommand));
    };
    let commands = match commands::named(&name)? {
        Named::Command(command) => return Ok(First::Command(command)),
        Named::Group(commands) => commands,
    };
    match reader.word()? {
        None => {
            let group = name.clone();
            let error = UsageError::Group { group, commands };
            Ok(First::Nothing(Topic::Group(name), error))
        }
        Some(second) => Ok(First::Command(commands::in_group(&name, &second)?)),
    }
}

/// What an argument that is a revision is called in the help.
const REV_ARGUMENT: &str = "REV";

/// What an argument that is a file's value is called in the help.
const VALUE_ARGUMENT: &str = "VALUE";

/// As a value of `-r`: the present revision, as without it.
const REV_PRESENT: i64 = -1;

/// What is printed instead of running a command.
fn shown(flags: &Flags, topic: Topic) -> Option<Meaning> {
    if flags.global_switch("h") == Some(true) {
        return Some(Meaning::Help(topic));
    }
    (flags.global_switch("v") == Some(true)).then_some(Meaning::Version)
}

/// A duration; zero stands for none.
fn limit(flags: &Flags, name: &'static str) -> Result<Option<Duration>, FlagError> {
    let limit = flags.global_value(name, duration::read)?;
    Ok(limit.filter(|limit| !limit.is_zero()))
}

impl fmt::Display for Invocation {
    /// The command and its arguments, as they were typed; but no value, which may be long or secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command.name)?;
        for (index, word) in self.words.iter().enumerate() {
            let name = self.command.arguments.get(index);
            let is_value = name.is_some_and(|name| *name == VALUE_ARGUMENT);
            write!(f, " {}", if is_value { VALUE_ARGUMENT } else { word })?;
        }
        Ok(())
    }
}

impl Invocation {
    /// The argument at `index`, which the command always has.
    pub(crate) fn word(&self, index: usize) -> &str {
        &self.words[index]
    }

    /// Tells a wrong revision before anybody is asked anything.
    fn check_revs(&self) -> Result<(), ValueError> {
        let mut names = self.command.arguments.iter();
        let index = names.position(|name| *name == REV_ARGUMENT);
        index.map_or(Ok(()), |index| self.rev_word(index).map(drop))
    }

    fn check_format(&self) -> Result<(), UsageError> {
        let other = self.format.is_some_and(|format| format != Format::Text);
        if other && !self.command.formats {
            let command = self.command.name;
            return Err(UsageError::NoFormats { command });
        }
        Ok(())
    }

    /// The argument at `index` as a revision.
    pub(crate) fn rev_word(&self, index: usize) -> Result<i64, ValueError> {
        let typed = self.word(index);
        read_decimal(typed).map_err(|reason| ValueError::Rev {
            typed: typed.to_owned(),
            reason: reason.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let typed = line.split_whitespace().map(str::to_owned);
        let got = match read(typed.collect()) {
            Ok(Meaning::Version) => "version".to_owned(),
            Ok(Meaning::Help(topic)) => format!("help {topic:?}"),
            Ok(Meaning::Run(run)) => {
                let address = run.target.address.as_deref().unwrap_or("?");
                format!(
                    "{} {:?} at {address} rev {:?} limit {:?} timeout {:?}",
                    run.command.name, run.words, run.rev, run.limit, run.timeout
                )
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn revisions_and_limits_are_read() {
        check(
            "wait -r 0x10 -t 1m30s /a",
            r#"wait ["/a"] at ? rev Some(16) limit Some(90s) timeout None"#,
        );
        check(
            "wait -r -1 -t 0 /a -a x --timeout 1s",
            r#"wait ["/a"] at x rev None limit None timeout Some(1s)"#,
        );
        check(
            "wait -t 5 /a",
            r#"option -t: wrong value "5": missing unit in duration, as in 5s"#,
        );
        check(
            "cp -r /a /b",
            r#"option -r: wrong value "/a": a whole number is wanted"#,
        );
        check(
            "find -r x /a",
            r#"option -r: wrong value "x": a whole number is wanted"#,
        );
    }

    #[test]
    fn no_value_is_repeated() {
        let typed = ["put", "/a", "s3cret"].map(str::to_owned);
        let Ok(Meaning::Run(run)) = read(typed.to_vec()) else {
            panic!("a right command line");
        };
        assert_eq!(run.to_string(), "put /a VALUE");
    }

    #[test]
    fn help_and_version_go_before_all_else() {
        check("-h", "help All");
        check("-v", "version");
        check("get -h", "help Command(Command(\"get\"))");
        check("-h get", "help Command(Command(\"get\"))");
        check("get /a /b /c -h", "help Command(Command(\"get\"))");
        check("rev -v", "version");
        check("--help", "help All");
        check("get --help", "help Command(Command(\"get\"))");
        check("--version", "version");
    }

    #[test]
    fn a_form_is_for_commands_that_print_something() {
        check(
            "get /a -o xml",
            r#"option -o: wrong value "xml": text, json, jsonl, yaml or table is wanted"#,
        );
        check(
            "nop -o json",
            "nop has one form of output: there is no -o for it",
        );
        check(
            "nop -o text",
            "nop [] at ? rev None limit None timeout None",
        );
    }

    #[test]
    fn wrong_usage_is_told() {
        check("", "no command given");
        check("gte /a", r#"there is no command "gte": did you mean get?"#);
        check("frobnicate", r#"there is no command "frobnicate""#);
        check(
            "get",
            "wrong number of arguments: use it as doozer get PATH...",
        );
        check(
            "set /a",
            "wrong number of arguments: use it as doozer set PATH REV",
        );
        check("rev -x", "there is no option -x");
        check(
            "set /a one",
            r#"wrong revision "one": a whole number is wanted"#,
        );
    }
}
