//! What was typed, and what it means. The only place that reads the environment.

mod duration;
mod flags;
mod number;

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::commands::{self, Command};

pub(crate) use flags::{Flag, FlagError, Flags, Reader};
pub(crate) use number::{read as read_number, read_decimal};

/// The options that every command takes.
pub(crate) const OPTIONS: &[Flag] = &[
    Flag {
        name: "a",
        value: Some("URI"),
        help: "The server, also as HOST:PORT (DOOZER_URI, else doozer:?ca=127.0.0.1:8046)",
    },
    Flag {
        name: "b",
        value: Some("URI"),
        help: "The DzNS to look a cluster's name (cn) up at (DOOZER_BOOT_URI)",
    },
    Flag {
        name: "r",
        value: Some("REV"),
        help: "The revision to read at or to begin at (the present one)",
    },
    Flag {
        name: "t",
        value: Some("DURATION"),
        help: "Give up after that long, as 300ms, 5s or 1m30s; not for watch",
    },
    Flag {
        name: "h",
        value: None,
        help: "Print help and end",
    },
    Flag {
        name: "v",
        value: None,
        help: "Print the version and end",
    },
];

/// Where to look when nothing else is said.
const URI_DEFAULT: &str = "doozer:?ca=127.0.0.1:8046";

/// What a command line means.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// Print the version.
    Version,
    /// Print help on one command, or on all of them.
    Help(Option<&'static Command>),
    /// Run a command.
    Run(Invocation),
}

/// A command with everything it needs to run.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// Which one.
    pub(crate) command: &'static Command,
    /// Its arguments, as many as it takes.
    pub(crate) words: Vec<String>,
    /// All options, for those that only this command has.
    pub(crate) flags: Flags,
    /// Whom to ask.
    pub(crate) target: Target,
    /// The revision asked for, if any.
    pub(crate) rev: Option<i64>,
    /// How long an answer is waited for, if not for ever.
    pub(crate) limit: Option<Duration>,
}

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// A `doozer:` URI, or HOST:PORT.
    pub(crate) address: String,
    /// The URI of a `DzNS`, if there is one.
    pub(crate) boot: Option<String>,
}

/// The environment variables that stand for options.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    uri: Option<String>,
    boot_uri: Option<String>,
}

impl Environment {
    /// Those of this program. An empty one is as good as none.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the environment is read"
    )]
    pub(crate) fn of_program() -> Self {
        let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            uri: read("DOOZER_URI"),
            boot_uri: read("DOOZER_BOOT_URI"),
        }
    }
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
pub(crate) fn typed() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip(1)
}

/// What `typed` means, where `environment` holds.
pub(crate) fn read(
    typed: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> anyhow::Result<Meaning> {
    let typed: Result<Vec<String>, OsString> = typed.map(OsString::into_string).collect();
    let mut reader = Reader::new(typed.map_err(ValueError::NotUtf8)?.into_iter());
    let Some(name) = reader.word(&[OPTIONS])? else {
        return match shown(&reader.flags, None) {
            Some(meaning) => Ok(meaning),
            None => Err(UsageError::NoCommand.into()),
        };
    };
    let command = commands::named(&name)?;
    let words = reader.words(&[OPTIONS, command.options])?;
    if let Some(meaning) = shown(&reader.flags, Some(command)) {
        return Ok(meaning);
    }
    if !command.takes(words.len()) {
        let usage = command.usage();
        return Err(UsageError::ArgumentCount { usage }.into());
    }
    let flags = reader.flags;
    let invocation = Invocation {
        command,
        words,
        target: target(&flags, environment),
        rev: flags
            .value("r", read_number)?
            .filter(|rev| *rev != REV_PRESENT),
        limit: flags
            .value("t", duration::read)?
            .filter(|limit| !limit.is_zero()),
        flags,
    };
    invocation.check_revs()?;
    Ok(Meaning::Run(invocation))
}

/// What an argument that is a revision is called in the help.
const REV_ARGUMENT: &str = "REV";

/// As a value of `-r`: the present revision, as without it.
const REV_PRESENT: i64 = -1;

/// What is printed instead of running a command.
fn shown(flags: &Flags, command: Option<&'static Command>) -> Option<Meaning> {
    if flags.is_on("h") {
        return Some(Meaning::Help(command));
    }
    flags.is_on("v").then_some(Meaning::Version)
}

fn target(flags: &Flags, environment: &Environment) -> Target {
    let address = flags.text("a").or(environment.uri.as_deref());
    let boot = flags.text("b").or(environment.boot_uri.as_deref());
    Target {
        address: address.unwrap_or(URI_DEFAULT).to_owned(),
        boot: boot.filter(|uri| !uri.is_empty()).map(str::to_owned),
    }
}

impl fmt::Display for Invocation {
    /// The command and its arguments, as they were typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command.name)?;
        self.words.iter().try_for_each(|word| write!(f, " {word}"))
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

    fn read_line(line: &str, environment: &Environment) -> anyhow::Result<Meaning> {
        read(line.split_whitespace().map(OsString::from), environment)
    }

    fn check(line: &str, expected: &str) {
        let environment = Environment {
            uri: Some("env-uri".to_owned()),
            boot_uri: Some("env-boot".to_owned()),
        };
        let got = match read_line(line, &environment) {
            Ok(Meaning::Version) => "version".to_owned(),
            Ok(Meaning::Help(command)) => {
                format!("help {}", command.map_or("all", |command| command.name))
            }
            Ok(Meaning::Run(run)) => format!(
                "{} {:?} at {} boot {:?} rev {:?} limit {:?}",
                run.command.name,
                run.words,
                run.target.address,
                run.target.boot,
                run.rev,
                run.limit
            ),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn options_override_the_environment() {
        check(
            "rev",
            r#"rev [] at env-uri boot Some("env-boot") rev None limit None"#,
        );
        check(
            "-a x rev",
            r#"rev [] at x boot Some("env-boot") rev None limit None"#,
        );
        check("rev -b= -a=y", "rev [] at y boot None rev None limit None");
        check("-b= rev", "rev [] at env-uri boot None rev None limit None");
    }

    #[test]
    fn the_default_is_this_machine() {
        let Ok(Meaning::Run(run)) = read_line("rev", &Environment::default()) else {
            panic!("rev is a command");
        };
        assert_eq!(
            (run.target.address.as_str(), run.target.boot),
            (URI_DEFAULT, None)
        );
    }

    #[test]
    fn revisions_and_limits_are_read() {
        check(
            "wait -r 0x10 -t 1m30s /a",
            r#"wait ["/a"] at env-uri boot Some("env-boot") rev Some(16) limit Some(90s)"#,
        );
        check(
            "wait -r -1 -t 0 /a",
            r#"wait ["/a"] at env-uri boot Some("env-boot") rev None limit None"#,
        );
        check(
            "wait -t 5 /a",
            r#"option -t: wrong value "5": missing unit in duration, as in 5s"#,
        );
        check(
            "find -r x /a",
            r#"option -r: wrong value "x": a whole number is wanted"#,
        );
    }

    #[test]
    fn help_and_version_go_before_all_else() {
        check("-h", "help all");
        check("-v", "version");
        check("get -h", "help get");
        check("-h get", "help get");
        check("get /a /b /c -h", "help get");
        check("rev -v", "version");
    }

    #[test]
    fn wrong_usage_is_told() {
        check("", "no command given");
        check("gte /a", r#"there is no command "gte": did you mean get?"#);
        check("frobnicate", r#"there is no command "frobnicate""#);
        check(
            "get",
            "wrong number of arguments: use it as doozer get PATH",
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
