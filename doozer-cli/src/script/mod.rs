//! The language of scripts: commands of this program, a statement a line, made so that the same
//! script may be run again, on many machines at once, whatever happened to an earlier run.
//!
//! # A statement
//! is a command of the program's own table, run as in a shell, or one of the language: it sets a
//! variable, chooses, repeats, waits, or makes a file what it is to be. The text is cut into words
//! (`lexer`, `words`), these are put together to a tree (`parser`), the tree is checked (`check`), and
//! only then carried out (`run`). A word is always one argument: what a variable holds is never
//! read as syntax, split or taken for an option.
//!
//! # Before anything runs
//! the whole script is checked: that it can be read; that each command is one, with the right
//! options and as many arguments as it takes; that every variable is set on every way to its use;
//! numbers, durations and paths, as far as no variable is in them. What is wrong is told all at
//! once, with its places. Then nothing was done, not even a connection made.
//!
//! # What is safe to run again
//! | statement | because it |
//! | --- | --- |
//! | `ensure`, `ensure-exists`, `ensure-absent` | reads, and changes only what differs, by compare-and-set |
//! | `wait-for`, `wait-members`, `if exists` | changes nothing |
//! | `once` | leaves `done` in its file when its block is at its end; whoever comes later skips it |
//! | `as-leader` | runs its block again, and never beside another one |
//! | a command | is what it is: `set /a 5` fails the second time, `put /a x` does not |
//!
//! # What a kill at any point leaves behind
//! A script keeps nothing but variables in memory: what it did is in the store, each change whole
//! or not at all. So a kill -9 leaves the changes of the statements before it; perhaps that of the
//! one under way; and perhaps a file of `once` or `as-leader` with a claim that nobody renews. That
//! claim is taken over by the next contender after its time-to-live, on the contender's own clock.
//! The block then begins anew, so a block of `once` may have run in part, several times, before it
//! runs to its end; never two at a time, but for a holder that stood still for longer than its
//! time-to-live (`hold` says how long, and `$lock_rev` tells such writes apart).
//! Neither `on-error` nor the giving back of files happens on kill -9. Both do on SIGINT and SIGTERM.
//!
//! # Failures
//! The first statement that fails ends the script, with its file, line, text and reason. Blocks of
//! `on-error` before it in the same block run then, last one first. In a condition, that a command
//! fails is an answer; that nobody answers (no connection, no access, no quorum, outcome unknown) is
//! not, and ends the script: a lost connection never chooses a branch.

mod check;
mod effects;
mod expand;
mod failure;
mod files;
mod guards;
mod holding;
pub(crate) mod in_shell;
mod lexer;
mod limits;
mod parser;
mod place;
mod pretend;
mod run;
mod syntax;
mod waiting;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use thiserror::Error;

use crate::input::Input;
use crate::output::Output;
use crate::session::Session;
use guards::Guards;
use pretend::Pretended;
use run::Runner;
use syntax::Block;

pub(crate) use lexer::{Operator, Piece, Token, read_in_shell};
pub(crate) use limits::SCRIPT_BYTES_MAX;
pub(crate) use place::{Place, Wrong};
pub(crate) use run::Mode;
pub(crate) use syntax::{Part, Word};
pub(crate) use words::is_name;

/// How many things that are wrong are told.
const TOLD_MAX: usize = 20;

/// A script that was checked.
#[derive(Debug)]
pub(crate) struct Script {
    file: String,
    block: Block,
    variables: BTreeMap<String, String>,
}

/// A script that is not run, as something in it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", told(.file, .wrong))]
pub(crate) struct WrongScript {
    file: String,
    wrong: Vec<Wrong>,
}

fn told(file: &str, wrong: &[Wrong]) -> String {
    let mut text = format!("{file} is not run: nothing was done");
    for Wrong { place, what, .. } in wrong.iter().take(TOLD_MAX) {
        write!(text, "\n  {file}:{place}: {what}")
            .expect("invariant: writing to a string does not fail");
    }
    if let Some(more) = wrong.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        write!(text, "\n  and {more} more").expect("invariant: writing to a string does not fail");
    }
    text
}

impl Script {
    /// Reads and checks the script `text` of `file`, where `variables` are set.
    pub(crate) fn read(
        file: &str,
        text: &str,
        variables: BTreeMap<String, String>,
    ) -> Result<Self, WrongScript> {
        let file = file.to_owned();
        let block = match parser::parse(text) {
            Ok(block) => block,
            Err(wrong) => {
                let wrong = vec![wrong];
                return Err(WrongScript { file, wrong });
            }
        };
        let check_line = |words: &[String]| crate::run::check(words).map(drop);
        let wrong = check::check(&block, variables.keys().cloned().collect(), check_line);
        if wrong.is_empty() {
            Ok(Self {
                file,
                block,
                variables,
            })
        } else {
            Err(WrongScript { file, wrong })
        }
    }

    /// Runs it, for `limit` at most.
    pub(crate) async fn run(
        self,
        session: &Session,
        input: &mut Input,
        output: &mut Output,
        (mode, limit): (Mode, Option<Duration>),
    ) -> anyhow::Result<()> {
        let mut runner = Runner {
            session,
            input,
            output,
            file: &self.file,
            mode,
            variables: self.variables,
            guards: Guards::new(limit)?,
            pretended: Pretended::default(),
            told: String::new(),
            place: Place { line: 1, column: 1 },
        };
        let done = runner.block(&self.block).await;
        done.or_else(|failure| runner.end_dry(failure))
            .map_err(|failure| failure.of(&self.file))
    }
}
