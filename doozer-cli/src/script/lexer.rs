//! Cuts a script into words, braces and ends of statements. Quoting is that of sh.

use super::place::{Place, Wrong};
use super::syntax::Word;
use super::words::Words;

/// A piece of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Word(Word),
    /// A here-document, as the text that it holds.
    Here(Word),
    /// `{`
    Open,
    /// `}`
    Close,
    /// The end of a line, or `;`.
    End,
    /// What a shell has and a script has not.
    Operator(Operator),
}

/// A sign of the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `| PROGRAM`: all up to the end of the line.
    Pipe(String),
    /// `> FILE`, or `>> FILE`.
    Into { append: bool },
    /// `&`
    Background,
}

/// A token of a line of the shell, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) place: Place,
    /// How many characters there are up to its end.
    pub(crate) end: usize,
    pub(crate) token: Token,
}

/// A here-document whose text has yet to come: the line that ends it, and the token it belongs to.
struct Pending {
    place: Place,
    end: String,
    quoted: bool,
    token: usize,
}

/// What stands in other shells, and not in this language.
const FOREIGN: [char; 4] = ['|', '&', '>', '<'];

/// The tokens of `text`, each with its place.
pub(super) fn read(text: &str) -> Result<Vec<(Place, Token)>, Wrong> {
    let mut lexer = Lexer::new(&text.replace("\r\n", "\n"), false);
    while lexer.token()? {}
    Ok(lexer.tokens)
}

/// The tokens of `text`, typed in a shell, up to the first thing that cannot be read, and that.
pub(crate) fn read_in_shell(text: &str) -> (Vec<Piece>, Option<Wrong>) {
    let mut lexer = Lexer::new(text, true);
    let mut ends = Vec::new();
    let wrong = loop {
        let read = lexer.token();
        ends.resize(lexer.tokens.len(), lexer.words.read());
        match read {
            Ok(true) => {}
            Ok(false) => break None,
            Err(wrong) => break Some(wrong),
        }
    };
    let pieces = lexer.tokens.into_iter().zip(ends);
    let pieces = pieces.map(|((place, token), end)| Piece { place, end, token });
    (pieces.collect(), wrong)
}

struct Lexer {
    /// Whether signs of the shell are known.
    in_shell: bool,
    words: Words,
    tokens: Vec<(Place, Token)>,
    pending: Vec<Pending>,
}

impl Lexer {
    fn new(text: &str, in_shell: bool) -> Self {
        Self {
            in_shell,
            words: Words::new(text),
            tokens: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// Reads the next token; nothing is left when it returns false.
    fn token(&mut self) -> Result<bool, Wrong> {
        self.words.skip_blanks();
        let place = self.words.place();
        match self.words.peek() {
            None => {
                self.end_line(place)?;
                return Ok(false);
            }
            Some('\n') => {
                self.words.next();
                self.end_line(place)?;
            }
            Some(';') => {
                self.words.next();
                self.tokens.push((place, Token::End));
            }
            Some('#') => self.words.skip_line(),
            Some('<') if self.words.starts_with("<<") => self.here(place)?,
            Some(c) if FOREIGN.contains(&c) => {
                let operator = self.operator(place, c)?;
                self.tokens.push((place, Token::Operator(operator)));
            }
            Some(_) => {
                let token = braces_apart(self.words.word()?);
                self.tokens.push((place, token));
            }
        }
        Ok(true)
    }

    /// A sign of the shell, which begins with `c`.
    fn operator(&mut self, place: Place, c: char) -> Result<Operator, Wrong> {
        if !self.in_shell {
            return Err(foreign(place, c));
        }
        self.words.next();
        let doubled = self.words.peek() == Some(c);
        match c {
            '>' if doubled => {
                self.words.next();
                Ok(Operator::Into { append: true })
            }
            '>' => Ok(Operator::Into { append: false }),
            '&' if !doubled => Ok(Operator::Background),
            '|' if !doubled => match self.words.rest_of_line().trim() {
                "" => Err(Wrong::new(place, "a program is wanted behind |")),
                program => Ok(Operator::Pipe(program.to_owned())),
            },
            '<' => Err(Wrong::new(
                place,
                "there is no <: a value is read from a file as @FILE",
            )),
            _ => {
                let what = format!("there is no {c}{c}: use `if`, or a line for each command");
                Err(Wrong::new(place, what))
            }
        }
    }

    /// `<<END`, whose text begins on the next line.
    fn here(&mut self, place: Place) -> Result<(), Wrong> {
        self.words.next();
        self.words.next();
        let missing = || {
            let what = "the word that ends the text stands behind <<, with no blank between";
            Wrong::new(place, what)
        };
        if self.words.is_at_blank() {
            return Err(missing());
        }
        let word = self.words.word()?;
        let end = word.literal().filter(|end| !end.is_empty());
        self.pending.push(Pending {
            place,
            end: end.ok_or_else(missing)?,
            quoted: word.parts.iter().any(super::syntax::Part::is_quoted),
            token: self.tokens.len(),
        });
        let empty = Word {
            place,
            parts: Vec::new(),
        };
        self.tokens.push((place, Token::Here(empty)));
        Ok(())
    }

    /// Ends a line, and reads the here-documents that it announced.
    fn end_line(&mut self, place: Place) -> Result<(), Wrong> {
        self.tokens.push((place, Token::End));
        for pending in std::mem::take(&mut self.pending) {
            let begin = self.words.place();
            let lines = self.words.lines_until(&pending.end).ok_or_else(|| {
                let what = format!("no line {} ends the text that <<… begins", pending.end);
                Wrong::unfinished(pending.place, what)
            })?;
            let text = if pending.quoted {
                Word::of_text(begin, lines)
            } else {
                Words::at(&lines, begin).document()?
            };
            self.tokens[pending.token].1 = Token::Here(text);
        }
        Ok(())
    }
}

/// A brace that stands alone is none of a word.
fn braces_apart(word: Word) -> Token {
    match word.keyword() {
        Some("{") => Token::Open,
        Some("}") => Token::Close,
        _ => Token::Word(word),
    }
}

fn foreign(place: Place, c: char) -> Wrong {
    let what = format!(
        "there are no pipes, redirections or background jobs in scripts: quote {c:?} to mean the \
         character"
    );
    Wrong::new(place, what)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::syntax::Part;
    use super::*;

    /// Text as it is, quoted text in guillemets, variables and outputs in brackets.
    fn show_parts(parts: &[Part]) -> String {
        let shown = parts.iter().map(|part| match part {
            Part::Text {
                text,
                quoted: false,
            } => text.clone(),
            Part::Text { text, quoted: true } => format!("«{text}»"),
            Part::Variable { name, default, .. } => {
                let default = default.as_ref();
                let default = default.map(|parts| format!(" or {}", show_parts(parts)));
                format!("[{name}{}]", default.unwrap_or_default())
            }
            Part::Output { words, .. } => {
                let words: Vec<_> = words.iter().map(|word| show_parts(&word.parts)).collect();
                format!("[run {}]", words.join("|"))
            }
        });
        shown.collect()
    }

    fn check(text: &str, expected: &Expect) {
        let shown = match read(text) {
            Ok(tokens) => tokens
                .iter()
                .map(|(place, token)| match token {
                    Token::Word(word) => format!("{place} {}\n", show_parts(&word.parts)),
                    Token::Here(word) => format!("{place} <<{}\n", show_parts(&word.parts)),
                    Token::Open => format!("{place} open\n"),
                    Token::Close => format!("{place} close\n"),
                    Token::End => format!("{place} end\n"),
                    Token::Operator(operator) => format!("{place} {operator:?}\n"),
                })
                .collect(),
            Err(wrong) => format!("{}: {}", wrong.place, wrong.what),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn words_stand_between_blanks() {
        check(
            "get /a # why\n\n  ;set /b#c -1",
            &expect![[r"
                1:1 get
                1:5 /a
                1:13 end
                2:1 end
                3:3 end
                3:4 set
                3:8 /b#c
                3:13 -1
                3:15 end
            "]],
        );
    }

    #[test]
    fn quotes_are_those_of_sh() {
        check(
            r#"'a $x "b"' "c '$x' \"\$\d" e\ f"g"'h' "" \'"#,
            &expect![[r#"
                1:1 «a $x "b"»
                1:12 «c '»[x]«' "$\d»
                1:28 e« »f«gh»
                1:39 «»
                1:42 «'»
                1:44 end
            "#]],
        );
        check(
            "a\\\nb \\\n c \"d\\\ne\"",
            &expect![[r"
                1:1 ab
                3:2 c
                3:4 «de»
                4:3 end
            "]],
        );
    }

    #[test]
    fn variables_and_output_are_parts_of_words() {
        check(
            r#"/a/$x-1 ${y}z ${z:-a "b $c"} $(get "/$(self)" -1)/e $ "$""#,
            &expect![[r"
                1:1 /a/[x]-1
                1:9 [y]z
                1:15 [z or a «b »[c]]
                1:30 [run get|«/»[run self]|-1]/e
                1:53 $
                1:55 «$»
                1:58 end
            "]],
        );
    }

    #[test]
    fn braces_are_apart_only_where_they_stand_alone() {
        check(
            "if x { a; } '{' \\}",
            &expect![[r"
                1:1 if
                1:4 x
                1:6 open
                1:8 a
                1:9 end
                1:11 close
                1:13 «{»
                1:17 «}»
                1:19 end
            "]],
        );
        check(
            "{a",
            &expect![
                "1:1: { stands between blanks to open or close a block; quote it to mean the character"
            ],
        );
        check(
            "echo {\"x\":1}",
            &expect![
                "1:6: { stands between blanks to open or close a block; quote it to mean the character"
            ],
        );
    }

    #[test]
    fn a_here_document_is_the_lines_up_to_its_word() {
        check(
            "put /a - <<END; put /b - <<'X'\n$x \"y\" \\$z\n END\nEND\n$x\nX\nrev",
            &expect![[r#"
                1:1 put
                1:5 /a
                1:8 -
                1:10 <<[x]« "y" $z
                 END
                »
                1:15 end
                1:17 put
                1:21 /b
                1:24 -
                1:26 <<«$x
                »
                1:31 end
                7:1 rev
                7:4 end
            "#]],
        );
        check(
            "put /a - <<END\nx\n",
            &expect!["1:10: no line END ends the text that <<… begins"],
        );
        check(
            "put /a - << END\nEND",
            &expect!["1:10: the word that ends the text stands behind <<, with no blank between"],
        );
        check(
            "x <<END\n\n$1\nEND",
            &expect![
                "3:1: $1: a variable's name begins with a letter or _; write \\$ to mean the character"
            ],
        );
    }

    fn check_in_shell(text: &str, expected: &Expect) {
        let (pieces, wrong) = read_in_shell(text);
        let shown = pieces.iter().map(|piece| match &piece.token {
            Token::Word(word) => format!(
                "{}-{} {}\n",
                piece.place,
                piece.end,
                show_parts(&word.parts)
            ),
            token => format!("{}-{} {token:?}\n", piece.place, piece.end),
        });
        let wrong = wrong.map(|wrong| format!("{} unfinished: {}", wrong.what, wrong.unfinished));
        expected.assert_eq(&(shown.collect::<String>() + &wrong.unwrap_or_default()));
    }

    #[test]
    fn a_shell_has_pipes_files_and_the_background() {
        check_in_shell(
            "walk '/a b'/** > x | jq '.[]' | wc -l",
            &expect![[r#"
                1:1-4 walk
                1:6-14 «/a b»/**
                1:16-16 Operator(Into { append: false })
                1:18-18 x
                1:20-37 Operator(Pipe("jq '.[]' | wc -l"))
                1:38-37 End
            "#]],
        );
        check_in_shell(
            "watch /a >> x &; rev",
            &expect![[r"
                1:1-5 watch
                1:7-8 /a
                1:10-11 Operator(Into { append: true })
                1:13-13 x
                1:15-15 Operator(Background)
                1:16-16 End
                1:18-20 rev
                1:21-20 End
            "]],
        );
    }

    #[test]
    fn who_still_types_is_told_apart_from_who_is_wrong() {
        check_in_shell(
            "put /a 'b",
            &expect![[r"
                1:1-3 put
                1:5-6 /a
                no ' ends what begins here unfinished: true"]],
        );
        check_in_shell(
            "a && b",
            &expect![[r"
                1:1-1 a
                there is no &&: use `if`, or a line for each command unfinished: false"]],
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        check("\n  'a", &expect!["2:3: no ' ends what begins here"]);
        check("a \"b", &expect!["1:3: no \" ends what begins here"]);
        check("a $(b", &expect!["1:3: no ) ends the $(… that begins here"]);
        check("a $()", &expect!["1:3: a command is wanted in $(…)"]);
        check(
            "a $(b | c)",
            &expect!["1:7: $(…) holds one command, and nothing else"],
        );
        check("a ${b", &expect!["1:3: ${b} or ${b:-DEFAULT} is wanted"]);
        check(
            "a ${}",
            &expect!["1:3: a variable's name is wanted behind ${"],
        );
        check(
            "a `b`",
            &expect!["1:3: a command's output is written $(…), not `…`"],
        );
        check(
            "a\\",
            &expect!["1:2: a backslash stands before a character"],
        );
        check(
            "get /a | wc",
            &expect![
                "1:8: there are no pipes, redirections or background jobs in scripts: quote '|' to mean the character"
            ],
        );
        check(
            &"$(a ".repeat(20),
            &expect!["1:65: $(…) and ${…} stand in one another at most 16 deep"],
        );
    }
}
