//! Carries out the statements of a script, one after another, up to the first that fails.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::effects;
use super::expand::told_words;
use super::failure::{Failure, Stopped, Unknown, is_no_answer};
use super::guards::Guards;
use super::limits;
use super::place::Place;
use super::pretend::Pretended;
use super::syntax::{Block, Condition, Kind, Line, Statement, Word};
use crate::failure::reason;
use crate::input::Input;
use crate::output::Output;
use crate::run::execute;
use crate::session::Session;

/// How a script is run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mode {
    /// Tell what would change, and change nothing.
    pub(crate) dry_run: bool,
    /// Tell each statement before it is carried out.
    pub(crate) trace: bool,
}

/// A script on its way.
pub(super) struct Runner<'a> {
    pub(super) session: &'a Session,
    pub(super) input: &'a mut Input,
    pub(super) output: &'a mut Output,
    pub(super) file: &'a str,
    pub(super) mode: Mode,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) guards: Guards,
    pub(super) pretended: Pretended,
    /// What is being done, for those who read what went wrong.
    pub(super) told: String,
    /// Where.
    pub(super) place: Place,
}

impl Runner<'_> {
    /// Says what is about to be done.
    pub(super) fn begin(&mut self, told: &str) {
        told.clone_into(&mut self.told);
        if self.mode.trace {
            let (file, line) = (self.file, self.place.line);
            self.session.note(format_args!("+ {file}:{line}: {told}"));
        }
    }

    /// Says, in a dry run, what would be done.
    pub(super) fn would(&mut self, told: &str) -> anyhow::Result<()> {
        let line = self.place.line;
        Ok(self
            .output
            .line(format_args!("{}:{line}: would {told}", self.file))?)
    }

    pub(super) fn failure(&mut self, place: Place, error: anyhow::Error) -> Failure {
        let told = std::mem::take(&mut self.told);
        Failure { place, told, error }
    }

    /// A dry run ends where it cannot know how it goes on; that is no failure.
    pub(super) fn end_dry(&mut self, failure: Failure) -> Result<(), Failure> {
        let Some(unknown) = failure.error.downcast_ref::<Unknown>() else {
            return Err(failure);
        };
        let told = format!("go on, but {unknown}");
        self.place = failure.place;
        self.would(&told)
            .map_err(|error| self.failure(failure.place, error))
    }

    /// Carries out `block`. When a statement fails, the `on-error` blocks before it are carried
    /// out, the last one first.
    pub(super) fn block<'s>(
        &'s mut self,
        block: &'s Block,
    ) -> LocalBoxFuture<'s, Result<(), Failure>> {
        self.statements(block).boxed_local()
    }

    async fn statements(&mut self, block: &Block) -> Result<(), Failure> {
        let mut handlers = Vec::new();
        for statement in block {
            if let Kind::OnError(handler) = &statement.kind {
                handlers.push(handler);
            } else if let Err(failure) = self.statement(statement).await {
                self.handle(&failure, &handlers).await;
                return Err(failure);
            }
        }
        Ok(())
    }

    async fn handle(&mut self, failure: &Failure, handlers: &[&Block]) {
        if handlers.is_empty() || failure.is_quiet() {
            return;
        }
        let error = reason(&failure.error);
        self.variables.insert(limits::ERROR.to_owned(), error);
        let guards = match Guards::after_failure() {
            Ok(after) => std::mem::replace(&mut self.guards, after),
            Err(error) => return self.session.note(reason(&error)),
        };
        for handler in handlers.iter().rev() {
            if let Err(other) = self.block(handler).await {
                let other = reason(&other.of(self.file));
                self.session
                    .note(format_args!("on-error failed too: {other}"));
            }
        }
        self.guards = guards;
    }

    async fn statement(&mut self, statement: &Statement) -> Result<(), Failure> {
        let place = statement.place;
        self.place = place;
        statement.kind.name().clone_into(&mut self.told);
        match &statement.kind {
            Kind::If {
                condition,
                then,
                otherwise,
            } => {
                let yes = self.condition(condition).await;
                let yes = yes.map_err(|error| self.failure(place, error))?;
                self.block(if yes { then } else { otherwise }).await
            }
            Kind::For { name, words, body } => {
                let list = self.list(words).await;
                let list = list.map_err(|error| self.failure(place, error))?;
                for text in list {
                    self.variables.insert(name.clone(), text);
                    self.block(body).await?;
                }
                Ok(())
            }
            Kind::Retry { tries, every, body } => {
                let plan = self.plan(tries, every).await;
                let (tries, every) = plan.map_err(|error| self.failure(place, error))?;
                self.retry(tries, every, body).await
            }
            Kind::OnError(_) => Ok(()),
            Kind::Once { hold, body } => self.once(place, hold, body).await,
            Kind::AsLeader { hold, body } => self.as_leader(place, hold, body).await,
            kind => {
                let done = self.simple(kind).await;
                done.map_err(|error| self.failure(place, error))
            }
        }
    }

    /// A statement without blocks.
    async fn simple(&mut self, kind: &Kind) -> anyhow::Result<()> {
        match kind {
            Kind::Assign { name, value } => {
                let value = self.text(value).await?;
                self.begin(&told_words(&[format!("{name}={value}")]));
                self.variables.insert(name.clone(), value);
                Ok(())
            }
            Kind::Command(line) => self.command(line).await,
            Kind::Echo(words) => {
                let text = self.texts(words).await?.join(" ");
                self.output.line(text)?;
                Ok(self.output.flush()?)
            }
            Kind::Fail(words) => {
                let text = self.texts(words).await?.join(" ");
                bail!("{text}")
            }
            Kind::Ensure { path, value } => self.ensure(path, value).await,
            Kind::EnsureExists { path, value } => self.ensure_exists(path, value.as_ref()).await,
            Kind::EnsureAbsent { path } => self.ensure_absent(path).await,
            Kind::WaitFor {
                path,
                value,
                timeout,
            } => self.wait_for(path, value.as_ref(), timeout.as_ref()).await,
            Kind::WaitMembers { count, timeout } => {
                self.wait_members(count, timeout.as_ref()).await
            }
            Kind::If { .. }
            | Kind::For { .. }
            | Kind::Retry { .. }
            | Kind::OnError(_)
            | Kind::Once { .. }
            | Kind::AsLeader { .. } => Ok(()),
        }
    }

    async fn command(&mut self, line: &Line) -> anyhow::Result<()> {
        let (words, mut here) = self.line(line).await?;
        if let Some(printed) = self.pretended.printed(&words) {
            return Ok(self.output.bytes(&printed)?);
        }
        if self.mode.dry_run && !effects::only_reads(&words) {
            let told = format!("run {}", self.told);
            return self.would(&told);
        }
        let input = here.as_mut().unwrap_or(self.input);
        let running = execute(self.session, words, input, self.output);
        self.guards.run(running).await?;
        Ok(self.output.flush()?)
    }

    /// Whether a command succeeds. What it prints goes nowhere.
    async fn succeeds(&mut self, line: &Line) -> anyhow::Result<bool> {
        let (words, mut here) = self.line(line).await?;
        if self.pretended.printed(&words).is_some() {
            return Ok(true);
        }
        if self.mode.dry_run && !effects::only_reads(&words) {
            let told = self.told.clone();
            self.would(&format!("run {told}"))?;
            return Err(Unknown(told).into());
        }
        let input = here.as_mut().unwrap_or(self.input);
        let mut output = Output::captured();
        let running = execute(self.session, words, input, &mut output);
        match self.guards.run(running).await {
            Ok(()) => Ok(true),
            Err(error) if is_no_answer(&error) => Err(error),
            Err(_no) => Ok(false),
        }
    }

    /// The words of a command, and what it reads; from now on it is what is being done.
    async fn line(&mut self, line: &Line) -> anyhow::Result<(Vec<String>, Option<Input>)> {
        let words = self.arguments(&line.words).await?;
        let here = self.here(line.input.as_ref()).await?;
        self.begin(&told_words(&words));
        Ok((words, here))
    }

    fn condition<'s>(
        &'s mut self,
        condition: &'s Condition,
    ) -> LocalBoxFuture<'s, anyhow::Result<bool>> {
        let answer = async move {
            match condition {
                Condition::Not(condition) => Ok(!self.condition(condition).await?),
                Condition::Equal(left, right) => {
                    Ok(self.text(left).await? == self.text(right).await?)
                }
                Condition::Unequal(left, right) => {
                    Ok(self.text(left).await? != self.text(right).await?)
                }
                Condition::Exists(path) => {
                    let path = self.path(path).await?;
                    self.begin(&format!("exists {path}"));
                    self.exists(&path).await
                }
                Condition::Succeeds(line) => self.succeeds(line).await,
            }
        };
        answer.boxed_local()
    }

    async fn plan(&mut self, tries: &Word, every: &Word) -> anyhow::Result<(u32, Duration)> {
        let tries = limits::tries(&self.text(tries).await?)?;
        let every = limits::duration(&self.text(every).await?)?;
        Ok((tries, every))
    }

    /// Carries out `body` until it works, `tries` times at most, with pauses in between.
    async fn retry(&mut self, tries: u32, every: Duration, body: &Block) -> Result<(), Failure> {
        for left in (0..tries).rev() {
            let failure = match self.block(body).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if left == 0 || failure.is_final() {
                return Err(failure);
            }
            if self.mode.trace {
                self.session.note(format_args!(
                    "+ {}:{}: {left} more tries after {}: {}",
                    self.file,
                    failure.place.line,
                    failure.told,
                    reason(&failure.error)
                ));
            }
            let pause = async {
                tokio::time::sleep(every).await;
                Ok(())
            };
            if let Err(stopped) = self.guards.run(pause).await {
                return Err(stopped_after(failure, stopped));
            }
        }
        Ok(())
    }
}

/// What is told of a `retry` that something ended after `failure`.
fn stopped_after(failure: Failure, stopped: anyhow::Error) -> Failure {
    if failure.error.is::<Stopped>() {
        return failure;
    }
    let last = reason(&failure.error);
    Failure {
        told: format!("retry, after {}: {last}", failure.told),
        error: stopped,
        ..failure
    }
}
