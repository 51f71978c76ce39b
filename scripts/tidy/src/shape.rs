//! How a Rust file looks: its first line, its length, its name and what it leaves undone.

use crate::Finding;
use crate::source::Source;

/// Lines that a file may have without its tests.
const LINES_MAX: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 10] = [
    "manager", "helper", "helpers", "util", "utils", "common", "data", "info", "process", "misc",
];

/// Finds what is wrong with one file.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |line, what: String| findings.push(Finding::new(&source.path, line, what));
    if !source.text.starts_with("//! ") {
        report(
            1,
            "the first line says with //! what the file is for".to_owned(),
        );
    }
    let lines = source.lines_without_tests();
    if lines > LINES_MAX && !source.is_test() {
        report(
            LINES_MAX,
            format!("{lines} lines without tests, over {LINES_MAX}"),
        );
    }
    for name in source
        .path
        .split(['/', '.'])
        .filter(|name| is_empty_name(name))
    {
        if !(source.is_test() && name == "common") {
            report(1, format!("the name {name} says nothing"));
        }
    }
    for window in source.tokens.windows(3) {
        match [window[0].text.as_str(), &window[1].text, &window[2].text] {
            ["mod", name, "{" | ";"] if is_empty_name(name) && !source.is_test() => {
                report(window[1].line, format!("the name {name} says nothing"));
            }
            ["[", "ignore", "]" | "="] => {
                report(
                    window[1].line,
                    "a test is run or removed, not ignored".to_owned(),
                );
            }
            _ => {}
        }
    }
    findings
}

fn is_empty_name(name: &str) -> bool {
    name.split(['_', '-'])
        .any(|part| EMPTY_NAMES.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whats;

    fn check_file(path: &str, text: &str, want: &[&str]) {
        let source = Source::new(path, text).unwrap();
        assert_eq!(whats(&check(&source)), want, "{path}");
    }

    #[test]
    fn a_file_says_first_what_it_is_for() {
        check_file("doozerd/src/a.rs", "//! Reads.\n", &[]);
        check_file(
            "doozerd/src/a.rs",
            "use a;\n//! Reads.\n",
            &["1: the first line says with //! what the file is for"],
        );
    }

    #[test]
    fn a_file_ends_at_five_hundred_lines() {
        let lines = |n: usize| format!("//! Long.\n{}", "a;\n".repeat(n - 1));
        check_file("doozerd/src/a.rs", &lines(500), &[]);
        let want = ["500: 501 lines without tests, over 500"];
        check_file("doozerd/src/a.rs", &lines(501), &want);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "a;\n".repeat(100));
        check_file("doozerd/src/a.rs", &(lines(500) + &tests), &[]);
        check_file("doozerd/src/a.rs", &(lines(501) + &tests), &want);
        check_file("doozerd/tests/a.rs", &lines(900), &[]);
    }

    #[test]
    fn names_say_something() {
        let says_nothing = |name| format!("1: the name {name} says nothing");
        for (path, name) in [
            ("doozerd/src/store/utils.rs", "utils"),
            ("doozerd/src/store_manager/mod.rs", "store_manager"),
            ("doozer-client/src/common/mod.rs", "common"),
        ] {
            check_file(path, "//! A.\n", &[&says_nothing(name)]);
        }
        check_file("doozerd/tests/common/mod.rs", "//! A.\n", &[]);
        check_file("doozerd/src/database.rs", "//! A.\n", &[]);
        check_file(
            "doozerd/src/a.rs",
            "//! A.\nmod node_info;\nmod metadata {}\n",
            &["2: the name node_info says nothing"],
        );
    }

    #[test]
    fn no_test_is_ignored() {
        let want = "2: a test is run or removed, not ignored";
        check_file(
            "doozerd/tests/a.rs",
            "//! A.\n#[ignore]\nfn f() {}\n",
            &[want],
        );
        check_file(
            "doozerd/src/a.rs",
            "//! A.\n#[ignore = \"slow\"]\nfn f() {}\n",
            &[want],
        );
    }
}
