//! The table of commands. One file each.

mod add;
mod bench;
mod del;
mod find;
mod get;
mod help;
mod nop;
mod rev;
mod self_id;
mod set;
mod stat;
mod touch;
mod wait;
mod walk;
mod watch;

use std::fmt;

use futures_util::future::LocalBoxFuture;

use crate::args::{Flag, Invocation, UsageError};
use crate::output::Output;
use crate::server::Server;

pub(crate) use help::{print as print_help, usage};

/// Every command, in the order of the help.
const ALL: &[&Command] = &[
    &add::COMMAND,
    &bench::COMMAND,
    &del::COMMAND,
    &find::COMMAND,
    &get::COMMAND,
    &help::COMMAND,
    &nop::COMMAND,
    &rev::COMMAND,
    &self_id::COMMAND,
    &set::COMMAND,
    &stat::COMMAND,
    &touch::COMMAND,
    &wait::COMMAND,
    &walk::COMMAND,
    &watch::COMMAND,
];

/// A command: how it is called, what its help says, what it does.
pub(crate) struct Command {
    /// What is typed.
    pub(crate) name: &'static str,
    /// The names of its arguments; one in brackets may be left out.
    pub(crate) arguments: &'static [&'static str],
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// What else is to be known.
    pub(crate) details: &'static str,
    /// The options that only it has.
    pub(crate) options: &'static [Flag],
    /// Runs it.
    pub(crate) run: Run,
}

/// How a command runs.
pub(crate) enum Run {
    /// It brings its own connections, or needs none.
    Alone(fn(&Invocation, &mut Output) -> anyhow::Result<()>),
    /// It asks one server.
    OnServer(for<'a> fn(&'a Server, &'a Invocation, &'a mut Output) -> Running<'a>),
}

/// A command that asks a server, on its way.
pub(crate) type Running<'a> = LocalBoxFuture<'a, anyhow::Result<()>>;

impl Command {
    /// Whether it can be called with `count` arguments.
    pub(crate) fn takes(&self, count: usize) -> bool {
        let optional = self
            .arguments
            .iter()
            .filter(|name| name.starts_with('['))
            .count();
        (self.arguments.len() - optional..=self.arguments.len()).contains(&count)
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
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.name).finish()
    }
}

/// The command called `typed`.
pub(crate) fn named(typed: &str) -> Result<&'static Command, UsageError> {
    let found = ALL.iter().copied().find(|command| command.name == typed);
    found.ok_or_else(|| UsageError::UnknownCommand {
        typed: typed.to_owned(),
        nearest: nearest(typed),
    })
}

/// Edits from a misspelt name to the right one, at most.
const EDITS_MAX: usize = 2;

/// The name that is most like `typed`, when one is like it at all.
fn nearest(typed: &str) -> Option<&'static str> {
    let lower = typed.to_lowercase();
    let names = ALL.iter().map(|command| command.name);
    let likeness = |name: &str| {
        let distance = strsim::damerau_levenshtein(&lower, name);
        (distance, name.len().abs_diff(lower.len()))
    };
    let ((distance, _), name) = names.map(|name| (likeness(name), name)).min()?;
    let alike = distance <= EDITS_MAX && distance < name.len();
    alike.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: Option<&str>) {
        assert_eq!(nearest(typed), expected, "{typed}");
    }

    #[test]
    fn a_misspelt_name_has_a_nearest_one() {
        check("gte", Some("get"));
        check("GET", Some("get"));
        check("wacht", Some("watch"));
        check("delete", None);
        check("tuoch", Some("touch"));
        check("hepl", Some("help"));
    }

    #[test]
    fn commands_stand_in_order_and_once() {
        let names: Vec<&str> = ALL.iter().map(|command| command.name).collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn arguments_in_brackets_may_be_left_out() {
        let help = named("help").unwrap();
        assert!(help.takes(0) && help.takes(1) && !help.takes(2));
        let set = named("set").unwrap();
        assert!(!set.takes(1) && set.takes(2) && !set.takes(3));
    }
}
