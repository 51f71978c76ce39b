//! Reads options from a command line the Go way: `-name value`, `-name=value` and `--name` are one.

use std::fmt::Display;

use thiserror::Error;

use super::nearest::nearest;
use super::options::OPTIONS;

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

impl Flag {
    /// As the help writes it: a short name with one hyphen, a long one with two. Both are read.
    pub(crate) fn hyphened(&self) -> String {
        hyphened(self.name)
    }
}

fn hyphened(name: &str) -> String {
    let hyphens = if name.len() == 1 { "-" } else { "--" };
    format!("{hyphens}{name}")
}

/// Why a command line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FlagError {
    /// No option has this name.
    #[error("there is no option -{name}{}", question(*.nearest))]
    Unknown {
        /// What was typed, without a hyphen.
        name: String,
        /// The option it is most like.
        nearest: Option<&'static str>,
    },
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

/// The options that were typed, their values still text: the command's own, and those that every
/// command takes. Both may have one of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    own: Vec<(&'static str, String)>,
    global: Vec<(&'static str, String)>,
}

impl Flags {
    /// The value of the command's option `name`, the last when it was given more than once.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).last()
    }

    /// Every value of the command's option `name`, in order.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.own.iter().filter(move |(typed, _)| *typed == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the command's option `name`, one without a value, is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.text(name) == Some(ON)
    }

    /// The value of the command's option `name`, read by `read`.
    pub(crate) fn value<T, E: Display>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, FlagError> {
        read_value(name, self.text(name), read)
    }

    /// The value of the option `name` that every command takes, the last when it was given more
    /// than once.
    pub(crate) fn global(&self, name: &str) -> Option<&str> {
        let found = self.global.iter().rev().find(|(typed, _)| *typed == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the option `name` that every command takes, one without a value, is on or off.
    pub(crate) fn global_switch(&self, name: &str) -> Option<bool> {
        self.global(name).map(|value| value == ON)
    }

    /// The value of the option `name` that every command takes, read by `read`.
    pub(crate) fn global_value<T, E: Display>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, FlagError> {
        read_value(name, self.global(name), read)
    }
}

fn read_value<T, E: Display>(
    name: &'static str,
    text: Option<&str>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, FlagError> {
    let Some(text) = text else {
        return Ok(None);
    };
    read(text).map(Some).map_err(|reason| FlagError::Value {
        name,
        value: text.to_owned(),
        reason: reason.to_string(),
    })
}

/// The words behind a command's name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Its arguments.
    pub(crate) words: Vec<String>,
    /// What stands behind `--`, where that is kept apart.
    pub(crate) child: Vec<String>,
}

/// A command line that is read piece by piece, as its first words decide which options may follow.
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

    /// The next word of the command's name. Options before it are those that every command takes.
    pub(crate) fn word(&mut self) -> Result<Option<String>, FlagError> {
        while let Some(arg) = self.args.next() {
            if self.words_only || !is_option(&arg) {
                return Ok(Some(arg));
            }
            self.option(&arg, &[])?;
        }
        Ok(None)
    }

    /// The words that are left, with options before, between and behind them: those of `own`, and
    /// those that every command takes. What stands behind `--` is kept apart where `splits` says so.
    ///
    /// Behind a first word a negative number is a word too: `set /x -1`.
    pub(crate) fn words(&mut self, own: &'static [Flag], splits: bool) -> Result<Words, FlagError> {
        let mut read = Words::default();
        while let Some(arg) = self.args.next() {
            if splits && arg == "--" {
                read.child.extend(self.args.by_ref());
                break;
            }
            let number = !read.words.is_empty() && is_negative_number(&arg);
            if self.words_only || number || !is_option(&arg) {
                read.words.push(arg);
            } else {
                self.option(&arg, own)?;
            }
        }
        Ok(read)
    }

    fn option(&mut self, arg: &str, own: &'static [Flag]) -> Result<(), FlagError> {
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
        let (flag, typed) = match named(own, name) {
            Some(flag) => (flag, &mut self.flags.own),
            None => (
                named(OPTIONS, short(name)).ok_or_else(|| unknown(name, own))?,
                &mut self.flags.global,
            ),
        };
        let value = match (flag.value, value) {
            (None, value) => on_or_off(flag.name, value.as_deref())?,
            (Some(_), Some(value)) => value,
            (Some(_), None) => self.args.next().ok_or(FlagError::NeedsValue(flag.name))?,
        };
        typed.push((flag.name, value));
        Ok(())
    }
}

fn named(flags: &'static [Flag], name: &str) -> Option<&'static Flag> {
    flags.iter().find(|flag| flag.name == name)
}

/// The short name that goes for a long one, as most programs have it. The original knew the short
/// ones alone.
fn short(name: &str) -> &str {
    match name {
        "help" => "h",
        "version" => "v",
        name => name,
    }
}

/// What other programs call an option of ours.
const ELSEWHERE: [(&str, &str); 4] = [
    ("output", "o"),
    ("format", "o"),
    ("addr", "a"),
    ("endpoints", "a"),
];

fn unknown(name: &str, own: &'static [Flag]) -> FlagError {
    let known = own.iter().chain(OPTIONS);
    let known = known.map(|flag| (flag.name, flag.name));
    FlagError::Unknown {
        name: name.to_owned(),
        nearest: nearest(name, known.chain(ELSEWHERE)),
    }
}

fn question(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| {
        format!(": did you mean {}?", hyphened(name))
    })
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

    const OWN: &[Flag] = &[
        Flag {
            name: "r",
            value: None,
            help: "",
        },
        Flag {
            name: "members",
            value: Some("N"),
            help: "",
        },
    ];

    /// Reads `line` as one word and those behind it; what came out as `-name=value … | words`.
    fn check(line: &str, expected: &str) {
        check_split(line, false, expected);
    }

    fn check_split(line: &str, splits: bool, expected: &str) {
        let mut reader = Reader::new(line.split_whitespace().map(str::to_owned));
        let read = reader.word().and_then(|first| {
            let read = reader.words(OWN, splits)?;
            let mut words: Vec<String> = first.into_iter().chain(read.words).collect();
            if !read.child.is_empty() {
                words.push(format!("-- {}", read.child.join(" ")));
            }
            Ok(words)
        });
        let got = match read {
            Ok(words) => {
                let own = reader.flags.own.iter().map(|flag| ("own -", flag));
                let global = reader.flags.global.iter().map(|flag| ("-", flag));
                let flags: Vec<String> = global
                    .chain(own)
                    .map(|(hyphen, (name, value))| format!("{hyphen}{name}={value}"))
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
        check("-r 5 set /x -1 -v", "-r=5 -v=true | set /x -1");
        check("nop -1", "there is no option -1");
        check("get -", "| get -");
    }

    #[test]
    fn two_hyphens_alone_end_the_options() {
        check("get -- -v -a", "| get -v -a");
        check("-- -v -a", "| -v -a");
    }

    #[test]
    fn a_command_with_a_child_keeps_apart_what_stands_behind_two_hyphens() {
        check_split(
            "lock /x -v -- cmd -v -- -r",
            true,
            "-v=true | lock /x -- cmd -v -- -r",
        );
        check_split("lock /x", true, "| lock /x");
    }

    #[test]
    fn a_command_s_own_option_goes_before_one_of_every_command() {
        check("-r 5 rm -r /x", "-r=5 own -r=true | rm /x");
        check("rm --members 3 -a x", "-a=x own -members=3 | rm");
    }

    #[test]
    fn a_misspelt_option_has_a_nearest_one() {
        check(
            "rm --mermbers 3",
            "there is no option -mermbers: did you mean --members?",
        );
        check(
            "rm --tiemout 3s",
            "there is no option -tiemout: did you mean --timeout?",
        );
        check(
            "--Profil x rm",
            "there is no option -Profil: did you mean --profile?",
        );
        check(
            "rm --output json",
            "there is no option -output: did you mean -o?",
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        check("-x rev", "there is no option -x");
        check("rev --nothing=x", "there is no option -nothing");
        check("rev -a", "option -a needs a value");
        check("---a rev", "\"---a\" is not the way to write an option");
        check("-=x rev", "\"-=x\" is not the way to write an option");
    }
}
