//! The colours of a line that is typed.

use super::complete::commands;
use super::statement::begin;
use crate::script::{Part, Piece, Token, Word, read_in_shell};

pub(super) const BOLD_BLUE: &str = "1;34";
pub(super) const BOLD_GREEN: &str = "1;32";
pub(super) const CYAN: &str = "36";
pub(super) const DIM: &str = "2";
pub(super) const GREEN: &str = "32";
pub(super) const MAGENTA: &str = "35";
pub(super) const RED: &str = "31";
pub(super) const YELLOW: &str = "33";

/// `text` in `colour`.
pub(super) fn paint(colour: &str, text: &str) -> String {
    format!("\x1b[{colour}m{text}\x1b[0m")
}

/// `line` with its parts in colours.
pub(super) fn line(line: &str) -> String {
    let (pieces, _unreadable) = read_in_shell(line);
    let chars: Vec<char> = line.chars().collect();
    let text = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
    let mut painted = String::new();
    let mut at = 0;
    let mut is_first = true;
    for piece in &pieces {
        let from = begin(&chars, piece).min(piece.end);
        // What is between is blank, or a comment.
        if from < at {
            continue;
        }
        painted.push_str(&between(text(at, from)));
        let typed = text(from, piece.end);
        match colour(piece, is_first, &typed, piece.end == chars.len()) {
            Some(colour) => painted.push_str(&paint(colour, &typed)),
            None => painted.push_str(&typed),
        }
        at = piece.end;
        is_first = match &piece.token {
            Token::End => true,
            Token::Word(word) => is_first && word.keyword() == Some("time"),
            _ => false,
        };
    }
    painted.push_str(&between(text(at, chars.len())));
    painted
}

/// Blanks, a comment, or what cannot be read yet.
fn between(text: String) -> String {
    if text.trim_start().starts_with('#') {
        paint(DIM, &text)
    } else {
        text
    }
}

/// The colour of a piece; `is_last` says that it may be typed on.
fn colour(piece: &Piece, is_first: bool, typed: &str, is_last: bool) -> Option<&'static str> {
    match &piece.token {
        Token::Word(word) if is_first => of_command(word, typed, is_last),
        Token::Word(word) => of_word(word),
        Token::Here(_) => Some(MAGENTA),
        Token::Operator(_) => Some(YELLOW),
        Token::Open | Token::Close | Token::End => None,
    }
}

fn of_command(word: &Word, typed: &str, is_last: bool) -> Option<&'static str> {
    let is_command = word
        .keyword()
        .is_some_and(|word| commands().any(|name| name == word));
    if is_command {
        return Some(BOLD_GREEN);
    }
    let may_become = is_last && commands().any(|name| name.starts_with(typed));
    (!may_become && !typed.contains('=')).then_some(RED)
}

fn of_word(word: &Word) -> Option<&'static str> {
    let known_later = |part: &Part| !matches!(part, Part::Text { .. });
    if word.parts.iter().any(known_later) {
        Some(MAGENTA)
    } else if word.parts.iter().any(Part::is_quoted) {
        Some(YELLOW)
    } else if word.bare_beginning().starts_with('-') {
        Some(CYAN)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colours stand as `{colour text}`.
    fn check(typed: &str, expected: &str) {
        let painted = line(typed);
        let shown = painted
            .replace("\x1b[0m", "}")
            .replace("\x1b[", "{")
            .replace('m', "m ");
        let plain = expected.replace('m', "m ");
        assert_eq!(shown, plain, "{typed}");
    }

    #[test]
    fn commands_options_and_values_are_told_apart() {
        check("get /a", "{1;32mget} /a");
        check("gte /a", "{31mgte} /a");
        check("ge", "ge");
        check(
            "time get -o json $x",
            "{1;32mtime} {1;32mget} {36m-o} json {35m$x}",
        );
        check("x='b c'", "x='b c'");
        check("put /a 'b c'", "{1;32mput} /a {33m'b c'}");
        check("rev | wc -l", "{1;32mrev} {33m| wc -l}");
        check("rev; nop # why", "{1;32mrev}; {1;32mnop}{2m # why}");
    }

    #[test]
    fn what_is_not_finished_is_as_it_is() {
        check("put /a 'b", "{1;32mput} /a 'b");
        check("put /ä <<E\nx\nE", "{1;32mput} /ä {35m<<E}\nx\nE");
    }
}
