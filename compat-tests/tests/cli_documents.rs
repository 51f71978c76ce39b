//! The commands that documents show, typed one after another: they print what is shown.

use std::process::Command;

use compat_tests::binaries;

#[track_caller]
fn check(document: &str) {
    let project = binaries::package_folder().join("..");
    let ran = Command::new("python3")
        .arg(project.join("scripts/document-cli.py"))
        .arg("--check")
        .arg(project.join(document))
        .env("DOOZER", binaries::doozer())
        .env("DOOZERD", binaries::doozerd())
        .output()
        .expect("python3 can be executed");
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        ran.status.success(),
        "`scripts/document-cli.py {document}` writes what is printed now:\n{said}"
    );
}

#[test]
fn every_command_prints_what_its_document_shows() {
    check("docs/cli.md");
}

#[test]
fn the_first_minute_of_the_readme_works() {
    check("README.md");
}
