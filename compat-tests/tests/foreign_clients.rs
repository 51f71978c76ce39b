//! Clients in other languages, each on its language's usual protobuf library, against a server.

#![expect(clippy::print_stdout, reason = "what the other tests printed")]

use std::path::{Path, PathBuf};
use std::process::Command;

use compat_tests::binaries;
use compat_tests::server::{Launch, STILL};

/// What a test run leaves in the folder of build products.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn folder(language: &str) -> PathBuf {
    binaries::package_folder().join(language)
}

#[track_caller]
fn require(program: &str, install: &str) {
    assert!(
        binaries::on_path(program),
        "{program} is missing: {install}"
    );
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{out}");
    assert!(output.status.success(), "{command:?} failed:\n{out}\n{err}");
}

/// Runs a client's own tests against an open server and one with both secrets.
#[track_caller]
fn check(tests: &mut Command) {
    let open = Launch::new(STILL).start();
    let secrets = Launch::new(STILL)
        .env("DOOZER_RWSECRET", "w")
        .env("DOOZER_ROSECRET", "r");
    let secret = secrets.start();
    tests
        .env("DOOZER_TEST_ADDR", open.addr())
        .env("DOOZER_TEST_SECRET_ADDR", secret.addr());
    run(tests);
}

#[test]
fn a_go_client_makes_every_call() {
    require(
        "go",
        "install Go 1.24 or newer (Debian: apt-get install golang-go)",
    );
    let mut tests = Command::new("go");
    check(
        tests
            .args(["test", "-count=1", "-v", "./..."])
            .current_dir(folder("go")),
    );
}

#[test]
fn a_python_client_makes_every_call() {
    require("python3", "apt-get install python3 python3-venv");
    let (venv, folder) = (scratch("python"), folder("python"));
    let python = venv.join("bin/python");
    if !python.exists() {
        let mut create = Command::new("python3");
        run(create.args(["-m", "venv"]).arg(&venv));
    }
    let mut install = Command::new(&python);
    run(install
        .args(["-m", "pip", "install", "--quiet", "-r", "requirements.txt"])
        .current_dir(&folder));
    let mut tests = Command::new(&python);
    tests
        .args(["-m", "pytest", "-p", "no:cacheprovider"])
        .env("PYTHONDONTWRITEBYTECODE", "1");
    check(tests.current_dir(&folder));
}

#[test]
fn a_node_client_makes_every_call() {
    require("npm", "apt-get install nodejs npm");
    let scratch = scratch("node");
    std::fs::create_dir_all(&scratch).unwrap();
    for file in [
        "package.json",
        "package-lock.json",
        ".npmrc",
        "client.js",
        "client.test.js",
    ] {
        std::fs::copy(folder("node").join(file), scratch.join(file)).unwrap();
    }
    if !scratch.join("node_modules/protobufjs").exists() {
        let mut install = Command::new("npm");
        run(install
            .args(["ci", "--ignore-scripts", "--no-audit"])
            .current_dir(&scratch));
    }
    let mut tests = Command::new("node");
    check(tests.arg("--test").current_dir(&scratch));
}
