//! The shell: the same commands, one a line, on one connection that is made again when it is lost.
//!
//! # How a line is read
//! by the lexer of scripts, so that a word means the same in both. Only the shell has `|`, `>`, `&`.
//!
//! # Who runs where
//! All runs on the runtime's one thread, but for the line editor, which waits for keys on a thread
//! of its own (`editor`), and whoever prints above its prompt (`board`). The command in the
//! foreground is a future that Ctrl-C drops; a job is a task. What a key needs of the server is
//! asked on the runtime's thread, while the editor's waits for a moment (`names`).
//!
//! # What never waits for a slow reader
//! A command prints without waiting. Where its output goes to another program, or above the prompt,
//! it goes over a belt (`belt`), and the command goes on only while there is room on it.

mod background;
mod belt;
mod board;
mod builtins;
mod colours;
mod complete;
mod editor;
mod execute;
mod history;
mod interactive;
mod jobs;
mod keyboard;
mod keys;
mod link;
mod names;
mod piped;
mod program;
mod statement;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use tokio::task::LocalSet;

use crate::failure::Ended;
use crate::output::Output;
use crate::session::Session;
use board::Board;
use jobs::Jobs;
use keyboard::Modes;

/// A shell.
struct Shell {
    session: Session,
    is_interactive: bool,
    variables: RefCell<BTreeMap<String, String>>,
    /// Where `cd -` goes.
    directory_before: RefCell<String>,
    /// What the last command ended with.
    status: Cell<u8>,
    jobs: Jobs,
    board: Board,
    modes: Modes,
}

/// How the shell goes on behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    /// It ends with this status.
    Exit(u8),
}

/// Runs the commands that standard input holds, or that the user types.
pub(crate) async fn run(session: &Session, output: &mut Output) -> anyhow::Result<()> {
    let is_interactive = session.terminal().is_typed_at();
    session.set_directory("/".to_owned());
    let shell = Shell {
        session: session.clone(),
        is_interactive,
        variables: RefCell::new([("status".to_owned(), "0".to_owned())].into()),
        directory_before: RefCell::new("/".to_owned()),
        status: Cell::new(0),
        jobs: Jobs::default(),
        board: Board::default(),
        modes: Modes::of_terminal(),
    };
    let local = LocalSet::new();
    let status = if is_interactive {
        local
            .run_until(Box::pin(interactive::run(&shell, output)))
            .await?
    } else {
        local
            .run_until(Box::pin(piped::run(&shell, output)))
            .await?
    };
    match status {
        0 => Ok(()),
        status => Err(Ended(status).into()),
    }
}
