//! A Rust file as tokens with their lines, and which of them are tests.

use std::ops::Range;

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// A word or a character of punctuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// An identifier, one character of punctuation or a bracket; a literal is `""`.
    pub text: String,
    /// Counted from 1.
    pub line: usize,
    /// Whether it stands in an item under `#[cfg(test)]`.
    pub test: bool,
}

/// A Rust file.
#[derive(Debug)]
pub struct Source {
    /// From the top of the checkout, with `/` between the names.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Comments are left out.
    pub tokens: Vec<Token>,
    test_lines: usize,
}

impl Source {
    /// Reads `text`; fails when it is not made of Rust's tokens.
    pub fn new(path: &str, text: &str) -> Result<Self, LexError> {
        let mut tokens = Vec::new();
        flatten(text.parse()?, &mut tokens);
        let mut test_lines = 0;
        for range in test_ranges(&tokens) {
            test_lines += tokens[range.end - 1].line + 1 - tokens[range.start].line;
            for token in &mut tokens[range] {
                token.test = true;
            }
        }
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens,
            test_lines,
        })
    }

    /// Whether the whole file is tests or serves them alone.
    pub fn is_test(&self) -> bool {
        let mut names = self.path.split('/');
        names.any(|name| matches!(name, "tests" | "tests.rs" | "benches" | "compat-tests"))
    }

    /// Lines that are not tests.
    pub fn lines_without_tests(&self) -> usize {
        self.text.lines().count() - self.test_lines
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(ident) => push(tokens, &ident.to_string(), line),
            TokenTree::Punct(punct) => push(tokens, &punct.as_char().to_string(), line),
            TokenTree::Literal(_) => push(tokens, "", line),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(tokens, open, line);
                flatten(group.stream(), tokens);
                push(tokens, close, group.span_close().end().line);
            }
        }
    }
}

fn push(tokens: &mut Vec<Token>, text: &str, line: usize) {
    tokens.push(Token {
        text: text.to_owned(),
        line,
        test: false,
    });
}

/// The items under `#[cfg(test)]`, from the `#` to the closing brace or semicolon.
fn test_ranges(tokens: &[Token]) -> Vec<Range<usize>> {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (start, window) in tokens.windows(ATTRIBUTE.len()).enumerate() {
        let inside = ranges.last().is_some_and(|range| start < range.end);
        if !inside
            && window
                .iter()
                .zip(ATTRIBUTE)
                .all(|(token, want)| token.text == want)
        {
            ranges.push(start..item_end(tokens, start + ATTRIBUTE.len()));
        }
    }
    ranges
}

/// The index after the item that begins at `from`.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" if depth <= 1 => return index + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, lines: usize, outside_tests: &[&str]) {
        let source = Source::new("doozerd/src/x.rs", text).unwrap();
        assert_eq!(source.lines_without_tests(), lines, "{text}");
        let outside = source.tokens.iter().filter(|token| !token.test);
        let outside: Vec<&str> = outside.map(|token| token.text.as_str()).collect();
        assert_eq!(outside, outside_tests, "{text}");
    }

    #[test]
    fn comments_and_literals_have_no_words() {
        check(
            "// tokio\nf(\"tokio\"); // tokio\n",
            2,
            &["f", "(", "", ")", ";"],
        );
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        check(
            "a;\n#[cfg(test)]\nmod tests {\n\n b;\n}\nc;\n",
            2,
            &["a", ";", "c", ";"],
        );
        check("#[cfg(test)]\nmod tests;\nc;\n", 1, &["c", ";"]);
        check(
            "#[cfg(test)]\n#[x(y)]\nfn f(a: [u8; 2]) {\n{}\n}\nc;\n",
            1,
            &["c", ";"],
        );
    }

    #[test]
    fn a_file_of_tests_is_known_by_its_place() {
        for path in [
            "doozerd/tests/a.rs",
            "doozerd/src/store/tests.rs",
            "compat-tests/src/a.rs",
        ] {
            assert!(Source::new(path, "").unwrap().is_test(), "{path}");
        }
        assert!(!Source::new("doozerd/src/a.rs", "").unwrap().is_test());
    }
}
