//! `grep PATTERN GLOB`: prints the lines of files that match.

use anyhow::Context;
use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

use super::{Call, Command};
use crate::args::Flag;
use crate::failure::Ended;
use crate::output::{Output, OutputError, Record};

pub(super) const COMMAND: Command = Command {
    name: "grep",
    arguments: &["PATTERN", "GLOB"],
    summary: "Print the lines of files that match a regular expression",
    details:
        "Looks through every file that matches the glob, all as they are at one revision: that of -r,
else the present one. Prints `PATH:LINE` for each line that matches; of a file that is no
text only that it matches. Ends with exit status 3 when no line does.",
    options: &[
        Flag {
            name: "i",
            value: None,
            help: "Capital and small letters are the same",
        },
        Flag {
            name: "l",
            value: None,
            help: "Print only the paths of files that match",
        },
        Flag {
            name: "n",
            value: None,
            help: "Print the number of each line too, as PATH:NUMBER:LINE",
        },
    ],
    formats: true,
    run: |call| Box::pin(run(call)),
};

/// No line matches.
const EXIT_NOTHING: u8 = 3;

/// A pattern that is none.
#[derive(Debug, Error)]
#[error("the pattern {0:?} cannot be read")]
struct BadPattern(String);

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let flags = &call.invocation.flags;
    let on = |name| flags.is_on(name);
    let pattern = call.invocation.word(0);
    let regex = RegexBuilder::new(pattern)
        .case_insensitive(on("i"))
        .multi_line(true)
        .build()
        .with_context(|| BadPattern(pattern.to_owned()))?;
    let search = Search {
        regex,
        names_alone: on("l"),
        numbers: on("n"),
    };
    let server = call.session.server().await?;
    let glob = call.session.path(call.invocation.word(1));
    let mut walk = server
        .client
        .walk_stream(&glob, call.invocation.rev)
        .await?;
    let mut found = false;
    while let Some(file) = walk.next().await {
        let file = file?;
        found |= search.file(&file.path, &file.value, call.output)?;
    }
    if found {
        return Ok(());
    }
    Err(Ended(EXIT_NOTHING).into())
}

struct Search {
    regex: Regex,
    names_alone: bool,
    numbers: bool,
}

impl Search {
    /// Prints what matches in a file; whether anything does.
    fn file(&self, path: &str, value: &[u8], output: &mut Output) -> Result<bool, OutputError> {
        let is_text = std::str::from_utf8(value).is_ok() && !value.contains(&0);
        if (self.names_alone || !is_text) && self.regex.is_match(value) {
            if !output.is_text() {
                output.record(&Record::new().text("path", path))?;
            } else if self.names_alone {
                output.line(path)?;
            } else {
                output.line(format_args!("{path}: not text, and matches"))?;
            }
            return Ok(true);
        }
        if value.is_empty() {
            return Ok(false);
        }
        let mut found = false;
        // Behind the last line feed there is no line.
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        let lines = value.split(|byte| *byte == b'\n').enumerate();
        for (at, line) in lines.filter(|(_, line)| self.regex.is_match(line)) {
            found = true;
            self.print(path, at + 1, line, output)?;
        }
        Ok(found)
    }

    fn print(
        &self,
        path: &str,
        number: usize,
        line: &[u8],
        output: &mut Output,
    ) -> Result<(), OutputError> {
        if !output.is_text() {
            let record = Record::new().text("path", path);
            let record = record.number("line", i64::try_from(number).unwrap_or(i64::MAX));
            return output.record(&record.bytes("value", line.to_vec()));
        }
        let line = String::from_utf8_lossy(line);
        if self.numbers {
            output.line(format_args!("{path}:{number}:{line}"))
        } else {
            output.line(format_args!("{path}:{line}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, value: &[u8], expected: &str) {
        let search = Search {
            regex: Regex::new(pattern).unwrap(),
            names_alone: false,
            numbers: true,
        };
        let mut output = Output::captured();
        let found = search.file("/f", value, &mut output).unwrap();
        let printed = String::from_utf8(output.take()).unwrap();
        assert_eq!(printed, expected, "{pattern}");
        assert_eq!(found, !expected.is_empty(), "{pattern}");
    }

    #[test]
    fn lines_that_match_are_printed() {
        check("b", b"abc\nxyz\nb", "/f:1:abc\n/f:3:b\n");
        check("^$", b"a\n\nb\n", "/f:2:\n");
        check("^$", b"", "");
        check("q", b"abc", "");
    }

    #[test]
    fn what_is_no_text_is_not_printed() {
        check("b", b"\x00b", "/f: not text, and matches\n");
        check("b", b"\xffb", "/f: not text, and matches\n");
        check("q", b"\xffb", "");
    }
}
