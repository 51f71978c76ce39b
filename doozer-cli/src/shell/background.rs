//! Starts commands in the background.

use anyhow::bail;

use super::belt::Belt;
use super::board::Board;
use super::execute::{Ready, of_status, to_file};
use super::program::{self, Ground, Program};
use super::statement::{Statement, To};
use super::{Flow, Shell, builtins};
use crate::output::Output;
use crate::run::{check, execute};
use crate::session::Session;

/// A command that is to run in the background.
struct Work {
    session: Session,
    ready: Ready,
    board: Board,
}

impl Shell {
    /// Starts a job.
    pub(super) async fn background(&self, statement: &Statement) -> anyhow::Result<Flow> {
        let ready = self.foreground(statement, self.ready(statement)).await?;
        let own = |name: &&String| builtins::named(name).is_some();
        if let Some(name) = ready.words.first().filter(own) {
            bail!("{name} does not run in the background");
        }
        check(&ready.words)?;
        let work = Work {
            session: self.session.clone(),
            ready,
            board: self.board.clone(),
        };
        match &statement.to {
            To::Output => self
                .jobs
                .start(&statement.text, &self.board, work.onto_board())?,
            To::File { path, append } => {
                let path = self.foreground(statement, self.text(path)).await?;
                let work = work.run(to_file(&path, *append)?);
                self.jobs.start(&statement.text, &self.board, work)?;
            }
            To::Program(text) => {
                let program = Program::start(text, &self.variables.borrow(), Ground::Back)?;
                let work = work.into_program(program);
                self.jobs.start(&statement.text, &self.board, work)?;
            }
        }
        Ok(Flow::On)
    }
}

impl Work {
    async fn onto_board(self) -> anyhow::Result<()> {
        let (belt, board) = (Belt::default(), self.board.clone());
        let output = Output::to_terminal(belt.loader(), self.session.terminal());
        let run = belt.pace(self.run(output));
        let (done, ()) = tokio::join!(run, program::show_belt(&belt, &board));
        done
    }

    async fn into_program(self, mut program: Program) -> anyhow::Result<()> {
        let (belt, board) = (Belt::default(), self.board.clone());
        let shown = program::show(program.stdout(), &board);
        let fed = Program::feed(program.stdin(), &belt);
        let run = belt.pace(self.run(Output::to_program(belt.loader())));
        let ended = async {
            tokio::select! {
                (done, ()) = async { tokio::join!(run, fed) } => done.and(program.end().await),
                status = program.end() => status,
            }
        };
        let (status, ()) = tokio::join!(ended, shown);
        of_status(status?).map(drop)
    }

    async fn run(self, mut output: Output) -> anyhow::Result<()> {
        let mut ready = self.ready;
        let running = execute(&self.session, ready.words, &mut ready.input, &mut output);
        let done = Box::pin(running).await;
        let flushed = output.flush().map_err(anyhow::Error::from);
        done.and(flushed)
    }
}
