//! What may stand where the cursor is.

use rustyline::completion::Pair;

use super::builtins;
use super::names::{Entry, Names};
use super::statement::begin;
use crate::args::{Partial, read_partial};
use crate::commands::{self, Command};
use crate::complete::{Wanted, wanted};
use crate::script::{Operator, Piece, Token, Word, in_shell, read_in_shell};

/// What is typed up to the cursor.
#[derive(Debug)]
pub(super) struct Typing {
    /// The words of the command before the one at the cursor.
    words: Vec<String>,
    /// What there is of that one.
    word: String,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// It is a file of this machine that output goes to.
    is_file: bool,
}

impl Typing {
    /// What `line` is up to its end; nothing where nothing can be completed.
    pub(super) fn of(line: &str) -> Option<Self> {
        let (mut pieces, wrong) = read_in_shell(line);
        if wrong.is_some() || pieces.pop()?.token != Token::End {
            return None;
        }
        let chars: Vec<char> = line.chars().collect();
        let statement = pieces.rsplit(|piece| piece.token == Token::End).next();
        let (before, at_cursor) = match statement.unwrap_or_default() {
            [before @ .., last] if last.end == chars.len() => (before, Some(last)),
            before => (before, None),
        };
        let word = match at_cursor.map(|piece| &piece.token) {
            None => String::new(),
            Some(Token::Word(word)) => word.literal()?,
            Some(_) => return None,
        };
        let begin = at_cursor.map_or(chars.len(), |piece| begin(&chars, piece));
        Some(Self {
            words: words(before)?,
            word,
            start: chars[..begin].iter().map(|c| c.len_utf8()).sum(),
            is_file: matches!(
                before.last().map(|piece| &piece.token),
                Some(Token::Operator(Operator::Into { .. }))
            ),
        })
    }

    /// Whether a name of a file of this machine stands at the cursor.
    pub(super) fn is_local_file(&self) -> bool {
        self.is_file || matches!(self.wanted(), Wanted::Files)
    }

    /// What may stand at the cursor.
    pub(super) fn candidates(&self, names: &Names) -> Vec<Pair> {
        let first = self.words.first().map(String::as_str);
        let mut all: Vec<String> = match (first, self.wanted()) {
            (None, _) => commands().map(str::to_owned).collect(),
            (Some("help"), _) if self.words.len() == 1 => {
                let all = commands::topic_names().chain(commands());
                all.map(str::to_owned).collect()
            }
            (Some("cd"), _) => return self.paths(names, |entry| entry.is_directory),
            (_, Wanted::Path) => return self.paths(names, |_| true),
            (_, Wanted::Words(found)) => found.into_iter().map(|found| found.word).collect(),
            (_, Wanted::Files | Wanted::Profiles) => Vec::new(),
        };
        all.retain(|word| word.starts_with(&self.word));
        all.sort();
        all.dedup();
        all.into_iter().map(whole).collect()
    }

    fn wanted(&self) -> Wanted {
        let typed = [&self.words[..], std::slice::from_ref(&self.word)].concat();
        wanted(&typed).0
    }

    fn paths(&self, names: &Names, wanted: fn(&Entry) -> bool) -> Vec<Pair> {
        let split = self.word.rfind('/').map_or(0, |slash| slash + 1);
        let (directory, begun) = self.word.split_at(split);
        if self.word.contains(['*', '?']) {
            return Vec::new();
        }
        let entries = names.in_directory(directory).into_iter();
        let fitting = entries.filter(|entry| entry.name.starts_with(begun) && wanted(entry));
        let pairs = fitting.map(|entry| {
            let end = if entry.is_directory { "/" } else { " " };
            Pair {
                display: format!("{}{}", entry.name, end.trim_end()),
                replacement: format!("{directory}{}{end}", entry.name),
            }
        });
        pairs.collect()
    }

    /// The command of the line, and the names of its arguments that are yet to come.
    pub(super) fn awaited(&self) -> Option<(&'static Command, &'static [&'static str])> {
        let (Partial::Words(command, given), _) = read_partial(&self.words) else {
            return None;
        };
        let names = command.arguments;
        let last = names.len().saturating_sub(1);
        let repeats = names.last().is_some_and(|name| name.contains("..."));
        let from = if repeats { given.min(last) } else { given };
        Some((command, names.get(from..).unwrap_or_default()))
    }

    /// Whether a new word begins at the cursor.
    pub(super) fn is_at_new_word(&self) -> bool {
        self.word.is_empty() && !self.words.is_empty()
    }
}

/// The words before the cursor; nothing behind a `|`.
fn words(pieces: &[Piece]) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for piece in pieces {
        match &piece.token {
            Token::Word(word) => words.push(known(word)),
            Token::Operator(Operator::Into { .. }) | Token::Here(_) => {}
            _ => return None,
        }
    }
    if words.first().is_some_and(|first| first == "time") {
        words.remove(0);
    }
    Some(words)
}

/// A word's text; of one that is known only later, a mark.
fn known(word: &Word) -> String {
    word.literal().unwrap_or_else(|| "$".to_owned())
}

/// The first words of all commands.
pub(super) fn commands() -> impl Iterator<Item = &'static str> {
    let firsts = commands::shown().filter_map(|command| command.name.split(' ').next());
    let own = builtins::ALL.iter().map(|builtin| builtin.name);
    let all = firsts.chain(own).chain(in_shell::statements());
    all.filter(|name| *name != "shell")
}

/// A word with the blank behind it.
fn whole(name: String) -> Pair {
    Pair {
        replacement: format!("{name} "),
        display: name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let (names, _asks) = Names::new();
        names.learn_for_tests("/", &["a", "config/", "ctl/"]);
        names.learn_for_tests("/config", &["db", "web/"]);
        let shown = Typing::of(line).map_or_else(
            || "nothing".to_owned(),
            |typing| {
                let candidates = typing.candidates(&names);
                let words = candidates.iter().map(|pair| pair.replacement.as_str());
                format!("{} {}", typing.start, words.collect::<Vec<_>>().join("|"))
            },
        );
        assert_eq!(shown, expected, "{line}");
    }

    #[test]
    fn commands_come_first() {
        check("wat", "0 watch ");
        check("ensure-", "0 ensure-absent |ensure-exists ");
        check("time wat", "5 watch ");
        check("rev; pw", "5 pwd ");
        check("help wat", "5 watch ");
        check("nosuch x", "7 ");
    }

    #[test]
    fn options_are_the_command_s() {
        check("get --timeo", "4 --timeout ");
        check("walk /** -o j", "12 json |jsonl ");
        check("walk -a x", "8 ");
    }

    #[test]
    fn paths_are_the_server_s() {
        check("get ", "4 a |config/|ctl/");
        check("get c", "4 config/|ctl/");
        check("get /config/", "4 /config/db |/config/web/");
        check("cd config/", "3 config/web/");
        check("set /config/d", "4 /config/db ");
        check("set /a 5", "7 ");
        check("get /c*", "4 ");
        check("get '/config/d'", "4 /config/db ");
    }

    #[test]
    fn nothing_is_made_up() {
        check("get '/con", "nothing");
        check("get $x", "nothing");
        check("walk /** | s", "nothing");
        assert!(Typing::of("rev > f").unwrap().is_local_file());
        assert!(!Typing::of("get f").unwrap().is_local_file());
    }
}
