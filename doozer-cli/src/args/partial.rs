//! Reads a command line that is not finished, for its completion.

use super::flags::{Flag, FlagError, Reader};
use super::options::{OPTIONS, Target};
use super::{First, first};
use crate::commands::{Command, Topic};

/// What words that are not all there mean so far, and so what may come next.
#[derive(Debug)]
pub(crate) enum Partial {
    /// No command yet.
    Nothing,
    /// The first word of commands of two.
    Group(String),
    /// A command, with that many arguments.
    Words(&'static Command, usize),
    /// An option whose value comes next.
    Value(Flag),
    /// Another program's command line.
    Child,
    /// Something that is wrong already.
    Wrong,
}

/// What `words` mean so far; and whom they name.
pub(crate) fn read_partial(words: &[String]) -> (Partial, Target) {
    let mut reader = Reader::new(words.iter().cloned());
    let command = match first(&mut reader) {
        Ok(First::Command(command)) => command,
        Ok(First::Nothing(Topic::Group(group), _)) => {
            return (Partial::Group(group), Target::of(&reader.flags));
        }
        Ok(First::Nothing(..)) => return (Partial::Nothing, Target::of(&reader.flags)),
        Err(error) => return (wrong(error.downcast_ref(), &[]), Target::default()),
    };
    let read = reader.words(command.options, command.runs_child());
    let partial = match read {
        Err(error) => wrong(Some(&error), command.options),
        Ok(_) if command.runs_child() && words.iter().any(|word| word == "--") => Partial::Child,
        Ok(read) => Partial::Words(command, read.words.len()),
    };
    (partial, Target::of(&reader.flags))
}

/// An option without its value may be no mistake.
fn wrong(error: Option<&FlagError>, own: &'static [Flag]) -> Partial {
    let Some(FlagError::NeedsValue(name)) = error else {
        return Partial::Wrong;
    };
    let mut all = own.iter().chain(OPTIONS);
    let flag = all.find(|flag| flag.name == *name);
    flag.map_or(Partial::Wrong, |flag| Partial::Value(*flag))
}
