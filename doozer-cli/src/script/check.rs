//! Finds what is wrong with a script before anything of it runs.
//!
//! What a variable will hold is not known yet: words that have one are checked as far as they go.

use std::collections::BTreeSet;

use super::limits;
use super::place::{Place, Wrong};
use super::syntax::{Block, Condition, Holding, Kind, Line, Part, Statement, Word};

/// Whether words are a right command line of the program's own table.
pub(super) type CheckLine = fn(&[String]) -> anyhow::Result<()>;

/// What stands for a variable while a line is checked: what is wrong with all of them is wrong
/// whatever the variable holds.
const STAND_INS: [&str; 3] = ["1", "/1", "1s"];

/// Commands that a script does not have, and why.
const NOT_IN_SCRIPTS: [(&str, &str); 2] = [
    ("run", "a script does not run another one"),
    ("shell", "a script does not open a shell"),
];

/// All that is wrong with `script`, in order, where the variables `given` are set.
pub(super) fn check(script: &Block, given: BTreeSet<String>, check_line: CheckLine) -> Vec<Wrong> {
    let mut checker = Checker {
        check_line,
        wrong: Vec::new(),
        told_unset: BTreeSet::new(),
    };
    checker.block(script, Some(given));
    checker.wrong.sort_by_key(|wrong| wrong.place);
    checker.wrong
}

/// The variables that are surely set; nothing where the script never comes to.
type Known = Option<BTreeSet<String>>;

struct Checker {
    check_line: CheckLine,
    wrong: Vec<Wrong>,
    /// The variables of which it was told that they may not be set: once is enough.
    told_unset: BTreeSet<String>,
}

impl Checker {
    fn report(&mut self, place: Place, what: impl Into<String>) {
        self.wrong.push(Wrong::new(place, what));
    }

    fn block(&mut self, block: &Block, mut known: Known) -> Known {
        for statement in block {
            known = self.statement(statement, known);
        }
        known
    }

    fn statement(&mut self, statement: &Statement, known: Known) -> Known {
        match &statement.kind {
            Kind::Assign { name, value } => {
                self.word(value, &known);
                return with(known, name);
            }
            Kind::Fail(words) => {
                self.words(words, &known);
                return None;
            }
            Kind::Echo(words) => self.words(words, &known),
            Kind::Command(line) => self.line(line, &known),
            Kind::Ensure { path, value } => self.ensure(path, value, &known),
            Kind::EnsureExists { path, value } => {
                self.path(path, &known);
                self.words(value, &known);
            }
            Kind::EnsureAbsent { path } => self.path(path, &known),
            Kind::WaitFor {
                path,
                value,
                timeout,
            } => {
                self.path(path, &known);
                self.words(value, &known);
                self.duration(timeout.as_ref(), &known);
            }
            Kind::WaitMembers { count, timeout } => {
                self.parsed(count, &known, limits::members);
                self.duration(timeout.as_ref(), &known);
            }
            _ => return self.with_blocks(statement, known),
        }
        known
    }

    /// A statement that has blocks.
    fn with_blocks(&mut self, statement: &Statement, known: Known) -> Known {
        match &statement.kind {
            Kind::If {
                condition,
                then,
                otherwise,
            } => {
                self.condition(condition, &known);
                let left = self.block(then, known.clone());
                let right = self.block(otherwise, known);
                either(left, right)
            }
            Kind::For { name, words, body } => {
                self.words(words, &known);
                self.block(body, with(known.clone(), name));
                known
            }
            Kind::Retry { tries, every, body } => {
                self.parsed(tries, &known, limits::tries);
                self.duration(Some(every), &known);
                self.block(body, known)
            }
            Kind::OnError(body) => {
                self.block(body, with(known.clone(), limits::ERROR));
                known
            }
            Kind::Once { hold, body } => {
                self.holding(hold, &known);
                self.block(body, with(known.clone(), limits::LOCK_REV));
                known
            }
            Kind::AsLeader { hold, body } => {
                self.holding(hold, &known);
                self.block(body, with(known, limits::LOCK_REV))
            }
            _ => known,
        }
    }

    fn condition(&mut self, condition: &Condition, known: &Known) {
        match condition {
            Condition::Not(condition) => self.condition(condition, known),
            Condition::Exists(path) => self.path(path, known),
            Condition::Equal(left, right) | Condition::Unequal(left, right) => {
                self.words([left, right], known);
            }
            Condition::Succeeds(line) => self.line(line, known),
        }
    }

    fn holding(&mut self, hold: &Holding, known: &Known) {
        self.path(&hold.path, known);
        if let Some(word) = &hold.time_to_live {
            self.parsed(word, known, limits::time_to_live);
        }
    }

    fn ensure(&mut self, path: &Word, value: &Word, known: &Known) {
        self.path(path, known);
        self.word(value, known);
        if path.bare_beginning().starts_with("/ctl/cal/") && value.literal().as_deref() == Some("")
        {
            let what = "this would take the member that holds the slot out, at each run: make a \
                        free slot with ensure-exists";
            self.report(path.place, what);
        }
    }

    fn duration(&mut self, word: Option<&Word>, known: &Known) {
        if let Some(word) = word {
            self.parsed(word, known, limits::duration);
        }
    }

    /// A word that `read` must be able to read.
    fn parsed<T>(&mut self, word: &Word, known: &Known, read: fn(&str) -> anyhow::Result<T>) {
        self.word(word, known);
        if let Some(Err(error)) = word.literal().map(|text| read(&text)) {
            self.report(word.place, format!("{error:#}"));
        }
    }

    fn path(&mut self, word: &Word, known: &Known) {
        self.word(word, known);
        for part in &word.parts {
            if let Part::Text { text, .. } = part
                && let Some(c) = text.chars().find(|c| !limits::is_in_path(*c))
            {
                let what = format!("a path has no {c:?}: letters, digits, '.', '-' and '/' alone");
                self.report(word.place, what);
                return;
            }
        }
    }

    fn words<'a>(&mut self, words: impl IntoIterator<Item = &'a Word>, known: &Known) {
        for word in words {
            self.word(word, known);
        }
    }

    fn word(&mut self, word: &Word, known: &Known) {
        self.parts(&word.parts, known);
    }

    fn parts(&mut self, parts: &[Part], known: &Known) {
        for part in parts {
            match part {
                Part::Text { .. } => {}
                Part::Variable {
                    default: Some(default),
                    ..
                } => self.parts(default, known),
                Part::Variable { place, name, .. } => self.variable(*place, name, known),
                Part::Output { words, .. } => self.command(words, known),
            }
        }
    }

    fn variable(&mut self, place: Place, name: &str, known: &Known) {
        let unknown = known.as_ref().is_some_and(|known| !known.contains(name));
        if unknown && self.told_unset.insert(name.to_owned()) {
            let what = format!(
                "the variable {name} may not be set here: set it before, give it with \
                 --var {name}=VALUE, or write ${{{name}:-DEFAULT}}"
            );
            self.report(place, what);
        }
    }

    fn line(&mut self, line: &Line, known: &Known) {
        self.words(&line.input, known);
        self.command(&line.words, known);
    }

    fn command(&mut self, words: &[Word], known: &Known) {
        self.words(words, known);
        let Some(first) = words.first() else {
            return;
        };
        let Some(name) = first.literal() else {
            let what = "the name of a command is written out, with no variable in it";
            return self.report(first.place, what);
        };
        if let Some((_, why)) = NOT_IN_SCRIPTS.iter().find(|(command, _)| *command == name) {
            return self.report(first.place, *why);
        }
        let wrong = STAND_INS.map(|stand_in| {
            let words: Vec<String> = words.iter().map(|word| stand(word, stand_in)).collect();
            (self.check_line)(&words)
                .err()
                .map(|error| format!("{error:#}"))
        });
        if let [Some(first_wrong), Some(second), Some(third)] = wrong
            && first_wrong == second
            && second == third
        {
            self.report(first.place, first_wrong);
        }
    }
}

/// The text of `word` with `stand_in` for all that is not known yet.
fn stand(word: &Word, stand_in: &str) -> String {
    let texts = word.parts.iter().map(|part| match part {
        Part::Text { text, .. } => text.as_str(),
        Part::Variable { .. } | Part::Output { .. } => stand_in,
    });
    texts.collect()
}

fn with(known: Known, name: &str) -> Known {
    known.map(|mut known| {
        known.insert(name.to_owned());
        known
    })
}

/// What is known where two ways meet.
fn either(left: Known, right: Known) -> Known {
    match (left, right) {
        (None, other) | (other, None) => other,
        (Some(left), Some(right)) => Some(left.intersection(&right).cloned().collect()),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{bail, ensure};
    use expect_test::{Expect, expect};

    use super::*;
    use crate::script::parser::parse;

    /// A table of two commands.
    fn check_line(words: &[String]) -> anyhow::Result<()> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["get", arguments @ ..] => ensure!(arguments.len() == 1, "get takes a path"),
            ["set", arguments @ ..] => {
                ensure!(arguments.len() == 2, "set takes a path and a revision");
                ensure!(arguments[1].parse::<i64>().is_ok(), "wrong revision");
            }
            [other, ..] => bail!("there is no command {other:?}"),
            [] => bail!("no command"),
        }
        Ok(())
    }

    fn check_script(text: &str, expected: &Expect) {
        let block = parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        let given = BTreeSet::from(["given".to_owned()]);
        let wrong = check(&block, given, check_line);
        let shown = wrong
            .iter()
            .map(|wrong| format!("{}: {}\n", wrong.place, wrong.what));
        expected.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn commands_are_checked_as_far_as_their_words_are_known() {
        check_script(
            "get /a
gte /a
get
get /a $given
set $given $given
set /a x
set /a $(get)
if gte $given { }
$given /a
run other
",
            &expect![[r#"
                2:1: there is no command "gte"
                3:1: get takes a path
                4:1: get takes a path
                6:1: wrong revision
                7:10: get takes a path
                8:4: there is no command "gte"
                9:1: the name of a command is written out, with no variable in it
                10:1: a script does not run another one
            "#]],
        );
    }

    #[test]
    fn a_variable_is_set_on_every_way_to_its_use() {
        check_script(
            "echo $given $a ${a:-$b}
if $given == x { a=1; b=1 } else { a=2 }
echo $a $b
if $given == x { c=1 } else { fail }
echo $c
for x in $a { echo $x; d=1 }
echo $x $d
retry 3 every 1s { e=1 }
echo $e
on-error { echo $error $f }
echo $error
once /o { echo $lock_rev; g=1 }
as-leader /l { h=1 }
echo $g $h
",
            &expect![[r"
                1:13: the variable a may not be set here: set it before, give it with --var a=VALUE, or write ${a:-DEFAULT}
                1:21: the variable b may not be set here: set it before, give it with --var b=VALUE, or write ${b:-DEFAULT}
                7:6: the variable x may not be set here: set it before, give it with --var x=VALUE, or write ${x:-DEFAULT}
                7:9: the variable d may not be set here: set it before, give it with --var d=VALUE, or write ${d:-DEFAULT}
                10:24: the variable f may not be set here: set it before, give it with --var f=VALUE, or write ${f:-DEFAULT}
                11:6: the variable error may not be set here: set it before, give it with --var error=VALUE, or write ${error:-DEFAULT}
                14:6: the variable g may not be set here: set it before, give it with --var g=VALUE, or write ${g:-DEFAULT}
            "]],
        );
    }

    #[test]
    fn numbers_durations_and_paths_are_read() {
        check_script(
            "retry 0 every 1 { }
retry $given every ${given}s { }
wait-for /a timeout x
wait-members many
once /a ttl 1ms { }
ensure /a_b = 1
ensure-absent /a/$given/*
ensure /ctl/cal/$given = \"\"
ensure-exists /ctl/cal/1 = \"\"
",
            &expect![[r#"
                1:7: a number of tries from 1 to 86400 is wanted, not "0"
                1:15: wrong duration "1": missing unit in duration, as in 5s
                3:21: wrong duration "x": a duration is wanted, as 300ms, 5s or 1m30s
                4:14: a number of members from 1 to 32 is wanted, not "many"
                5:13: wrong time-to-live "1ms": from 1s to 24h is wanted
                6:8: a path has no '_': letters, digits, '.', '-' and '/' alone
                7:15: a path has no '*': letters, digits, '.', '-' and '/' alone
                8:8: this would take the member that holds the slot out, at each run: make a free slot with ensure-exists
            "#]],
        );
    }
}
