//! What commands do on a terminal alone: colours, questions, Ctrl-C. `script` makes the terminal.

use std::io::Write;
use std::process::{Command, Stdio};

use compat_tests::binaries;
use compat_tests::cli::Cli;

/// What a terminal shows while `doozer` runs there and `typed` is typed; nothing without `script`.
fn on_terminal(cli: &Cli, line: &str, typed: &str) -> Option<String> {
    if !binaries::on_path("script") {
        return None;
    }
    let line = format!("{} {line}", binaries::doozer().display());
    let template = cli.command("");
    let mut command = Command::new("script");
    command
        .args(["-qefc", &line, "/dev/null"])
        .env_clear()
        .env("TERM", "xterm")
        .current_dir(cli.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let variables = template
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut child = command.envs(variables).spawn().expect("script runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(typed.as_bytes())
        .expect("a terminal that reads");
    let output = child.wait_with_output().expect("what a terminal shows");
    drop(stdin);
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn the_head_of_a_table_is_set_off_where_colours_are_wanted() {
    let cli = Cli::new();
    cli.run("put /a 1").ends(0);
    let Some(shown) = on_terminal(&cli, "find /a -o table", "") else {
        println!("left out: there is no script");
        return;
    };
    assert!(
        shown.starts_with("\x1b[1mPATH  DIRECTORY\x1b[0m"),
        "{shown:?}"
    );
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = Cli::at(cli.server().addr()).env(name, value);
        let shown = on_terminal(&plain, "find /a -o table", "").unwrap_or_default();
        assert!(shown.starts_with("PATH  DIRECTORY"), "{name}: {shown:?}");
    }
    cli.run("find /a -o table")
        .shows("PATH  DIRECTORY")
        .hides("\x1b");
}

#[test]
fn a_question_is_asked_on_a_terminal_and_answered_there() {
    let cli = Cli::new();
    for name in ["a", "b"] {
        cli.run(&format!("put /d/{name} 1")).ends(0);
    }
    let Some(shown) = on_terminal(&cli, "rm -r /d", "n\n") else {
        println!("left out: there is no script");
        return;
    };
    assert!(shown.contains("[y/N]"), "{shown:?}");
    cli.run("stat /d").prints("d 2\n");
    on_terminal(&cli, "rm -r /d", "y\n");
    cli.run("stat /d").fails(2, "No such file");
}

#[test]
fn where_nobody_can_be_asked_the_way_without_is_told() {
    let cli = Cli::new();
    for name in ["a", "b"] {
        cli.run(&format!("put /d/{name} 1")).ends(0);
    }
    cli.run_with("rm -r /d", "y\n").fails(2, "--force");
    cli.run("stat /d").prints("d 2\n");
}
