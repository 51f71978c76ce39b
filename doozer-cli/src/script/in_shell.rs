//! What the shell needs of the language: the texts of words, and statements that it has not itself.

use std::collections::BTreeMap;

use super::guards::Guards;
use super::place::{Place, Wrong};
use super::pretend::Pretended;
use super::run::{Mode, Runner};
use super::syntax::Word;
use super::{Script, parser};
use crate::input::Input;
use crate::output::Output;
use crate::session::Session;

/// What stands for the file's name where something is told.
const FILE: &str = "line";

/// First words of statements. What else the language has, the shell has as a command.
const STATEMENTS: [&str; 12] = [
    "as-leader",
    "ensure",
    "ensure-absent",
    "ensure-exists",
    "fail",
    "for",
    "if",
    "on-error",
    "once",
    "retry",
    "wait-for",
    "wait-members",
];

/// All that a statement begins with.
pub(crate) fn statements() -> impl Iterator<Item = &'static str> {
    STATEMENTS.into_iter()
}

/// What cannot be read of `text`, which begins with a statement.
pub(crate) fn unreadable(text: &str) -> Option<Wrong> {
    parser::parse(text).err()
}

/// The variables of a shell.
pub(crate) type Variables = BTreeMap<String, String>;

/// The texts of the words of a command line.
pub(crate) async fn texts(
    session: &Session,
    variables: &Variables,
    words: &[Word],
) -> anyhow::Result<Vec<String>> {
    let (mut input, mut output) = (Input::none(), Output::captured());
    let mut runner = runner(
        session,
        variables,
        (&mut input, &mut output),
        Guards::none(),
    );
    runner.arguments(words).await
}

/// The text of one word.
pub(crate) async fn text(
    session: &Session,
    variables: &Variables,
    word: &Word,
) -> anyhow::Result<String> {
    let (mut input, mut output) = (Input::none(), Output::captured());
    let mut runner = runner(
        session,
        variables,
        (&mut input, &mut output),
        Guards::none(),
    );
    runner.text(word).await
}

/// Runs the statements of `text`, and returns the variables as they are then.
pub(crate) async fn run(
    session: &Session,
    variables: &Variables,
    text: &str,
    (input, output): (&mut Input, &mut Output),
) -> anyhow::Result<Variables> {
    let script = Script::read(FILE, text, variables.clone())?;
    let mut runner = runner(session, variables, (input, output), Guards::new(None)?);
    match runner.block(&script.block).await {
        Ok(()) => Ok(runner.variables),
        Err(failure) => Err(failure.of(FILE)),
    }
}

fn runner<'a>(
    session: &'a Session,
    variables: &Variables,
    (input, output): (&'a mut Input, &'a mut Output),
    guards: Guards,
) -> Runner<'a> {
    Runner {
        session,
        input,
        output,
        file: FILE,
        mode: Mode::default(),
        variables: variables.clone(),
        guards,
        pretended: Pretended::default(),
        told: String::new(),
        place: Place { line: 1, column: 1 },
    }
}
