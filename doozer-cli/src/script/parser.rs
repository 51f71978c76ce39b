//! Puts the tokens of a script together to statements.

use super::lexer::{self, Token};
use super::place::{Place, Wrong};
use super::syntax::{Block, Condition, Holding, Kind, Line, Part, Statement, Word};
use super::words::is_name;

/// How deep blocks may stand in one another.
const NESTING_MAX: usize = 32;

/// What `text` says, or the first thing in it that cannot be read.
pub(super) fn parse(text: &str) -> Result<Block, Wrong> {
    let mut parser = Parser {
        tokens: lexer::read(text)?,
        at: 0,
        depth: 0,
    };
    parser.block(None)
}

struct Parser {
    /// Ends with the end of the last line.
    tokens: Vec<(Place, Token)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    /// Where the next token stands; behind the last one, where that stands.
    fn place(&self) -> Place {
        let last = self.tokens.last().map(|(place, _)| *place);
        let here = self.tokens.get(self.at).map(|(place, _)| *place);
        here.or(last).unwrap_or(Place { line: 1, column: 1 })
    }

    fn is_keyword(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(next)) if next.keyword() == Some(word))
    }

    /// Takes the next token if it is the word `word`.
    fn take_keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(word);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self) -> Option<Word> {
        let Some(Token::Word(word)) = self.peek() else {
            return None;
        };
        let word = word.clone();
        self.at += 1;
        Some(word)
    }

    /// What is told when `wanted` should stand here.
    fn wanted(&self, wanted: &str) -> Wrong {
        let what = match self.peek() {
            None => format!("{wanted} is wanted, the script ends here"),
            Some(Token::End) => format!("{wanted} is wanted, the statement ends here"),
            Some(Token::Open) => format!("{wanted} is wanted, {{ stands here"),
            Some(Token::Close) => format!("{wanted} is wanted, }} stands here"),
            Some(Token::Here(_)) => format!("{wanted} is wanted, a here-document stands here"),
            Some(Token::Operator(_)) => {
                format!("{wanted} is wanted, a sign of the shell stands here")
            }
            Some(Token::Word(word)) => match word.literal() {
                Some(text) => format!("{wanted} is wanted, {text:?} stands here"),
                None => format!("{wanted} is wanted, another word stands here"),
            },
        };
        Wrong::new(self.place(), what)
    }

    fn word(&mut self, wanted: &str) -> Result<Word, Wrong> {
        self.take_word().ok_or_else(|| self.wanted(wanted))
    }

    fn value(&mut self) -> Result<Word, Wrong> {
        if let Some(Token::Here(text)) = self.peek() {
            let text = text.clone();
            self.at += 1;
            return Ok(text);
        }
        self.word("a value")
    }

    /// `= VALUE`, if it stands here.
    fn equals_value(&mut self) -> Result<Option<Word>, Wrong> {
        let found = self.take_keyword("=");
        found.then(|| self.value()).transpose()
    }

    /// A word and the duration behind it, if it stands here.
    fn duration_behind(&mut self, keyword: &str) -> Result<Option<Word>, Wrong> {
        let found = self.take_keyword(keyword);
        found.then(|| self.word("a duration")).transpose()
    }

    fn words(&mut self) -> Vec<Word> {
        std::iter::from_fn(|| self.take_word()).collect()
    }

    /// Statements up to the end: of the script, or of the block that was opened at `opened`.
    fn block(&mut self, opened: Option<Place>) -> Result<Block, Wrong> {
        let mut statements = Vec::new();
        loop {
            match (self.peek(), opened) {
                (Some(Token::End), _) => self.at += 1,
                (Some(Token::Close), Some(_)) => {
                    self.at += 1;
                    return Ok(statements);
                }
                (Some(Token::Close), None) => {
                    return Err(Wrong::new(self.place(), "no { stands before this }"));
                }
                (None, None) => return Ok(statements),
                (None, Some(place)) => {
                    return Err(Wrong::unfinished(place, "no } closes this block"));
                }
                (Some(_), _) => {
                    statements.push(self.statement()?);
                    self.end_statement()?;
                }
            }
        }
    }

    fn end_statement(&self) -> Result<(), Wrong> {
        match self.peek() {
            None | Some(Token::End | Token::Close) => Ok(()),
            Some(_) if self.is_keyword("else") => Err(Wrong::new(self.place(), STRAY_ELSE)),
            Some(_) => Err(self.wanted("the end of the statement")),
        }
    }

    /// `{ … }`
    fn braces(&mut self) -> Result<Block, Wrong> {
        let place = self.place();
        if self.peek() != Some(&Token::Open) {
            return Err(self.wanted("{"));
        }
        self.at += 1;
        self.deeper(place, |parser| parser.block(Some(place)))
    }

    fn deeper<T>(
        &mut self,
        place: Place,
        read: impl FnOnce(&mut Self) -> Result<T, Wrong>,
    ) -> Result<T, Wrong> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            let what = format!("blocks stand in one another at most {NESTING_MAX} deep");
            return Err(Wrong::new(place, what));
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn statement(&mut self) -> Result<Statement, Wrong> {
        let place = self.place();
        let first = self.word("a statement")?;
        let kind = match first.keyword() {
            Some("if") => self.if_else()?,
            Some("for") => self.for_in()?,
            Some("retry") => self.retry()?,
            Some("on-error") => Kind::OnError(self.braces()?),
            Some("once") => {
                let (hold, body) = self.holding()?;
                Kind::Once { hold, body }
            }
            Some("as-leader") => {
                let (hold, body) = self.holding()?;
                Kind::AsLeader { hold, body }
            }
            Some("echo") => Kind::Echo(self.words()),
            Some("fail") => Kind::Fail(self.words()),
            Some(
                name @ ("ensure" | "ensure-exists" | "ensure-absent" | "wait-for" | "wait-members"),
            ) => {
                let name = name.to_owned();
                self.of_files(&name)?
            }
            Some("else") => return Err(Wrong::new(place, STRAY_ELSE)),
            _ => self.assignment_or_command(first)?,
        };
        Ok(Statement { place, kind })
    }

    /// A statement about files that is `name`, which is read already.
    fn of_files(&mut self, name: &str) -> Result<Kind, Wrong> {
        if name == "wait-members" {
            return Ok(Kind::WaitMembers {
                count: self.word("a number of members")?,
                timeout: self.duration_behind("timeout")?,
            });
        }
        let path = self.word("a path")?;
        Ok(match name {
            "ensure" => {
                let value = self.equals_value()?;
                let value = value.ok_or_else(|| self.wanted("= and a value"))?;
                Kind::Ensure { path, value }
            }
            "ensure-exists" => Kind::EnsureExists {
                path,
                value: self.equals_value()?,
            },
            "ensure-absent" => Kind::EnsureAbsent { path },
            _ => Kind::WaitFor {
                path,
                value: self.equals_value()?,
                timeout: self.duration_behind("timeout")?,
            },
        })
    }

    fn if_else(&mut self) -> Result<Kind, Wrong> {
        let condition = self.condition()?;
        let then = self.braces()?;
        let place = self.place();
        let otherwise = if !self.take_keyword("else") {
            Vec::new()
        } else if self.take_keyword("if") {
            let kind = self.deeper(place, Self::if_else)?;
            vec![Statement { place, kind }]
        } else {
            self.braces()?
        };
        Ok(Kind::If {
            condition,
            then,
            otherwise,
        })
    }

    fn condition(&mut self) -> Result<Condition, Wrong> {
        let mut negated = false;
        while self.take_keyword("not") {
            negated = !negated;
        }
        let condition = self.plain_condition()?;
        Ok(if negated {
            Condition::Not(Box::new(condition))
        } else {
            condition
        })
    }

    fn plain_condition(&mut self) -> Result<Condition, Wrong> {
        if self.take_keyword("exists") {
            return Ok(Condition::Exists(self.word("a path")?));
        }
        let first = self.word("a condition")?;
        if self.take_keyword("==") {
            return Ok(Condition::Equal(first, self.word("a word")?));
        }
        if self.take_keyword("!=") {
            return Ok(Condition::Unequal(first, self.word("a word")?));
        }
        Ok(Condition::Succeeds(self.line(first)?))
    }

    fn for_in(&mut self) -> Result<Kind, Wrong> {
        let place = self.place();
        let name = self.word("a variable's name")?;
        let name = name.keyword().filter(|name| is_name(name));
        let name = name.map(str::to_owned).ok_or_else(|| {
            Wrong::new(
                place,
                "a variable's name is wanted: letters, digits and _, with no $",
            )
        })?;
        if !self.take_keyword("in") {
            return Err(self.wanted("in"));
        }
        Ok(Kind::For {
            name,
            words: self.words(),
            body: self.braces()?,
        })
    }

    fn retry(&mut self) -> Result<Kind, Wrong> {
        let tries = self.word("a number of tries")?;
        if !self.take_keyword("every") {
            return Err(self.wanted("every"));
        }
        Ok(Kind::Retry {
            tries,
            every: self.word("a duration")?,
            body: self.braces()?,
        })
    }

    fn holding(&mut self) -> Result<(Holding, Block), Wrong> {
        let hold = Holding {
            path: self.word("a path")?,
            time_to_live: self.duration_behind("ttl")?,
        };
        Ok((hold, self.braces()?))
    }

    fn assignment_or_command(&mut self, first: Word) -> Result<Kind, Wrong> {
        if self.is_keyword("=") {
            let what = "a variable is set with no blanks around =, a file with ensure";
            return Err(Wrong::new(self.place(), what));
        }
        match assigned(&first) {
            Some((name, value)) => Ok(Kind::Assign { name, value }),
            None => Ok(Kind::Command(self.line(first)?)),
        }
    }

    /// A command that begins with `first`, up to the end of the statement or `{`.
    fn line(&mut self, first: Word) -> Result<Line, Wrong> {
        let mut line = Line {
            words: vec![first],
            input: None,
        };
        loop {
            line.words.extend(self.words());
            match self.peek() {
                Some(Token::Here(_)) if line.input.is_some() => {
                    let what = "a command has one here-document at most";
                    return Err(Wrong::new(self.place(), what));
                }
                Some(Token::Here(text)) => {
                    line.input = Some(text.clone());
                    self.at += 1;
                }
                _ => return Ok(line),
            }
        }
    }
}

const STRAY_ELSE: &str = "else stands behind the } of an if, on the same line";

/// The name and the value, if `word` is `NAME=VALUE`.
fn assigned(word: &Word) -> Option<(String, Word)> {
    let (name, rest) = word.bare_beginning().split_once('=')?;
    if !is_name(name) {
        return None;
    }
    let first = Part::Text {
        text: rest.to_owned(),
        quoted: false,
    };
    let mut value = word.clone();
    value.parts[0] = first;
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check_wrong(text: &str, expected: &Expect) {
        let wrong = parse(text).expect_err(text);
        expected.assert_eq(&format!("{}: {}", wrong.place, wrong.what));
    }

    fn kinds(text: &str) -> Vec<&'static str> {
        let block = parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        block
            .iter()
            .map(|statement| statement.kind.name())
            .collect()
    }

    #[test]
    fn every_statement_is_known_by_its_first_word() {
        let text = "x=1
get /a
echo a b
fail
ensure /a = 1
ensure /a = <<END
1
END
ensure-exists /a
ensure-exists /a = 1
ensure-absent /a
wait-for /a
wait-for /a = 1 timeout 5s
wait-members 3 timeout 1m
if get /a { }
for x in a $(find /a) {
    get $x
}
retry 3 every 1s { rev }
on-error { echo $error }
once /a { }
as-leader /a ttl 5s { rev; rev }
\\echo a
\"x\"=1
";
        let expected = "setting a variable, running a command, echo, fail, ensure, ensure, \
             ensure-exists, ensure-exists, ensure-absent, wait-for, wait-for, wait-members, if, for, \
             retry, on-error, once, as-leader, running a command, running a command";
        assert_eq!(kinds(text).join(", "), expected);
    }

    #[test]
    fn conditions_are_questions_or_commands() {
        let text = "if not exists /a { x } else if $b == c { y } else if not not get /d { z }";
        let block = parse(text).unwrap();
        let Kind::If {
            condition: Condition::Not(first),
            otherwise,
            ..
        } = &block[0].kind
        else {
            panic!("{block:?}");
        };
        assert!(matches!(**first, Condition::Exists(_)), "{first:?}");
        let Kind::If {
            condition: Condition::Equal(..),
            otherwise,
            ..
        } = &otherwise[0].kind
        else {
            panic!("{otherwise:?}");
        };
        let Kind::If {
            condition: Condition::Succeeds(line),
            ..
        } = &otherwise[0].kind
        else {
            panic!("{otherwise:?}");
        };
        assert_eq!(line.words.len(), 2);
    }

    #[test]
    fn what_is_wrong_has_a_place_and_what_was_wanted() {
        check_wrong(
            "ensure /a b",
            &expect![[r#"1:11: = and a value is wanted, "b" stands here"#]],
        );
        check_wrong(
            "ensure /a =",
            &expect!["1:12: a value is wanted, the statement ends here"],
        );
        check_wrong(
            "ensure",
            &expect!["1:7: a path is wanted, the statement ends here"],
        );
        check_wrong(
            "if exists /a x { }",
            &expect![[r#"1:14: { is wanted, "x" stands here"#]],
        );
        check_wrong(
            "if exists /a\n{ }",
            &expect!["1:13: { is wanted, the statement ends here"],
        );
        check_wrong(
            "if get /a {\nrev\n",
            &expect!["1:11: no } closes this block"],
        );
        check_wrong("rev\n}", &expect!["2:1: no { stands before this }"]);
        check_wrong(
            "rev\nelse { }",
            &expect!["2:1: else stands behind the } of an if, on the same line"],
        );
        check_wrong(
            "for $x in a { }",
            &expect!["1:5: a variable's name is wanted: letters, digits and _, with no $"],
        );
        check_wrong(
            "for x a { }",
            &expect![[r#"1:7: in is wanted, "a" stands here"#]],
        );
        check_wrong(
            "retry 3 { }",
            &expect!["1:9: every is wanted, { stands here"],
        );
        check_wrong(
            "x = 1",
            &expect!["1:3: a variable is set with no blanks around =, a file with ensure"],
        );
        check_wrong(
            "get /a { }",
            &expect!["1:8: the end of the statement is wanted, { stands here"],
        );
        check_wrong(
            "wait-for /a timeout",
            &expect!["1:20: a duration is wanted, the statement ends here"],
        );
        check_wrong(
            "{ rev }",
            &expect!["1:1: a statement is wanted, { stands here"],
        );
    }

    #[test]
    fn nesting_ends_somewhere() {
        let text = "retry 2 every 1s {\n".repeat(1000);
        check_wrong(
            &text,
            &expect!["33:18: blocks stand in one another at most 32 deep"],
        );
        let text = format!("if x == x {{ }} {}", "else if x == x { } ".repeat(1000));
        check_wrong(
            &text,
            &expect!["1:619: blocks stand in one another at most 32 deep"],
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_script_or_is_wrong_at_a_place_in_it(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "if", "for", "x", "in", "{", "}", "\n", ";", " ", "$", "$(", ")", "${", ":-",
                    "'", "\"", "\\", "<<", "END", "=", "==", "not", "else", "retry", "every", "#",
                    "ensure", "once", "ttl", "é", "`",
                ]),
                0..40,
            ),
        ) {
            let text = pieces.concat();
            if let Err(wrong) = parse(&text) {
                let lines = text.lines().count() + 1;
                proptest::prop_assert!((1..=lines).contains(&wrong.place.line), "{wrong:?}");
            }
        }
    }
}
