//! What the line editor asks at a key: completions, a hint, colours, whether a line is whole.

use std::borrow::Cow;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Result};

use super::colours::{DIM, line, paint};
use super::complete::Typing;
use super::names::Names;
use super::statement;

/// Answers at a key. It runs on the editor's thread.
pub(super) struct Keys {
    names: Names,
    colour: bool,
    files: FilenameCompleter,
    past: HistoryHinter,
}

/// What may be meant, shown behind the cursor.
#[derive(Debug)]
pub(super) struct Hint {
    shown: String,
    /// Whether it is a text that may be taken.
    is_text: bool,
}

impl Keys {
    pub(super) fn new(names: Names, colour: bool) -> Self {
        Self {
            names,
            colour,
            files: FilenameCompleter::new(),
            past: HistoryHinter::new(),
        }
    }
}

impl rustyline::Helper for Keys {}

impl Completer for Keys {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, context: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let Some(typing) = Typing::of(&line[..at]) else {
            return Ok((at, Vec::new()));
        };
        if typing.is_local_file() {
            return self.files.complete(line, at, context);
        }
        Ok((typing.start, typing.candidates(&self.names)))
    }
}

impl Hinter for Keys {
    type Hint = Hint;

    /// The rest of a line of the history, or the arguments that are yet to come.
    fn hint(&self, line: &str, at: usize, context: &Context<'_>) -> Option<Hint> {
        // Without a colour it would look as if it were typed.
        if !self.colour || at < line.len() || line.trim().is_empty() {
            return None;
        }
        let past = self.past.hint(line, at, context);
        if let Some(rest) = past.filter(|rest| !rest.contains('\n')) {
            return Some(Hint {
                shown: rest,
                is_text: true,
            });
        }
        let shown = awaited(line).filter(|rest| !rest.is_empty())?;
        Some(Hint {
            shown,
            is_text: false,
        })
    }
}

/// The arguments that are yet to come, where a word is whole.
fn awaited(line: &str) -> Option<String> {
    let typing = Typing::of(line)?;
    if typing.is_at_new_word() {
        let (_, awaited) = typing.awaited()?;
        return Some(awaited.join(" "));
    }
    let (command, awaited) = Typing::of(&format!("{line} "))?.awaited()?;
    let is_name = line.trim_start() == command.name;
    is_name.then(|| format!(" {}", awaited.join(" ")))
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.is_text.then_some(&*self.shown)
    }
}

impl Highlighter for Keys {
    fn highlight<'l>(&self, typed: &'l str, _at: usize) -> Cow<'l, str> {
        line(typed).into()
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        paint(DIM, hint).into()
    }

    fn highlight_char(&self, _line: &str, _at: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor
    }
}

impl Validator for Keys {
    /// A line whose end is missing is typed on.
    fn validate(&self, typed: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        Ok(match statement::read(typed.input()) {
            Err(wrong) if wrong.unfinished => ValidationResult::Incomplete,
            _ => ValidationResult::Valid(None),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_to_come_are_told() {
        assert_eq!(awaited("set"), Some(" PATH REV".to_owned()));
        assert_eq!(awaited("set "), Some("PATH REV".to_owned()));
        assert_eq!(awaited("set -o json /a "), Some("REV".to_owned()));
        assert_eq!(awaited("set /a 5 "), Some(String::new()));
        assert_eq!(awaited("set /a"), None);
        assert_eq!(awaited("nosuch "), None);
    }
}
