//! Tests: the documents tell of every command, and every command line in them is right.

use std::fs;
use std::path::{Path, PathBuf};

use super::help::sections;
use crate::run;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// README.md and the documents, with what each holds.
fn documents() -> Vec<(PathBuf, String)> {
    let folder = fs::read_dir(project().join("docs")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    paths.push(project().join("README.md"));
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(path).unwrap());
    paths.into_iter().map(read).collect()
}

#[test]
fn every_command_has_its_place_in_the_document_of_all() {
    let text = fs::read_to_string(project().join("docs/cli.md")).unwrap();
    let mut rest = text.as_str();
    for (head, commands) in sections() {
        let names = commands
            .iter()
            .map(|command| format!("### {}", command.name));
        for heading in [format!("## {head}")].into_iter().chain(names) {
            let found = rest.split_once(&format!("\n{heading}\n"));
            rest = found
                .unwrap_or_else(|| panic!("docs/cli.md: no {heading:?}, or not in its order"))
                .1;
        }
    }
}

#[test]
fn every_command_line_in_the_documents_is_right() {
    let mut checked = 0;
    for (path, text) in documents() {
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(typed) = line.strip_prefix("$ ") else {
                continue;
            };
            // What is shown to be refused may be wrong.
            let is_refused = lines[index + 1].starts_with("Error: ");
            for words in lines_of_doozer(typed) {
                let right = run::check(&words);
                assert!(
                    right.is_ok() || is_refused,
                    "{} line {}: {right:?}",
                    path.display(),
                    index + 1
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "only {checked} command lines were found");
}

/// The arguments of each call of `doozer` in a line for a shell.
fn lines_of_doozer(line: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for words in simple_commands(line) {
        let is_assignment = |word: &String| word.contains('=');
        let mut words = words.into_iter().skip_while(is_assignment);
        if words.next().as_deref() == Some("doozer") {
            calls.push(words.collect());
        }
    }
    calls
}

/// The words of each simple command of a line. A variable stands for a number.
fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut rest = line.chars().peekable();
    let mut word: Option<String> = None;
    // Whether a file's name is next, to read from or to write to.
    let mut is_file = false;
    while let Some(c) = rest.next() {
        match c {
            '#' if word.is_none() => break,
            '$' if rest.peek() == Some(&'(') => {}
            '$' => {
                let is_name = |c: &char| c.is_alphanumeric() || "_{}?".contains(*c);
                while rest.next_if(is_name).is_some() {}
                word.get_or_insert_default().push('1');
            }
            '\'' | '"' => {
                let quoted = rest.by_ref().take_while(|other| *other != c);
                word.get_or_insert_default().extend(quoted);
            }
            _ if !c.is_whitespace() && !SEPARATORS.contains(c) => {
                word.get_or_insert_default().push(c);
            }
            _ => {
                if let Some(word) = word.take() {
                    let kept = (!is_file).then_some(word);
                    commands.last_mut().expect("never empty").extend(kept);
                    is_file = false;
                }
                is_file |= "<>".contains(c);
                if "|&;()".contains(c) {
                    commands.push(Vec::new());
                }
            }
        }
    }
    commands
        .last_mut()
        .expect("never empty")
        .extend(word.filter(|_| !is_file));
    commands
}

/// What ends a word, besides blanks.
const SEPARATORS: &str = "|&;()<>";

#[test]
fn command_lines_are_found_in_a_line_for_a_shell() {
    let check =
        |line: &str, expected: &[&[&str]]| assert_eq!(lines_of_doozer(line), expected, "{line}");
    check("ls", &[]);
    check("doozer get '/a b' # doozer", &[&["get", "/a b"]]);
    check(
        "rev=$(doozer put /a on) && doozer rev",
        &[&["put", "/a", "on"], &["rev"]],
    );
    check(
        "echo x | doozer set /a $rev > doozer",
        &[&["set", "/a", "1"]],
    );
    check("EDITOR='sed -i' doozer edit /a &", &[&["edit", "/a"]]);
}
