//! Decides what may stand at the cursor.

use super::Candidate;
use crate::args::{Flag, OPTIONS, Partial, Target, read_partial};
use crate::commands::{self, Command};
use crate::output::Format;

/// What may stand at the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// One of these.
    Words(Vec<Candidate>),
    /// A path or glob of the server.
    Path,
    /// A file of this machine.
    Files,
    /// A profile's name.
    Profiles,
}

/// What may stand in the place of the last of `words`; and whom the words before it name.
pub(crate) fn wanted(words: &[String]) -> (Wanted, Target) {
    let (last, before) = words
        .split_last()
        .map_or(("", words), |(last, before)| (last, before));
    let (partial, target) = read_partial(before);
    let option = last.starts_with('-');
    let wanted = match partial {
        Partial::Nothing if option => options(&[], last),
        Partial::Nothing => first_words(last),
        Partial::Group(group) => second_words(&group, last),
        Partial::Value(flag) => value(&flag),
        Partial::Child => Wanted::Files,
        Partial::Words(command, _) if option => options(command.options, last),
        Partial::Words(command, count) => argument(command, count, last),
        Partial::Wrong => Wanted::Words(Vec::new()),
    };
    (wanted, target)
}

/// Commands and the first words of those of two.
fn first_words(begun: &str) -> Wanted {
    let mut found: Vec<Candidate> = Vec::new();
    for command in commands::shown() {
        let candidate = match command.name.split_once(' ') {
            None => Candidate::new(command.name, command.summary),
            Some((group, _)) => Candidate::new(group, "Several commands"),
        };
        if found.last() != Some(&candidate) {
            found.push(candidate);
        }
    }
    those(found.into_iter(), begun)
}

fn second_words(group: &str, begun: &str) -> Wanted {
    let second = commands::group(group).map(|command| {
        let second = command.name.split(' ').next_back().unwrap_or_default();
        Candidate::new(second, command.summary)
    });
    those(second, begun)
}

/// Options, with as many hyphens as were typed, or as the help has it.
fn options(own: &'static [Flag], begun: &str) -> Wanted {
    let all = own.iter().chain(OPTIONS).map(|flag| {
        let written = flag.hyphened();
        let word = if begun.starts_with("--") && !written.starts_with("--") {
            format!("-{written}")
        } else {
            written
        };
        Candidate::new(word, flag.help)
    });
    those(all, begun)
}

/// The value of an option.
fn value(flag: &Flag) -> Wanted {
    match (flag.name, flag.value.unwrap_or_default()) {
        ("profile", _) => Wanted::Profiles,
        ("o", "FORMAT") => those(
            Format::ALL
                .iter()
                .map(|(name, help)| Candidate::new(*name, *help)),
            "",
        ),
        (_, "FILE" | "FOLDER" | "CMD") => Wanted::Files,
        (_, "PATH" | "GLOB" | "DIR") => Wanted::Path,
        _ => Wanted::Words(Vec::new()),
    }
}

/// The argument of `command` behind `count` others.
fn argument(command: &'static Command, count: usize, begun: &str) -> Wanted {
    let names = command.arguments;
    let repeated = names.last().filter(|name| name.contains("..."));
    let Some(name) = names.get(count).or(repeated) else {
        return Wanted::Words(Vec::new());
    };
    let is_profile = command.name.starts_with("profile ");
    match name.trim_matches(['[', ']', '.']) {
        "COMMAND" if count == 0 => first_words(begun),
        "FILE" | "FOLDER" => Wanted::Files,
        "NAME" if is_profile => Wanted::Profiles,
        "VALUE" if begun.starts_with('@') => Wanted::Files,
        "DIR" | "FROM" | "TO" => Wanted::Path,
        name if name.contains("PATH") || name.contains("GLOB") => Wanted::Path,
        names if names.contains('|') => {
            those(names.split('|').map(|name| Candidate::new(name, "")), begun)
        }
        _ => Wanted::Words(Vec::new()),
    }
}

fn those(candidates: impl Iterator<Item = Candidate>, begun: &str) -> Wanted {
    let those = candidates.filter(|candidate| candidate.word.starts_with(begun));
    Wanted::Words(those.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may stand at the end of `line`, where a word is begun or a space stands.
    fn check(line: &str, expected: &str) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let got = match wanted(&words).0 {
            Wanted::Words(found) => {
                let words: Vec<String> = found.into_iter().map(|found| found.word).collect();
                words.join(" ")
            }
            other => format!("{other:?}"),
        };
        assert_eq!(got, expected, "{line:?}");
    }

    #[test]
    fn commands_come_first() {
        check("wa", "wait walk watch");
        check("prof", "profile");
        check("profile ", "add list show use");
        check("profile s", "show");
        check("-a x wa", "wait walk watch");
        check("help se", "self set");
        check("frob x", "");
    }

    #[test]
    fn options_are_those_of_the_command_and_of_all() {
        check("bench get --c", "--conns --clean --cacert --cert");
        check("get --ti", "--timeout");
        check("--pro", "--profile");
        check("stat --r", "--r");
    }

    #[test]
    fn values_of_options_are_known() {
        check("get -o ", "text json jsonl yaml table");
        check("get --profile ", "Profiles");
        check("get --cacert ", "Files");
        check("get -r ", "");
        check("bench get --prefix ", "Path");
        check("apply --as ", "");
        check("apply -f ", "Files");
        check("apply --at ", "Path");
    }

    #[test]
    fn arguments_are_known_by_their_names() {
        check("get ", "Path");
        check("get /a", "Path");
        check("watch -r 5 /", "Path");
        check("set /a ", "");
        check("cp /a /", "Path");
        check("rev ", "");
        check("put /a @f", "Files");
        check("put /a f", "");
        check("profile use ", "Profiles");
        check("completions ", "bash zsh fish");
    }

    #[test]
    fn the_words_before_name_the_server() {
        let words = ["-a", "x:1", "get", "/"].map(str::to_owned);
        let (found, target) = wanted(&words);
        assert_eq!(
            (found, target.address.as_deref()),
            (Wanted::Path, Some("x:1"))
        );
    }
}
