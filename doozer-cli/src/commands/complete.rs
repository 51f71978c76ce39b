//! `__complete`: what may stand at the cursor of a command line. Called by the scripts that
//! `completions` prints, not by people.

use super::{Call, Command};
use crate::args::Flag;
use crate::complete::{Completion, complete};
use crate::output::OutputError;

pub(super) const COMMAND: Command = Command {
    name: "__complete",
    arguments: &["[WORD...]"],
    summary: "Print what may stand in the place of the last word",
    details: "A line for each, with a tab and what it is behind it; or the line `:files`, for a file.",
    options: &[Flag {
        name: "line",
        value: Some("LINE"),
        help: "The command line up to the cursor, in place of its words",
    }],
    formats: false,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let words = match call.invocation.flags.text("line") {
        Some(line) => words(line).into_iter().skip(1).collect(),
        None => call.invocation.words.clone(),
    };
    let completion = complete(call.session, &words).await;
    let output = call.output;
    let printed: Result<(), OutputError> = match completion {
        Completion::Files => output.line(":files"),
        Completion::Words(found) => found
            .iter()
            .try_for_each(|found| output.line(format_args!("{}\t{}", found.word, found.help))),
    };
    Ok(printed?)
}

/// The words of a line as a shell has them, the last one unfinished: in quotation marks perhaps.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut quote, mut begun) = (None, true);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.extend(chars.next()),
            (None, '\'' | '"') => quote = Some(c),
            (None, c) if c.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
                continue;
            }
            (_, c) => word.push(c),
        }
        begun = true;
    }
    words.push(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str]) {
        assert_eq!(words(line), expected, "{line:?}");
    }

    #[test]
    fn a_line_has_the_words_that_a_shell_sees() {
        check("doozer get /a", &["doozer", "get", "/a"]);
        check("doozer  get ", &["doozer", "get", ""]);
        check("doozer -a h:1 '/a b", &["doozer", "-a", "h:1", "/a b"]);
        check(
            "doozer put /a\\ b \"c'd\" ",
            &["doozer", "put", "/a b", "c'd", ""],
        );
        check("doozer put '' x", &["doozer", "put", "", "x"]);
    }
}
