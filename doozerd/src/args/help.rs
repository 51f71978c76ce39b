//! The help and the version, made from the table.

use super::table::{self, Default, Flag, Group};

/// The width of the help.
const COLUMNS: usize = 80;
/// Where the explanations begin.
const INDENT: usize = 27;

const HEAD: &str = "
A small, highly available, consistent store for extremely important data.

Usage: doozerd [FLAG ...]

-name value, -name=value, --name value and --name=value are one. TIME is seconds
(0.5) or a duration (500ms, 1m30s). SIZE is bytes (1048576) or has a unit (64k,
256MiB). ADDR is HOST:PORT, an IPv6 address in brackets.
";

/// The line that `-v` prints, without its end.
pub(super) fn version() -> String {
    format!("doozerd {}", env!("CARGO_PKG_VERSION"))
}

/// The text that `-h` prints, without the end of its last line.
pub(super) fn text() -> String {
    let mut text = version() + HEAD;
    for (group, title) in [(Group::Original, "As in the original"), (Group::New, "New")] {
        text.extend(["\n", title, ":\n"]);
        let flags = table::FLAGS.iter().filter(|flag| flag.group == group);
        text.extend(flags.map(|flag| entry(&left(flag), &right(flag))));
    }
    text += "\nEnvironment:\n";
    text.extend(
        table::VARIABLES
            .iter()
            .map(|variable| entry(variable.name, variable.help)),
    );
    text.truncate(text.trim_end().len());
    text
}

fn left(flag: &Flag) -> String {
    format!("{} {}", flag.typed(), flag.argument)
        .trim_end()
        .to_owned()
}

fn right(flag: &Flag) -> String {
    let default = match flag.default {
        Default::None => return flag.help.to_owned(),
        Default::Typed(default) | Default::Derived(default) => default,
    };
    format!("{} Default: {default}", flag.help)
}

/// A name, and beside it the explanation, in lines that fit.
fn entry(left: &str, right: &str) -> String {
    let mut lines = Vec::new();
    let mut line = format!("  {left:<width$}", width = INDENT - 2);
    if line.len() > INDENT {
        lines.push(line);
        line = " ".repeat(INDENT);
    }
    for word in right.split_whitespace() {
        if line.len() + word.len() > COLUMNS {
            lines.push(line);
            line = " ".repeat(INDENT);
        }
        line += word;
        line.push(' ');
    }
    lines.push(line);
    lines
        .iter()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}
