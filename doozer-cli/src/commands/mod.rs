//! The table of commands. One file each.

mod add;
mod apply;
mod bench;
mod cluster;
mod complete;
mod completions;
mod cp;
mod del;
mod diff;
mod doctor;
#[cfg(test)]
mod documented;
mod edit;
mod elect;
mod export;
mod find;
mod get;
mod grep;
mod help;
mod history;
mod import;
mod lock;
mod ls;
mod man;
mod mv;
mod nop;
mod ns;
mod profile;
mod put;
mod rev;
mod revert;
mod rm;
mod run;
mod self_id;
mod set;
mod shell;
mod stat;
mod touch;
mod tree;
mod version;
mod wait;
mod walk;
mod watch;

use std::fmt;

use futures_util::future::LocalBoxFuture;

use crate::args::{Flag, Invocation, UsageError, nearest};
use crate::input::Input;
use crate::output::Output;
use crate::session::Session;

pub(crate) use help::{COMMAND as HELP, Topic, print as print_help, topic, topic_names, usage};

/// Every command, in the order of the help.
pub(crate) const ALL: &[&Command] = &[
    &complete::COMMAND,
    &add::COMMAND,
    &apply::COMMAND,
    &bench::COMMAND,
    &cluster::BOOTSTRAP,
    &cluster::HEALTH,
    &cluster::SLOTS_COMMAND,
    &cluster::STATUS,
    &cluster::WAIT,
    &completions::COMMAND,
    &cp::COMMAND,
    &del::COMMAND,
    &diff::COMMAND,
    &doctor::COMMAND,
    &edit::COMMAND,
    &elect::COMMAND,
    &export::COMMAND,
    &find::COMMAND,
    &get::COMMAND,
    &grep::COMMAND,
    &help::COMMAND,
    &history::COMMAND,
    &import::COMMAND,
    &lock::COMMAND,
    &ls::COMMAND,
    &man::COMMAND,
    &mv::COMMAND,
    &nop::COMMAND,
    &ns::CLEAN,
    &ns::EXPLAIN,
    &ns::LIST,
    &ns::RESOLVE,
    &profile::ADD,
    &profile::LIST,
    &profile::SHOW,
    &profile::USE,
    &put::COMMAND,
    &rev::COMMAND,
    &revert::COMMAND,
    &rm::COMMAND,
    &run::COMMAND,
    &self_id::COMMAND,
    &set::COMMAND,
    &shell::COMMAND,
    &stat::COMMAND,
    &touch::COMMAND,
    &tree::COMMAND,
    &version::COMMAND,
    &wait::COMMAND,
    &walk::COMMAND,
    &watch::COMMAND,
];

/// Those that people are told of: a name that begins with `__` is for scripts of our own.
pub(crate) fn shown() -> impl Iterator<Item = &'static Command> {
    let all = ALL.iter().copied();
    all.filter(|command| !command.name.starts_with("__"))
}

/// Commands that end with the exit statuses of the original's: 0, 1, 2 and 127.
const ORIGINAL: [&str; 15] = [
    "add", "bench", "del", "find", "get", "help", "nop", "rev", "self", "set", "stat", "touch",
    "wait", "walk", "watch",
];

/// A command: how it is called, what its help says, what it does.
pub(crate) struct Command {
    /// What is typed: one word or two.
    pub(crate) name: &'static str,
    /// The names of its arguments. One in brackets may be left out, one with three dots behind it
    /// may be repeated; `-- CMD...`, the last one, is a command line of its own.
    pub(crate) arguments: &'static [&'static str],
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// What else is to be known.
    pub(crate) details: &'static str,
    /// The options that only it has. They go before those of the same name that every command has.
    pub(crate) options: &'static [Flag],
    /// Whether what it prints has other forms than text (`-o`).
    pub(crate) formats: bool,
    /// Runs it.
    pub(crate) run: for<'a> fn(Call<'a>) -> Running<'a>,
}

/// What a command has at hand when it runs.
pub(crate) struct Call<'a> {
    /// The server, the terminal, the directory.
    pub(crate) session: &'a Session,
    /// What was typed.
    pub(crate) invocation: &'a Invocation,
    /// Its standard input.
    pub(crate) input: &'a mut Input,
    /// Its standard output.
    pub(crate) output: &'a mut Output,
}

/// A command on its way. It may be dropped at any time: at Ctrl-C, or when its time is over.
pub(crate) type Running<'a> = LocalBoxFuture<'a, anyhow::Result<()>>;

/// The last argument of a command that runs another program.
const CHILD: &str = "-- CMD...";

impl Command {
    /// Whether it can be called with these arguments.
    pub(crate) fn takes(&self, words: &[String], child: &[String]) -> bool {
        let arguments = || self.arguments.iter().filter(|name| **name != CHILD);
        let least = arguments().filter(|name| !name.starts_with('[')).count();
        let repeats = arguments().any(|name| name.contains("..."));
        let most = if repeats {
            usize::MAX
        } else {
            arguments().count()
        };
        (least..=most).contains(&words.len()) && self.runs_child() != child.is_empty()
    }

    /// Whether its command line ends with that of another program, behind `--`.
    pub(crate) fn runs_child(&self) -> bool {
        self.arguments.last() == Some(&CHILD)
    }

    /// Its name and its arguments, as they are typed.
    pub(crate) fn usage(&self) -> String {
        let mut usage = self.name.to_owned();
        for argument in self.arguments {
            usage.push(' ');
            usage.push_str(argument);
        }
        usage
    }

    /// Whether it ends with the exit statuses of the original's.
    pub(crate) fn is_original(&self) -> bool {
        ORIGINAL.contains(&self.name)
    }

    /// The first word of a name of two.
    fn group(&self) -> Option<&'static str> {
        self.name.split_once(' ').map(|(group, _)| group)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.name).finish()
    }
}

/// What goes by a name.
#[derive(Debug)]
pub(crate) enum Named {
    /// A command.
    Command(&'static Command),
    /// Commands of two words, this being the first.
    Group(Vec<&'static str>),
}

/// What is called `typed`, the first word of a command line.
pub(crate) fn named(typed: &str) -> Result<Named, UsageError> {
    let command = ALL.iter().find(|command| command.name == typed);
    if let (Some(command), false) = (command, typed.contains(' ')) {
        return Ok(Named::Command(command));
    }
    let group: Vec<_> = group(typed).map(|command| command.name).collect();
    if !group.is_empty() {
        return Ok(Named::Group(group));
    }
    Err(UsageError::UnknownCommand {
        typed: typed.to_owned(),
        nearest: nearest(typed, names()),
    })
}

/// The command of two words, `group` and `second`.
pub(crate) fn in_group(group: &str, second: &str) -> Result<&'static Command, UsageError> {
    let typed = format!("{group} {second}");
    let found = ALL.iter().find(|command| command.name == typed);
    found.copied().ok_or_else(|| UsageError::UnknownCommand {
        nearest: nearest(&typed, names()),
        typed,
    })
}

/// The commands of two words whose first is `name`.
pub(crate) fn group(name: &str) -> impl Iterator<Item = &'static Command> {
    let all = ALL.iter().copied();
    all.filter(move |command| command.group() == Some(name))
}

/// The names of all commands and groups.
fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = shown().flat_map(|command| [Some(command.name), command.group()]);
    names.flatten().map(|name| (name, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stand_in_order_and_once() {
        let names: Vec<&str> = ALL.iter().map(|command| command.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        assert!(
            names
                .iter()
                .all(|name| names.iter().filter(|other| *other == name).count() == 1)
        );
    }

    #[test]
    fn no_command_has_the_name_of_a_group() {
        let names: Vec<&str> = ALL.iter().map(|command| command.name).collect();
        let groups = ALL.iter().filter_map(|command| command.group());
        assert_eq!(groups.filter(|group| names.contains(group)).count(), 0);
        assert!(names.iter().all(|name| name.split(' ').count() <= 2));
    }

    #[test]
    fn the_commands_of_the_original_are_all_there() {
        for name in ORIGINAL {
            assert!(matches!(named(name), Ok(Named::Command(_))), "{name}");
        }
    }

    fn check_takes(arguments: &'static [&'static str], words: usize, child: usize, expected: bool) {
        let command = Command {
            arguments,
            ..help::COMMAND
        };
        let typed = |count| vec![String::new(); count];
        let takes = command.takes(&typed(words), &typed(child));
        assert_eq!(takes, expected, "{arguments:?} {words} {child}");
    }

    #[test]
    fn the_number_of_arguments_is_told_by_their_names() {
        check_takes(&["PATH", "REV"], 1, 0, false);
        check_takes(&["PATH", "REV"], 2, 0, true);
        check_takes(&["PATH", "REV"], 3, 0, false);
        check_takes(&["[COMMAND]"], 0, 0, true);
        check_takes(&["[COMMAND]"], 1, 0, true);
        check_takes(&["[COMMAND]"], 2, 0, false);
        check_takes(&["PATH..."], 0, 0, false);
        check_takes(&["PATH..."], 9, 0, true);
        check_takes(&["[PATH...]"], 0, 0, true);
        check_takes(&["[PATH...]"], 9, 0, true);
        check_takes(&["PATH..."], 9, 1, false);
    }

    #[test]
    fn a_child_needs_a_command_line() {
        check_takes(&["PATH", CHILD], 1, 0, false);
        check_takes(&["PATH", CHILD], 1, 3, true);
        check_takes(&["PATH", CHILD], 2, 3, false);
    }
}
