//! Reads options from a command line the Go way: `-name value`, `-name=value` and `--name` are one.

use std::fmt::Display;

use thiserror::Error;

/// An option that a command line may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// Its name, without a hyphen.
    pub(crate) name: &'static str,
    /// What its value is called in the help; nothing for an option that is on or off.
    pub(crate) value: Option<&'static str>,
    /// One line of help.
    pub(crate) help: &'static str,
}

/// Why a command line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FlagError {
    /// No option has this name.
    #[error("there is no option -{0}")]
    Unknown(String),
    /// Hyphens with no name behind them.
    #[error("{0:?} is not the way to write an option")]
    Syntax(String),
    /// The command line ends where a value should stand.
    #[error("option -{0} needs a value")]
    NeedsValue(&'static str),
    /// The value cannot be read.
    #[error("option -{name}: wrong value {value:?}: {reason}")]
    Value {
        /// The option's name.
        name: &'static str,
        /// The value as it was typed.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The options that were typed, their values still text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    typed: Vec<(&'static str, String)>,
}

impl Flags {
    /// The value of the option `name`, the last when it was given more than once.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.typed.iter().rev().find(|(typed, _)| *typed == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the option `name`, one without a value, is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.text(name) == Some(ON)
    }

    /// The value of the option `name`, read by `read`.
    pub(crate) fn value<T, E: Display>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, FlagError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        read(text).map(Some).map_err(|reason| FlagError::Value {
            name,
            value: text.to_owned(),
            reason: reason.to_string(),
        })
    }
}

/// A command line that is read piece by piece, as its first word decides which options may follow.
#[derive(Debug)]
pub(crate) struct Reader<I> {
    args: I,
    /// Behind `--` everything is a word.
    words_only: bool,
    /// What was read so far.
    pub(crate) flags: Flags,
}

impl<I: Iterator<Item = String>> Reader<I> {
    /// Begins at the first of `args`, the program's name left out.
    pub(crate) fn new(args: I) -> Self {
        Self {
            args,
            words_only: false,
            flags: Flags::default(),
        }
    }

    /// The next word; options before it are read by `known`.
    pub(crate) fn word(&mut self, known: &[&[Flag]]) -> Result<Option<String>, FlagError> {
        while let Some(arg) = self.args.next() {
            if self.words_only || !is_option(&arg) {
                return Ok(Some(arg));
            }
            self.option(&arg, known)?;
        }
        Ok(None)
    }

    /// The words that are left, with options before, between and behind them.
    ///
    /// Behind a first word a negative number is a word too: `set /x -1`.
    pub(crate) fn words(&mut self, known: &[&[Flag]]) -> Result<Vec<String>, FlagError> {
        let mut words = Vec::new();
        while let Some(arg) = self.args.next() {
            let number = !words.is_empty() && is_negative_number(&arg);
            if self.words_only || number || !is_option(&arg) {
                words.push(arg);
            } else {
                self.option(&arg, known)?;
            }
        }
        Ok(words)
    }

    fn option(&mut self, arg: &str, known: &[&[Flag]]) -> Result<(), FlagError> {
        if arg == "--" {
            self.words_only = true;
            return Ok(());
        }
        let name = arg.strip_prefix("--").unwrap_or(&arg[1..]);
        if name.is_empty() || name.starts_with(['-', '=']) {
            return Err(FlagError::Syntax(arg.to_owned()));
        }
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let flag = known
            .iter()
            .copied()
            .flatten()
            .find(|flag| flag.name == name);
        let flag = flag.ok_or_else(|| FlagError::Unknown(name.to_owned()))?;
        let value = match (flag.value, value) {
            (None, value) => on_or_off(flag.name, value.as_deref())?,
            (Some(_), Some(value)) => value,
            (Some(_), None) => self.args.next().ok_or(FlagError::NeedsValue(flag.name))?,
        };
        self.flags.typed.push((flag.name, value));
        Ok(())
    }
}

const ON: &str = "true";
const OFF: &str = "false";

fn on_or_off(name: &'static str, value: Option<&str>) -> Result<String, FlagError> {
    match value {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(ON.to_owned()),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(OFF.to_owned()),
        Some(other) => Err(FlagError::Value {
            name,
            value: other.to_owned(),
            reason: "true or false is wanted".to_owned(),
        }),
    }
}

/// A lone hyphen is a word.
fn is_option(arg: &str) -> bool {
    arg.len() > 1 && arg.starts_with('-')
}

fn is_negative_number(arg: &str) -> bool {
    let digits = arg.strip_prefix('-');
    digits.is_some_and(|digits| digits.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Flag] = &[
        Flag {
            name: "a",
            value: Some("URI"),
            help: "",
        },
        Flag {
            name: "r",
            value: Some("REV"),
            help: "",
        },
        Flag {
            name: "v",
            value: None,
            help: "",
        },
    ];

    /// Reads `line` as one word and those behind it; what came out as `-name=value … | words`.
    fn check(line: &str, expected: &str) {
        let mut reader = Reader::new(line.split_whitespace().map(str::to_owned));
        let read = reader.word(&[KNOWN]).and_then(|first| {
            let mut words: Vec<String> = first.into_iter().collect();
            words.extend(reader.words(&[KNOWN])?);
            Ok(words)
        });
        let got = match read {
            Ok(words) => {
                let flags = reader.flags.typed.iter();
                let flags: Vec<String> = flags
                    .map(|(name, value)| format!("-{name}={value}"))
                    .collect();
                format!("{} | {}", flags.join(" "), words.join(" "))
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(got.trim(), expected, "{line}");
    }

    #[test]
    fn one_hyphen_two_hyphens_and_an_equals_sign_are_the_same() {
        for line in [
            "-a x rev",
            "-a=x rev",
            "--a x rev",
            "--a=x rev",
            "rev -a x",
            "rev --a=x",
        ] {
            check(line, "-a=x | rev");
        }
    }

    #[test]
    fn a_value_may_begin_with_a_hyphen_or_hold_an_equals_sign() {
        check("-r -1 rev", "-r=-1 | rev");
        check("-a doozer:?ca=x rev", "-a=doozer:?ca=x | rev");
        check("-a=doozer:?ca=x&ca=y rev", "-a=doozer:?ca=x&ca=y | rev");
        check("-a= rev", "-a= | rev");
    }

    #[test]
    fn an_option_without_a_value_takes_every_spelling_of_a_boolean() {
        check("-v rev", "-v=true | rev");
        check("-v=T rev", "-v=true | rev");
        check("-v=0 rev", "-v=false | rev");
        check(
            "-v=yes rev",
            "option -v: wrong value \"yes\": true or false is wanted",
        );
    }

    #[test]
    fn options_stand_anywhere_and_negative_numbers_behind_a_word_are_words() {
        check("set /x -1", "| set /x -1");
        check("set -r 5 /x -1 -v", "-r=5 -v=true | set /x -1");
        check("nop -1", "there is no option -1");
        check("get -", "| get -");
    }

    #[test]
    fn two_hyphens_alone_end_the_options() {
        check("get -- -v -a", "| get -v -a");
        check("-- -v -a", "| -v -a");
    }

    #[test]
    fn what_is_wrong_is_named() {
        check("-x rev", "there is no option -x");
        check("rev --addr=x", "there is no option -addr");
        check("rev -a", "option -a needs a value");
        check("---a rev", "\"---a\" is not the way to write an option");
        check("-=x rev", "\"-=x\" is not the way to write an option");
    }
}
