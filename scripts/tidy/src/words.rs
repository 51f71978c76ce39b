//! Words that no file of the project holds, whatever its language.

use crate::Finding;

/// Marks of what was left undone. In two parts, so that this file does not hold them.
const UNDONE: [[&str; 2]; 4] = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"]];

/// Folders of one machine: a path below them means nothing on another.
const FOLDERS: [[&str; 2]; 4] = [
    ["/ho", "me/"],
    ["/ro", "ot/"],
    ["/tm", "p/"],
    ["/wo", "rk/"],
];

/// Finds such words in `text`.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut report = |what: String| findings.push(Finding::new(path, index + 1, what));
        for mark in UNDONE.map(|parts| parts.concat()) {
            if has_word(line, &mark) {
                report(format!(
                    "{mark}: do it, or write it down where work is planned"
                ));
            }
        }
        for folder in FOLDERS.map(|parts| parts.concat()) {
            if line.contains(&folder) {
                report(format!("{folder} is a folder of one machine"));
            }
        }
        if names_an_issue(line) {
            report("say it here: the number of an issue explains nothing".to_owned());
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric())
        .any(|part| part == word)
}

/// Whether `line` has the word "issue" and then a number.
fn names_an_issue(line: &str) -> bool {
    let line = line.to_lowercase();
    line.match_indices("issue").any(|(at, word)| {
        let rest = line[at + word.len()..].trim_start_matches(['s', ' ', '#']);
        rest.len() < line.len() - at - word.len() && rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whats;

    fn check_text(text: &str, want: &[&str]) {
        assert_eq!(whats(&check("a.sh", text)), want, "{text}");
    }

    #[test]
    fn nothing_is_left_undone() {
        let mark = ["TO", "DO"].concat();
        let want = format!("2: {mark}: do it, or write it down where work is planned");
        check_text(&format!("a\n# {mark}: b\n"), &[&want]);
        check_text(&format!("{mark}s"), &[]);
    }

    #[test]
    fn no_path_of_one_machine_is_named() {
        let folder = ["/tm", "p/"].concat();
        check_text(
            &format!("cd {folder}x"),
            &[&format!("1: {folder} is a folder of one machine")],
        );
        check_text("cd \"$TMPDIR\"", &[]);
    }

    #[test]
    fn no_number_of_an_issue_stands_for_a_reason() {
        let want = ["1: say it here: the number of an issue explains nothing"];
        for text in [["see is", "sue 12"], ["Is", "sue #3"], ["is", "sues 4"]] {
            check_text(&text.concat(), &want);
        }
        check_text("an issue with 3 parts", &[]);
    }
}
