//! Which of our crates may depend on which, and how a crate's manifest looks.

use crate::Finding;

/// Our crates and the others of ours that each may depend on.
const CRATES: [(&str, &[&str]); 6] = [
    ("doozer-proto", &[]),
    ("doozer-client", &["doozer-proto"]),
    ("doozer-cli", &["doozer-client", "doozer-proto"]),
    ("doozerd", &["doozer-client", "doozer-proto"]),
    ("compat-tests", &[]),
    ("tidy", &[]),
];

/// What the tests of a crate may use besides: the simulation judges histories with the one checker
/// that there is.
const TESTS_USE: [(&str, &str); 1] = [("doozerd", "compat-tests")];

/// Finds what is wrong with the manifest of one crate.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |line, what: String| findings.push(Finding::new(path, line, what));
    let name = path.rsplit('/').nth(1).unwrap_or_default();
    let Some((_, uses)) = CRATES.iter().find(|(krate, _)| *krate == name) else {
        report(1, format!("the crate {name} has no place among the others"));
        return findings;
    };
    for (line, table, dependency) in dependencies(text) {
        let (other, version) = dependency
            .split_once(['.', ' ', '='])
            .unwrap_or((dependency, ""));
        let is_ours = CRATES.iter().any(|(krate, _)| *krate == other);
        let in_tests = table == "dev-dependencies" && TESTS_USE.contains(&(name, other));
        if is_ours && !uses.contains(&other) && !in_tests {
            report(line, format!("{name} may not depend on {other}"));
        }
        if !version.contains("workspace = true") {
            report(
                line,
                format!("the version of {other} stands in the workspace's manifest"),
            );
        }
    }
    if !text.contains("[lints]\nworkspace = true") {
        report(1, "the workspace's lints hold in every crate".to_owned());
    }
    findings
}

/// The lines of the tables of dependencies, with their numbers and their tables' names.
fn dependencies(text: &str) -> Vec<(usize, &str, &str)> {
    let mut table = "";
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
        } else if table.ends_with("dependencies") && line.starts_with(|c: char| c.is_alphabetic()) {
            found.push((index + 1, table, line));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whats;

    const LINTS: &str = "\n[lints]\nworkspace = true\n";

    fn check_manifest(name: &str, text: &str, want: &[&str]) {
        let findings = check(&format!("{name}/Cargo.toml"), text);
        assert_eq!(whats(&findings), want, "{name}: {text}");
    }

    #[test]
    fn crates_depend_downward() {
        let text = |table: &str, name: &str| format!("[{table}]\n{name}.workspace = true\n{LINTS}");
        check_manifest("doozer-client", &text("dependencies", "doozer-proto"), &[]);
        check_manifest(
            "doozer-proto",
            &text("dependencies", "doozer-client"),
            &["2: doozer-proto may not depend on doozer-client"],
        );
        check_manifest(
            "compat-tests",
            &text("dev-dependencies", "doozer-proto"),
            &["2: compat-tests may not depend on doozer-proto"],
        );
        check_manifest("doozerd", &text("dev-dependencies", "compat-tests"), &[]);
        check_manifest(
            "doozerd",
            &text("dependencies", "compat-tests"),
            &["2: doozerd may not depend on compat-tests"],
        );
        check_manifest(
            "doozer-new",
            LINTS,
            &["1: the crate doozer-new has no place among the others"],
        );
    }

    #[test]
    fn versions_stand_once() {
        let text = |line: &str| format!("[dependencies]\n{line}\n{LINTS}");
        check_manifest(
            "doozerd",
            &text("tokio = { workspace = true, features = [\"fs\"] }"),
            &[],
        );
        check_manifest(
            "doozerd",
            &text("tokio = \"1\""),
            &["2: the version of tokio stands in the workspace's manifest"],
        );
    }

    #[test]
    fn lints_hold_everywhere() {
        let want = ["1: the workspace's lints hold in every crate"];
        check_manifest("doozerd", "[package]\nname = \"doozerd\"\n", &want);
    }
}
