//! Completion of command lines: what may stand at the cursor, in the shells that there are.

use std::process::{Command, Stdio};

use compat_tests::binaries;
use compat_tests::cli::Cli;

fn with_files() -> Cli {
    let cli = Cli::new();
    for path in ["/app/db/host", "/app/db/port", "/app/web", "/apple"] {
        cli.run(&format!("put {path} 12345")).ends(0);
    }
    cli
}

#[test]
fn paths_are_those_of_the_server() {
    let cli = with_files();
    cli.run("__complete -- get /ap")
        .prints("/app/\t2 entries\n/apple\t5 bytes\n");
    cli.run("__complete -- get /app/")
        .prints("/app/db/\t2 entries\n/app/web\t5 bytes\n");
    cli.run("__complete -- get /app/db/p")
        .prints("/app/db/port\t5 bytes\n");
    cli.run("__complete -- get /none/").prints("");
    let uri = format!("-a {}", cli.server().addr());
    Cli::nowhere()
        .run(&format!("__complete -- {uri} get /app/w"))
        .prints("/app/web\t5 bytes\n");
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for() {
    let cli = Cli::nowhere();
    cli.run("__complete -- get /").prints("");
    cli.run("__complete -- pu")
        .prints("put\tWrite a value to a file, whatever the file holds\n");
    cli.run("__complete -- put /a @").prints(":files\n");
}

/// Runs `script` in a shell that has doozer on its path; nothing where there is no such shell.
fn shell(cli: &Cli, name: &str, script: &str) -> Option<String> {
    if !binaries::on_path(name) {
        return None;
    }
    let doozer = binaries::doozer();
    let folder = doozer.parent().expect("a program is in a folder");
    let path = format!("{}:{}", folder.display(), binaries::path().display());
    let output = Command::new(name)
        .args(["-c", script])
        .env("PATH", path)
        .env("DOOZER_URI", cli.server().addr())
        .env("HOME", cli.home())
        .stdin(Stdio::null())
        .output()
        .expect("a shell runs");
    assert!(output.stderr.is_empty(), "{name}: {output:?}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn bash_completes() {
    let cli = with_files();
    let script = |line: &str| {
        format!(
            "source <(doozer completions bash); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; \
             COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             compopt() {{ echo \"compopt $*\"; }}; _doozer; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
    };
    for (line, expected) in [
        ("doozer wat", "watch\n"),
        ("doozer get /app/d", "compopt -o nospace\n/app/db/\n"),
        ("doozer get /ap", "/app/\n/apple\n"),
        ("doozer put /a @", "compopt -o default\n\n"),
    ] {
        match shell(&cli, "bash", &script(line)) {
            Some(got) => assert_eq!(got, expected, "{line}"),
            None => println!("left out: there is no bash"),
        }
    }
}

#[test]
fn fish_completes() {
    let cli = with_files();
    let script = "doozer completions fish | source; complete --do-complete 'doozer get /ap'";
    match shell(&cli, "fish", script) {
        Some(got) => assert_eq!(got, "/app/\t2 entries\n/apple\t5 bytes\n"),
        None => println!("left out: there is no fish"),
    }
}

#[test]
fn zsh_takes_its_script() {
    let cli = with_files();
    let script = "autoload -U compinit; compinit -D; source <(doozer completions zsh); \
        whence -w _doozer; print $_comps[doozer]";
    match shell(&cli, "zsh", script) {
        Some(got) => assert_eq!(got, "_doozer: function\n_doozer\n"),
        None => println!("left out: there is no zsh"),
    }
}

#[test]
fn there_is_a_script_for_three_shells() {
    let cli = Cli::nowhere();
    for shell in ["bash", "zsh", "fish"] {
        cli.run(&format!("completions {shell}"))
            .ends(0)
            .shows("__complete");
    }
    cli.run("completions csh")
        .fails(127, "bash, zsh or fish is wanted");
}
