//! Carries out what a line says.

use std::fs::OpenOptions;
use std::future::{Future, pending};
use std::time::Instant;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::belt::Belt;
use super::builtins;
use super::colours::{RED, paint};
use super::keyboard::Keyboard;
use super::program::{Ground, Program};
use super::statement::{self, Line, Statement, To};
use super::{Flow, Shell};
use crate::failure::{self, Ended, ending};
use crate::input::Input;
use crate::output::Output;
use crate::run::{check, execute};
use crate::script::{Word, in_shell};

/// What a command that Ctrl-C ended leaves as its status, as in sh.
pub(super) const INTERRUPTED: u8 = 130;
/// What a line that cannot be read leaves.
const UNREADABLE: u8 = 127;

/// Commands that tidy up when they are interrupted, and end by themselves; only when they are
/// interrupted twice are they left where they are.
const TIDY_UP: [&str; 3] = ["elect", "lock", "run"];

/// How often Ctrl-C is typed to end the command `name`.
fn interrupts(name: Option<&str>) -> usize {
    match name {
        // The editor has the terminal, and Ctrl-C a meaning of its own there.
        Some("edit") => usize::MAX,
        Some(name) if TIDY_UP.contains(&name) => 2,
        _ => 1,
    }
}

/// A command that is ready to run.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) words: Vec<String>,
    pub(super) input: Input,
    /// Ends the reading of the terminal.
    _reading: Option<DropGuard>,
}

impl Shell {
    /// Runs the commands of a line. A failure is told, and the next command runs; an interrupt ends
    /// the line.
    pub(super) async fn line(&self, text: &str, output: &mut Output) -> Flow {
        let statements = match statement::read(text) {
            Ok(Line::Commands(statements)) => statements,
            Ok(Line::Script) => {
                let done = Box::pin(self.script(text, output)).await;
                return self.settle(done, output);
            }
            Err(wrong) => {
                self.fail(&ending(wrong.into(), UNREADABLE));
                return Flow::On;
            }
        };
        for statement in &statements {
            let flow = Box::pin(self.statement(statement, output)).await;
            if flow != Flow::On || self.status.get() == INTERRUPTED {
                return flow;
            }
        }
        Flow::On
    }

    async fn statement(&self, statement: &Statement, output: &mut Output) -> Flow {
        let begun = Instant::now();
        let done = self.carry_out(statement, output).await;
        if statement.timed {
            let seconds = begun.elapsed().as_secs_f64();
            self.session.note(format_args!("{seconds:.3} s"));
        }
        self.settle(done, output)
    }

    /// Runs statements of the language of scripts.
    async fn script(&self, text: &str, output: &mut Output) -> anyhow::Result<Flow> {
        let variables = self.variables.borrow().clone();
        let run = async {
            let mut input = Input::none();
            in_shell::run(&self.session, &variables, text, (&mut input, output)).await
        };
        // It tidies up by itself when it is interrupted; the second time it is left where it is.
        let variables = self.until_interrupted(2, run).await?;
        *self.variables.borrow_mut() = variables;
        Ok(Flow::On)
    }

    /// What a command came to: its failure is told.
    fn settle(&self, done: anyhow::Result<Flow>, output: &mut Output) -> Flow {
        let flushed = output.flush().map_err(anyhow::Error::from);
        match done.and_then(|flow| flushed.map(|()| flow)) {
            Ok(flow) => {
                self.set_status(0);
                flow
            }
            Err(error) => {
                self.fail(&error);
                Flow::On
            }
        }
    }

    /// Tells what went wrong.
    fn fail(&self, error: &anyhow::Error) {
        self.set_status(failure::status(error));
        let text = failure::text(error);
        if text.is_empty() {
            return;
        }
        let colours = self.session.terminal().colours_errors();
        match text.trim_end().strip_prefix("Error:") {
            Some(rest) if colours => self
                .session
                .note(format_args!("{}{rest}", paint(RED, "Error:"))),
            _ => self.session.note(text.trim_end()),
        }
    }

    fn set_status(&self, status: u8) {
        self.status.set(status);
        self.set_variable("status", status.to_string());
    }

    async fn carry_out(&self, statement: &Statement, output: &mut Output) -> anyhow::Result<Flow> {
        if let Some((name, value)) = statement.assigned() {
            let value = self.foreground(statement, self.text(&value)).await?;
            self.set_variable(name, value);
            return Ok(Flow::On);
        }
        if statement.in_background {
            return self.background(statement).await;
        }
        match &statement.to {
            To::Output => {
                let run = async {
                    let mut ready = self.ready(statement).await?;
                    self.run(ready.words, &mut ready.input, output).await
                };
                self.foreground(statement, run).await
            }
            To::File { path, append } => {
                let run = async {
                    let path = self.text(path).await?;
                    let mut ready = self.ready(statement).await?;
                    let mut output = to_file(&path, *append)?;
                    let flow = self.run(ready.words, &mut ready.input, &mut output).await?;
                    output
                        .flush()
                        .with_context(|| format!("cannot write to {path}"))?;
                    Ok(flow)
                };
                self.foreground(statement, run).await
            }
            To::Program(program) => Box::pin(self.piped(statement, program)).await,
        }
    }

    /// What `work` comes to, unless Ctrl-C ends it.
    pub(super) async fn foreground<T>(
        &self,
        statement: &Statement,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.until_interrupted(interrupts(statement.name()), work)
            .await
    }

    async fn until_interrupted<T>(
        &self,
        times: usize,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = Self::interrupted(times) => Err(Ended(INTERRUPTED).into()),
            done = work => done,
        }
    }

    /// The texts of words, as in a script.
    async fn texts(&self, words: &[Word]) -> anyhow::Result<Vec<String>> {
        let variables = self.variables.borrow().clone();
        in_shell::texts(&self.session, &variables, words).await
    }

    pub(super) async fn text(&self, word: &Word) -> anyhow::Result<String> {
        let variables = self.variables.borrow().clone();
        in_shell::text(&self.session, &variables, word).await
    }

    /// Waits until Ctrl-C was typed so many times.
    pub(super) async fn interrupted(times: usize) {
        let Ok(mut interrupts) = signal(SignalKind::interrupt()) else {
            return pending().await;
        };
        for _ in 0..times {
            interrupts.recv().await;
        }
    }

    pub(super) async fn ready(&self, statement: &Statement) -> anyhow::Result<Ready> {
        let mut words = self.texts(&statement.words).await?;
        let Some(here) = &statement.here else {
            let (input, reading) = self.input(statement);
            return Ok(Ready {
                words,
                input,
                _reading: reading,
            });
        };
        // `put /a <<END` needs no `-`.
        let with_value = [words.clone(), vec!["-".to_owned()]].concat();
        if check(&words).is_err() && check(&with_value).is_ok() {
            words = with_value;
        }
        Ok(Ready {
            words,
            input: Input::of_bytes(self.text(here).await?),
            _reading: None,
        })
    }

    /// What a command reads that has no here-document: the terminal. A pipe holds commands.
    fn input(&self, statement: &Statement) -> (Input, Option<DropGuard>) {
        if !self.is_interactive || statement.in_background {
            return (Input::none(), None);
        }
        let over = CancellationToken::new();
        let keyboard = Keyboard::new(over.clone());
        (Input::of_reader(keyboard), Some(over.drop_guard()))
    }

    /// Runs a command line.
    pub(super) async fn run(
        &self,
        words: Vec<String>,
        input: &mut Input,
        output: &mut Output,
    ) -> anyhow::Result<Flow> {
        if let Some(builtin) = words.first().and_then(|name| builtins::named(name)) {
            return self.builtin(builtin, &words[1..], output).await;
        }
        if words.first().is_some_and(|name| name == "shell") {
            bail!("this is the shell already");
        }
        Box::pin(execute(&self.session, words, input, output)).await?;
        Ok(Flow::On)
    }

    /// Gives what a command prints to a program. Ctrl-C ends the command; the program gets it too,
    /// and its end is waited for.
    async fn piped(&self, statement: &Statement, text: &str) -> anyhow::Result<Flow> {
        let mut ready = self.foreground(statement, self.ready(statement)).await?;
        let mut program = Program::start(text, &self.variables.borrow(), Ground::Fore)?;
        let belt = Belt::default();
        let fed = Program::feed(program.stdin(), &belt);
        let run = async {
            let mut output = Output::to_program(belt.loader());
            let run = self.run(ready.words, &mut ready.input, &mut output);
            let done = belt.pace(run).await;
            output.flush()?;
            done
        };
        let run = self.foreground(statement, run);
        let (done, status) = tokio::select! {
            (done, ()) = async { tokio::join!(run, fed) } => (done, program.end().await?),
            status = program.end() => (Ok(Flow::On), status?),
        };
        self.modes.restore();
        done?;
        of_status(status)
    }

    fn set_variable(&self, name: &str, value: String) {
        self.variables.borrow_mut().insert(name.to_owned(), value);
    }
}

pub(super) fn of_status(status: u8) -> anyhow::Result<Flow> {
    match status {
        0 => Ok(Flow::On),
        status => Err(Ended(status).into()),
    }
}

pub(super) fn to_file(path: &str, append: bool) -> anyhow::Result<Output> {
    let mut options = OpenOptions::new();
    options
        .create(true)
        .append(append)
        .write(true)
        .truncate(!append);
    let file = options
        .open(path)
        .with_context(|| format!("cannot open {path}"))?;
    Ok(Output::to_program(file))
}
