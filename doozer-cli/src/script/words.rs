//! Reads one word: quotes, backslashes, variables and `$(…)`.

use super::place::{Place, Wrong};
use super::syntax::{Part, Word};

/// How deep `$(…)` and `${…}` may stand in one another.
const NESTING_MAX: usize = 16;

/// Where a run of parts ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// At a blank: a word.
    Blank,
    /// At a blank or `)`: a word in `$(…)`.
    Parenthesis,
    /// At `}`: the default in `${…}`.
    Brace { quoted: bool },
    /// At `"`.
    Quote,
    /// At the end of all text: a here-document.
    End,
}

impl Until {
    fn ends_at(self, c: char) -> bool {
        match self {
            Self::Blank => is_blank(c) || c == ';',
            Self::Parenthesis => is_blank(c) || c == ';' || c == ')',
            Self::Brace { .. } => c == '}',
            Self::Quote => c == '"',
            Self::End => false,
        }
    }

    /// Whether all in it counts as quoted.
    fn quoted(self) -> bool {
        matches!(self, Self::Brace { quoted: true } | Self::Quote | Self::End)
    }
}

/// A text that is read character by character.
pub(super) struct Words {
    chars: Vec<char>,
    at: usize,
    place: Place,
    depth: usize,
}

impl Words {
    pub(super) fn new(text: &str) -> Self {
        Self::at(text, Place { line: 1, column: 1 })
    }

    /// Reads `text`, which stands at `place` of a longer one.
    pub(super) fn at(text: &str, place: Place) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
            place,
            depth: 0,
        }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        let rest = &self.chars[self.at..];
        text.chars().eq(rest.iter().copied().take(text.len()))
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.place.line += 1;
            self.place.column = 1;
        } else {
            self.place.column += 1;
        }
        Some(c)
    }

    pub(super) fn is_at_blank(&self) -> bool {
        self.peek().is_none_or(is_blank)
    }

    /// Skips blanks and continued lines, not the end of a line.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => {
                    self.next();
                }
                Some('\\') if self.starts_with("\\\n") => {
                    self.next();
                    self.next();
                }
                _ => return,
            }
        }
    }

    /// Skips what is left of the line, not its end.
    pub(super) fn skip_line(&mut self) {
        drop(self.rest_of_line());
    }

    /// What is left of the line, without its end.
    pub(super) fn rest_of_line(&mut self) -> String {
        let mut rest = String::new();
        while let Some(c) = self.peek().filter(|c| *c != '\n') {
            rest.push(c);
            self.next();
        }
        rest
    }

    /// How many characters were read.
    pub(super) fn read(&self) -> usize {
        self.at
    }

    /// The lines before one that is `end`, which is skipped too; none when there is no such line.
    pub(super) fn lines_until(&mut self, end: &str) -> Option<String> {
        let mut lines = String::new();
        while self.peek().is_some() {
            let mut line = String::new();
            while let Some(c) = self.next().filter(|c| *c != '\n') {
                line.push(c);
            }
            if line == end {
                return Some(lines);
            }
            lines.push_str(&line);
            lines.push('\n');
        }
        None
    }

    /// The word that begins here.
    pub(super) fn word(&mut self) -> Result<Word, Wrong> {
        self.word_until(Until::Blank)
    }

    /// The whole text, as that of a here-document.
    pub(super) fn document(&mut self) -> Result<Word, Wrong> {
        self.word_until(Until::End)
    }

    fn word_until(&mut self, until: Until) -> Result<Word, Wrong> {
        let place = self.place;
        let parts = self.parts(until)?;
        Ok(Word { place, parts })
    }

    fn parts(&mut self, until: Until) -> Result<Vec<Part>, Wrong> {
        let mut parts = Vec::new();
        let begin = self.at;
        while let Some(c) = self.peek().filter(|c| !until.ends_at(*c)) {
            let place = self.place;
            match c {
                '\\' => self.escape(until, &mut parts)?,
                '$' => self.dollar(until.quoted(), &mut parts)?,
                '\'' if !until.quoted() => self.single_quoted(&mut parts)?,
                '"' if !until.quoted() => self.double_quoted(&mut parts)?,
                '`' if until != Until::End => {
                    return Err(Wrong::new(
                        place,
                        "a command's output is written $(…), not `…`",
                    ));
                }
                '{' | '}' if !until.quoted() && !self.is_alone(begin) => {
                    let what = format!(
                        "{c} stands between blanks to open or close a block; quote it to mean the character"
                    );
                    return Err(Wrong::new(place, what));
                }
                _ => {
                    self.next();
                    push(&mut parts, c, until.quoted());
                }
            }
        }
        Ok(parts)
    }

    /// Whether the character here is all of a word that began at `begin`.
    fn is_alone(&self, begin: usize) -> bool {
        let after = self.chars.get(self.at + 1).copied();
        self.at == begin && after.is_none_or(|c| is_blank(c) || c == ';')
    }

    fn escape(&mut self, until: Until, parts: &mut Vec<Part>) -> Result<(), Wrong> {
        let place = self.place;
        self.next();
        let Some(c) = self.peek() else {
            return Err(Wrong::unfinished(
                place,
                "a backslash stands before a character",
            ));
        };
        if c == '\n' {
            self.next();
            return Ok(());
        }
        if until.quoted() && !escapes_in_quotes(until, c) {
            push(parts, '\\', true);
            return Ok(());
        }
        self.next();
        push(parts, c, true);
        Ok(())
    }

    fn single_quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), Wrong> {
        let place = self.place;
        self.next();
        push_text(parts, "", true);
        loop {
            match self.next() {
                Some('\'') => return Ok(()),
                Some(c) => push(parts, c, true),
                None => return Err(Wrong::unfinished(place, "no ' ends what begins here")),
            }
        }
    }

    fn double_quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), Wrong> {
        let place = self.place;
        self.next();
        push_text(parts, "", true);
        for part in self.parts(Until::Quote)? {
            match part {
                Part::Text { text, quoted } => push_text(parts, &text, quoted),
                part => parts.push(part),
            }
        }
        match self.next() {
            Some(_) => Ok(()),
            None => Err(Wrong::unfinished(place, "no \" ends what begins here")),
        }
    }

    /// `$NAME`, `${…}`, `$(…)`, or a dollar sign with nothing behind it.
    fn dollar(&mut self, quoted: bool, parts: &mut Vec<Part>) -> Result<(), Wrong> {
        let place = self.place;
        self.next();
        match self.peek() {
            Some('(') => parts.push(self.output(place, quoted)?),
            Some('{') => parts.push(self.braced(place, quoted)?),
            Some(c) if begins_name(c) => parts.push(Part::Variable {
                place,
                name: self.name(),
                default: None,
                quoted,
            }),
            None | Some(' ' | '\t' | '\n' | '"' | '\'' | '/' | ';' | ')') => {
                push(parts, '$', quoted);
            }
            Some(c) => {
                let what = format!(
                    "${c}: a variable's name begins with a letter or _; write \\$ to mean the character"
                );
                return Err(Wrong::new(place, what));
            }
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| is_in_name(*c)) {
            name.push(c);
            self.next();
        }
        name
    }

    /// `${NAME}` or `${NAME:-DEFAULT}`, its dollar sign read.
    fn braced(&mut self, place: Place, quoted: bool) -> Result<Part, Wrong> {
        self.next();
        let name = self.name();
        if !is_name(&name) {
            return Err(Wrong::new(place, "a variable's name is wanted behind ${"));
        }
        let default = if self.starts_with(":-") {
            self.next();
            self.next();
            Some(self.deeper(place, |words| words.parts(Until::Brace { quoted }))?)
        } else {
            None
        };
        if self.next() != Some('}') {
            let what = format!("${{{name}}} or ${{{name}:-DEFAULT}} is wanted");
            return Err(Wrong::new(place, what));
        }
        Ok(Part::Variable {
            place,
            name,
            default,
            quoted,
        })
    }

    /// `$(WORD …)`, its dollar sign read.
    fn output(&mut self, place: Place, quoted: bool) -> Result<Part, Wrong> {
        self.next();
        let words = self.deeper(place, |words| words.words_in_parentheses(place))?;
        if words.is_empty() {
            return Err(Wrong::new(place, "a command is wanted in $(…)"));
        }
        Ok(Part::Output {
            place,
            words,
            quoted,
        })
    }

    fn words_in_parentheses(&mut self, begin: Place) -> Result<Vec<Word>, Wrong> {
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            let place = self.place;
            match self.peek() {
                Some(')') => {
                    self.next();
                    return Ok(words);
                }
                Some('\n') => {
                    self.next();
                }
                Some(';' | '|' | '&' | '<' | '>') => {
                    return Err(Wrong::new(
                        place,
                        "$(…) holds one command, and nothing else",
                    ));
                }
                Some(_) => words.push(self.word_until(Until::Parenthesis)?),
                None => {
                    return Err(Wrong::unfinished(
                        begin,
                        "no ) ends the $(… that begins here",
                    ));
                }
            }
        }
    }

    fn deeper<T>(
        &mut self,
        place: Place,
        read: impl FnOnce(&mut Self) -> Result<T, Wrong>,
    ) -> Result<T, Wrong> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            let what = format!("$(…) and ${{…}} stand in one another at most {NESTING_MAX} deep");
            return Err(Wrong::new(place, what));
        }
        let result = read(self)?;
        self.depth -= 1;
        Ok(result)
    }
}

impl Word {
    /// A word that is `text`, quoted.
    pub(super) fn of_text(place: Place, text: String) -> Self {
        let parts = vec![Part::Text { text, quoted: true }];
        Self { place, parts }
    }
}

/// Whether `name` can be a variable's.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(begins_name) && name.chars().all(is_in_name)
}

fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// In quotes a backslash takes the meaning of few characters; before others it is itself.
fn escapes_in_quotes(until: Until, c: char) -> bool {
    matches!(c, '$' | '\\' | '`')
        || (c == '"' && until != Until::End)
        || (c == '}' && matches!(until, Until::Brace { .. }))
}

fn push(parts: &mut Vec<Part>, c: char, quoted: bool) {
    push_text(parts, c.encode_utf8(&mut [0; 4]), quoted);
}

fn push_text(parts: &mut Vec<Part>, more: &str, more_quoted: bool) {
    match parts.last_mut() {
        Some(Part::Text { text, quoted }) if *quoted == more_quoted => text.push_str(more),
        _ => parts.push(Part::Text {
            text: more.to_owned(),
            quoted: more_quoted,
        }),
    }
}
