//! The first stage: reads words as Go's flag package does, into flags and their values.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::error::UsageError;
use super::settings::{Setting, Settings, Source};
use super::table::{self, Flag, Kind};
use super::{nearest, value};

/// What was typed.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// Whether help was asked for.
    pub(super) help: bool,
    /// Whether the version was asked for.
    pub(super) version: bool,
    /// All flags with a value, in their order.
    pub(super) settings: Settings,
}

/// A word where a flag may stand.
enum Word<'a> {
    /// One or two dashes, a name, and perhaps a value behind `=`.
    Flag(&'a OsStr, Option<&'a OsStr>),
    /// Two dashes: no flag follows.
    End,
    /// Anything else.
    Plain,
}

/// Reads the words behind the program's name.
pub(super) fn read(mut args: impl Iterator<Item = OsString>) -> Result<Typed, UsageError> {
    let mut typed = Typed::default();
    while let Some(arg) = args.next() {
        match word(&arg)? {
            Word::Flag(name, value) => {
                let flag = find(&arg, name)?;
                typed.take(flag, value, &mut args)?;
            }
            Word::End => {
                return args.next().map_or(Ok(typed), |rest| Err(unexpected(&rest)));
            }
            Word::Plain => return Err(unexpected(&arg)),
        }
    }
    Ok(typed)
}

impl Typed {
    fn take(
        &mut self,
        flag: &'static Flag,
        value: Option<&OsStr>,
        args: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), UsageError> {
        if matches!(flag.kind, Kind::Switch) {
            return self.switch(flag, value);
        }
        let value = value.map(OsStr::to_owned).or_else(|| args.next());
        let value = value.ok_or_else(|| UsageError::NeedsValue {
            flag: flag.typed(),
            allowed: flag.allowed(),
        })?;
        let source = Source::CommandLine;
        self.settings.push(Setting {
            flag,
            source,
            value,
        });
        Ok(())
    }

    fn switch(&mut self, flag: &'static Flag, value: Option<&OsStr>) -> Result<(), UsageError> {
        let on = match value {
            None => true,
            Some(value) => {
                value
                    .to_str()
                    .and_then(value::boolean)
                    .ok_or_else(|| UsageError::Value {
                        origin: flag.typed(),
                        value: quoted(value),
                        allowed: flag.allowed(),
                    })?
            }
        };
        if flag.name == table::HELP.name {
            self.help = on;
        } else if flag.name == table::VERSION.name {
            self.version = on;
        } else {
            self.settings.push(Setting {
                flag,
                source: Source::CommandLine,
                value: on.to_string().into(),
            });
        }
        Ok(())
    }
}

fn word(arg: &OsStr) -> Result<Word<'_>, UsageError> {
    let bytes = arg.as_bytes();
    let name = match bytes {
        b"" | b"-" => return Ok(Word::Plain),
        b"--" => return Ok(Word::End),
        [b'-', b'-', name @ ..] | [b'-', name @ ..] => name,
        _ => return Ok(Word::Plain),
    };
    if matches!(name.first(), Some(b'-' | b'=')) {
        return Err(UsageError::NoName(quoted(arg)));
    }
    let (name, value) = match name.iter().position(|byte| *byte == b'=') {
        Some(at) => (&name[..at], Some(OsStr::from_bytes(&name[at + 1..]))),
        None => (name, None),
    };
    Ok(Word::Flag(OsStr::from_bytes(name), value))
}

fn find(arg: &OsStr, name: &OsStr) -> Result<&'static Flag, UsageError> {
    let name = name.to_string_lossy();
    table::find(&name).ok_or_else(|| {
        let dashes = if arg.as_bytes().starts_with(b"--") {
            "--"
        } else {
            "-"
        };
        UsageError::UnknownFlag {
            typed: format!("{dashes}{}", name.escape_debug()),
            nearest: nearest::flag(&name).map(Flag::typed),
        }
    })
}

fn unexpected(arg: &OsStr) -> UsageError {
    UsageError::Argument(quoted(arg))
}

/// As typed, in quotes, on one line.
pub(super) fn quoted(text: &OsStr) -> String {
    format!("{:?}", text.to_string_lossy())
}
