//! The commands that only the shell has.

use std::fmt::Write;

use anyhow::{Context, bail};
use tokio::time::{Duration, timeout};

use super::{Flow, Shell};
use crate::args::UsageError;
use crate::commands;
use crate::failure::Missing;
use crate::output::Output;

/// How long `cd` asks whether there is such a directory, before it believes it.
const CD_ASKS: Duration = Duration::from_secs(1);

/// A command of the shell's own.
#[derive(Debug)]
pub(super) struct Builtin {
    pub(super) name: &'static str,
    arguments: &'static str,
    /// How many arguments it takes.
    count: std::ops::RangeInclusive<usize>,
    summary: &'static str,
}

/// All of them, in the order of the help.
pub(super) const ALL: [Builtin; 11] = [
    of("cd", "[PATH]", 0..=1, "Go to a directory; `cd -` goes back"),
    of("echo", "[WORD...]", 0..=usize::MAX, "Print words"),
    of("exit", "[STATUS]", 0..=1, "Leave the shell, as Ctrl-D does"),
    of("help", "[COMMAND]", 0..=2, "Print help"),
    of("jobs", "", 0..=0, "List what runs in the background"),
    of("kill", "NUMBER", 1..=1, "End a job"),
    of("pwd", "", 0..=0, "Print the directory"),
    of("quit", "", 0..=0, "Leave the shell"),
    of(
        "time",
        "COMMAND",
        1..=usize::MAX,
        "Run a command, and tell how long it took",
    ),
    of("unset", "NAME", 1..=1, "Forget a variable"),
    of("vars", "", 0..=0, "List the variables"),
];

const fn of(
    name: &'static str,
    arguments: &'static str,
    count: std::ops::RangeInclusive<usize>,
    summary: &'static str,
) -> Builtin {
    Builtin {
        name,
        arguments,
        count,
        summary,
    }
}

/// The one that is called `name`.
pub(super) fn named(name: &str) -> Option<&'static Builtin> {
    ALL.iter().find(|builtin| builtin.name == name)
}

impl Builtin {
    fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments)
            .trim_end()
            .to_owned()
    }
}

impl Shell {
    /// Runs `builtin` with `words`, its arguments.
    pub(super) async fn builtin(
        &self,
        builtin: &Builtin,
        words: &[String],
        output: &mut Output,
    ) -> anyhow::Result<Flow> {
        if !builtin.count.contains(&words.len()) {
            bail!(UsageError::Argument {
                typed: words.join(" "),
                wanted: builtin.arguments,
            });
        }
        match builtin.name {
            "cd" => self.cd(words.first().map_or("/", String::as_str)).await?,
            "echo" => output.line(words.join(" "))?,
            "exit" => return exit(words.first()),
            "help" => help(words, output)?,
            "jobs" => {
                for line in self.jobs.list() {
                    output.line(line)?;
                }
            }
            "kill" => self.kill(&words[0])?,
            "pwd" => output.line(self.session.directory())?,
            "quit" => return Ok(Flow::Exit(0)),
            "unset" => drop(self.variables.borrow_mut().remove(&words[0])),
            "vars" => self.vars(output)?,
            // It is part of how a line is read.
            _ => bail!("{} stands before a command", builtin.name),
        }
        Ok(Flow::On)
    }

    async fn cd(&self, typed: &str) -> anyhow::Result<()> {
        let path = match typed {
            "-" => self.directory_before.borrow().clone(),
            typed => self.session.path(typed),
        };
        if let Ok(is) = timeout(CD_ASKS, self.is_directory(&path)).await {
            is?;
        }
        let before = self.session.directory();
        *self.directory_before.borrow_mut() = before;
        self.session.set_directory(path);
        Ok(())
    }

    async fn is_directory(&self, path: &str) -> anyhow::Result<()> {
        if path == "/" {
            return Ok(());
        }
        let server = self.session.server().await?;
        let stat = server.client.stat(path, None).await;
        match stat.map_err(|error| server.at(error))?.rev {
            doozer_client::REV_DIR => Ok(()),
            0 => Err(Missing(path.to_owned()).into()),
            _ => bail!("{path}: this is a file, not a directory"),
        }
    }

    fn kill(&self, typed: &str) -> anyhow::Result<()> {
        let number = typed.trim_start_matches('%').parse();
        let number = number.with_context(|| format!("{typed:?} is not the number of a job"))?;
        if !self.jobs.end(number) {
            bail!("there is no job {number}: `jobs` lists them");
        }
        Ok(())
    }

    fn vars(&self, output: &mut Output) -> anyhow::Result<()> {
        for (name, value) in &*self.variables.borrow() {
            output.line(format_args!("{name}={value}"))?;
        }
        Ok(())
    }
}

fn exit(status: Option<&String>) -> anyhow::Result<Flow> {
    let status = status.map_or(Ok(0), |typed| typed.parse::<u8>());
    Ok(Flow::Exit(
        status.context("an exit status is a number from 0 to 255")?,
    ))
}

fn help(words: &[String], output: &mut Output) -> anyhow::Result<()> {
    let own = words.first().and_then(|name| named(name));
    match own.filter(|builtin| builtin.name != "help") {
        Some(builtin) => output.line(format_args!("{}: {}", builtin.usage(), builtin.summary))?,
        None if words.is_empty() => output.bytes(overview().as_bytes())?,
        None => {
            let topic = commands::topic(words)?;
            commands::print_help(&topic, output)?;
        }
    }
    Ok(())
}

/// What `help` alone prints.
fn overview() -> String {
    let mut text = "Commands of the shell:\n".to_owned();
    let mut push = |usage: String, summary: &str| {
        writeln!(text, "  {usage:24}  {summary}")
            .expect("invariant: writing to a string does not fail");
    };
    for builtin in &ALL {
        push(builtin.usage(), builtin.summary);
    }
    text.push_str(SIGNS);
    text.push_str("\nCommands, as without the shell:\n");
    for command in commands::shown().filter(|command| command.name != "shell") {
        writeln!(text, "  {:24}  {}", command.usage(), command.summary)
            .expect("invariant: writing to a string does not fail");
    }
    text.push_str(
        "\n`help COMMAND` tells more of one; its options are those of `doozer COMMAND`.\n",
    );
    text
}

const SIGNS: &str = "
Statements, as in a script (docs/scripting.md): if, for, retry, once, as-leader, ensure,
ensure-exists, ensure-absent, wait-for, wait-members, fail, on-error

Signs:
  COMMAND | PROGRAM         Give what it prints to a program, all behind | being for sh
  COMMAND > FILE, >> FILE   Write it to a file of this machine, or behind what that holds
  COMMAND <<END             Let it read the lines up to one that is END
  COMMAND &                 Run it in the background; what it prints comes above the prompt
  COMMAND ; COMMAND         One after the other
  NAME=VALUE, $NAME         Set a variable, use it; $status is how the last command ended
  $(COMMAND)                What the command prints
  'a b', \"$x b\", \\           Quoting, as in sh
  # …                       A comment

Keys: Tab completes, Right takes the hint, Ctrl-R searches the history, Ctrl-C ends a command,
Ctrl-D leaves.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_has_the_name_of_one_of_the_shell_s_own() {
        for command in commands::ALL {
            assert!(
                named(command.name).is_none_or(|own| own.name == "help"),
                "{}",
                command.name
            );
        }
        assert!(ALL.iter().map(|own| own.name).is_sorted());
    }

    #[test]
    fn the_help_tells_of_all_and_fits_a_terminal() {
        let text = overview();
        for own in &ALL {
            assert!(text.contains(&own.usage()), "{}", own.name);
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
    }
}
