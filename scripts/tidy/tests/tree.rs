//! The rules of this project's source, over the whole checkout.

use std::fs;
use std::path::{Path, PathBuf};

use tidy::source::Source;
use tidy::{Finding, imports, manifests, shape, words};

/// Folders that hold nothing written by hand.
const NOT_OURS: [&str; 8] = [
    ".git",
    ".cache",
    "target",
    "node_modules",
    "__pycache__",
    "corpus",
    "artifacts",
    "vectors",
];

const TEXTS: [&str; 13] = [
    "rs", "toml", "md", "sh", "go", "mod", "py", "js", "mjs", "proto", "json", "yml", "txt",
];

#[test]
fn the_whole_tree_keeps_the_rules() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    collect(&top, &mut files);
    assert!(
        files.len() > 30,
        "found {} files below {}",
        files.len(),
        top.display()
    );
    let findings: Vec<Finding> = files
        .iter()
        .flat_map(|file| check_file(&top, file))
        .collect();
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(
        list.is_empty(),
        "{} findings:\n{}",
        list.len(),
        list.join("\n")
    );
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the checkout is read") {
        let path = entry.expect("an entry is read").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("names are UTF-8");
        if path.is_dir() {
            if !NOT_OURS.contains(&name) {
                collect(&path, files);
            }
        } else if TEXTS
            .iter()
            .any(|ending| name.ends_with(&format!(".{ending}")))
        {
            files.push(path);
        }
    }
}

fn check_file(top: &Path, file: &Path) -> Vec<Finding> {
    let path = file
        .strip_prefix(top)
        .ok()
        .and_then(Path::to_str)
        .expect("files are below the top");
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut findings = words::check(path, &text);
    if file.extension().is_some_and(|ending| ending == "rs") {
        let source = Source::new(path, &text).unwrap_or_else(|error| panic!("{path}: {error}"));
        findings.extend(shape::check(&source));
        findings.extend(imports::check(&source));
    }
    if path.ends_with("/Cargo.toml") && path != "fuzz/Cargo.toml" {
        findings.extend(manifests::check(path, &text));
    }
    findings
}
