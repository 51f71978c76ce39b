//! What a line of the shell says: its commands, and where their output goes.

use thiserror::Error;

use crate::script::in_shell::{statements, unreadable as unreadable_script};
use crate::script::{Operator, Part, Piece, Place, Token, Word, Wrong, is_name, read_in_shell};

/// A line, or more where its commands have several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Commands, one after another.
    Commands(Vec<Statement>),
    /// A statement of the language of scripts, with what stands behind it.
    Script,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) words: Vec<Word>,
    /// A here-document: what the command reads.
    pub(super) here: Option<Word>,
    pub(super) to: To,
    pub(super) in_background: bool,
    /// Whether the time it takes is told.
    pub(super) timed: bool,
    /// As it was typed.
    pub(super) text: String,
}

/// Where the output of a command goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    /// To that of the shell.
    Output,
    /// `> FILE`, `>> FILE`
    File { path: Word, append: bool },
    /// `| PROGRAM`: to another program, which `sh` runs.
    Program(String),
}

impl Statement {
    /// The name and the value, if all that it says is `NAME=VALUE`.
    pub(super) fn assigned(&self) -> Option<(&str, Word)> {
        let ([word], None, To::Output) = (self.words.as_slice(), &self.here, &self.to) else {
            return None;
        };
        let (name, rest) = word.bare_beginning().split_once('=')?;
        if !is_name(name) {
            return None;
        }
        let mut value = word.clone();
        value.parts[0] = Part::Text {
            text: rest.to_owned(),
            quoted: false,
        };
        Some((name, value))
    }

    /// The first word, if it is plain.
    pub(super) fn name(&self) -> Option<&str> {
        self.words.first().and_then(Word::keyword)
    }
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {what}")]
pub(super) struct Unreadable {
    place: Place,
    what: String,
    /// Whether it is only that its end is missing.
    pub(super) unfinished: bool,
}

/// What `text` says.
pub(super) fn read(text: &str) -> Result<Line, Unreadable> {
    let (pieces, wrong) = read_in_shell(text);
    if begins_script(&pieces) {
        return match unreadable_script(text) {
            Some(wrong) => Err(unreadable(wrong)),
            None => Ok(Line::Script),
        };
    }
    if let Some(wrong) = wrong {
        return Err(unreadable(wrong));
    }
    let chars: Vec<char> = text.chars().collect();
    let mut statements = Vec::new();
    for pieces in pieces.split(|piece| piece.token == Token::End) {
        if let (Some(first), Some(last)) = (pieces.first(), pieces.last()) {
            let typed: String = chars[begin(&chars, first)..last.end].iter().collect();
            statements.push(one(pieces, typed).map_err(unreadable)?);
        }
    }
    Ok(Line::Commands(statements))
}

fn begins_script(pieces: &[Piece]) -> bool {
    let first = pieces.iter().find(|piece| piece.token != Token::End);
    let word = match first.map(|piece| &piece.token) {
        Some(Token::Word(word)) => word.keyword(),
        _ => None,
    };
    statements().any(|name| word == Some(name))
}

fn unreadable(wrong: Wrong) -> Unreadable {
    Unreadable {
        place: wrong.place,
        what: wrong.what,
        unfinished: wrong.unfinished,
    }
}

/// How many of `chars` stand before `piece`.
pub(super) fn begin(chars: &[char], piece: &Piece) -> usize {
    let lines = chars.split_inclusive(|c| *c == '\n');
    let before: usize = lines.take(piece.place.line - 1).map(<[char]>::len).sum();
    before + piece.place.column - 1
}

/// The command of `pieces`.
fn one(pieces: &[Piece], text: String) -> Result<Statement, Wrong> {
    let mut statement = Statement {
        words: Vec::new(),
        here: None,
        to: To::Output,
        in_background: false,
        timed: false,
        text,
    };
    let place = pieces.first().map(|piece| piece.place);
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        let wrong = |what: &str| Err(Wrong::new(piece.place, what));
        if statement.in_background {
            return wrong("nothing stands behind & but ; or the end of the line");
        }
        match &piece.token {
            Token::Word(word) => statement.words.push(word.clone()),
            Token::Here(_) if statement.here.is_some() => {
                return wrong("a command has one here-document at most");
            }
            Token::Here(text) => statement.here = Some(text.clone()),
            Token::Open | Token::Close => return wrong("a block belongs to if, for or retry"),
            Token::Operator(Operator::Background) => statement.in_background = true,
            Token::Operator(_) if statement.to != To::Output => {
                return wrong("output goes to one place");
            }
            Token::Operator(Operator::Pipe(program)) => pipe(&mut statement, program),
            Token::Operator(Operator::Into { append }) => match pieces.next() {
                Some(Piece {
                    token: Token::Word(path),
                    ..
                }) => {
                    let (path, append) = (path.clone(), *append);
                    statement.to = To::File { path, append };
                }
                _ => return wrong("a file's name is wanted behind >"),
            },
            Token::End => {}
        }
    }
    let timed = statement.words.first().and_then(Word::keyword) == Some("time");
    if timed {
        statement.words.remove(0);
        statement.timed = true;
    }
    match (statement.words.first(), place) {
        (None, Some(place)) => Err(Wrong::new(place, "a command is wanted here")),
        _ => Ok(statement),
    }
}

/// `| PROGRAM`, or `| PROGRAM &`: the sign at its end is the shell's own, as in any shell.
fn pipe(statement: &mut Statement, program: &str) {
    let background = program
        .strip_suffix('&')
        .filter(|rest| !rest.ends_with('&'));
    statement.in_background = background.is_some();
    let program = background.unwrap_or(program).trim_end();
    statement.to = To::Program(program.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text` says: each command's words, and what else there is of it.
    fn check(text: &str, expected: &str) {
        let shown = match read(text) {
            Err(wrong) => format!("{wrong}{}", if wrong.unfinished { " …" } else { "" }),
            Ok(Line::Script) => "script".to_owned(),
            Ok(Line::Commands(statements)) => {
                let shown: Vec<String> = statements.iter().map(show).collect();
                shown.join(" ; ")
            }
        };
        assert_eq!(shown, expected, "{text}");
    }

    fn show(statement: &Statement) -> String {
        let words = statement.words.iter().map(Word::literal);
        let words: Vec<String> = words.map(|word| word.unwrap_or("?".to_owned())).collect();
        let mut shown = words.join(",");
        let here = statement.here.as_ref();
        let here = here.map(|here| format!(" here {:?}", here.literal()));
        shown.push_str(&here.unwrap_or_default());
        let to = match &statement.to {
            To::Output => String::new(),
            To::File { append, .. } => format!(" file {append}"),
            To::Program(program) => format!(" program {program:?}"),
        };
        shown.push_str(&to);
        for (is, what) in [
            (statement.in_background, " background"),
            (statement.timed, " timed"),
        ] {
            shown += if is { what } else { "" };
        }
        shown
    }

    #[test]
    fn a_line_holds_commands() {
        check("", "");
        check("  # nothing", "");
        check("get '/a b' $x; rev", "get,/a b,? ; rev");
        check(
            "put /a - <<E; rev\nx\nE\nnop",
            "put,/a,- here Some(\"x\\n\") ; rev ; nop",
        );
    }

    #[test]
    fn output_goes_elsewhere() {
        check("walk /** > f", "walk,/** file false");
        check("walk /** >>f", "walk,/** file true");
        check(
            "walk /** | jq '.a' | wc; rev",
            "walk,/** program \"jq '.a' | wc; rev\"",
        );
        check("rev > a | wc", "1:9: output goes to one place");
        check("rev >", "1:5: a file's name is wanted behind >");
    }

    #[test]
    fn a_command_may_run_in_the_background_or_be_timed() {
        check("watch /a &", "watch,/a background");
        check(
            "watch /a & rev",
            "1:12: nothing stands behind & but ; or the end of the line",
        );
        check("watch /a &; rev", "watch,/a background ; rev");
        check("watch /a | wc &", "watch,/a program \"wc\" background");
        check("time rev", "rev timed");
        check("time", "1:1: a command is wanted here");
        check("| wc", "1:1: a command is wanted here");
    }

    #[test]
    fn who_still_types_is_not_told_so() {
        check("put /a 'b", "1:8: no ' ends what begins here …");
        check(
            "put /a - <<E\nx",
            "1:10: no line E ends the text that <<… begins …",
        );
        check(
            "put /a `b`",
            "1:8: a command's output is written $(…), not `…`",
        );
    }

    #[test]
    fn statements_of_scripts_are_left_to_their_language() {
        check("ensure /a = 1", "script");
        check("if exists /a { rev }", "script");
        check("for x in a b {", "1:14: no } closes this block …");
        check(
            "ensure /a",
            "1:10: = and a value is wanted, the statement ends here",
        );
        check("'if' x", "if,x");
    }

    #[test]
    fn a_variable_is_set_by_a_word_alone() {
        let assigned = |text: &str| {
            let Line::Commands(statements) = read(text).unwrap() else {
                panic!("{text}");
            };
            let assigned = statements[0].assigned();
            assigned.map(|(name, value)| (name.to_owned(), value.literal()))
        };
        let set = |name: &str, value: &str| Some((name.to_owned(), Some(value.to_owned())));
        assert_eq!(assigned("a=b'c d'"), set("a", "bc d"));
        assert_eq!(assigned("a="), set("a", ""));
        assert_eq!(assigned("a=b c"), None);
        assert_eq!(assigned("'a'=b"), None);
        assert_eq!(assigned("get"), None);
    }
}
