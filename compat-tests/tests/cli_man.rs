//! The man pages: all there, and nothing in them that man complains of.

use std::fs;
use std::process::{Command, Stdio};

use compat_tests::binaries;
use compat_tests::cli::Cli;

/// The names of the commands in `doozer help`.
fn commands(cli: &Cli) -> Vec<String> {
    let help = cli.run("help").stdout;
    let list = help.lines().take_while(|line| *line != "Options:");
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let lower = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    names
        .map(|line| {
            let words = line.split_whitespace().take_while(lower);
            let grouped = ["profile", "cluster", "ns"];
            let words: Vec<&str> = words.collect();
            let count = if grouped.contains(&words[0]) { 2 } else { 1 };
            words[..count].join("-")
        })
        .collect()
}

#[test]
fn every_command_has_a_page_that_man_can_read() {
    let cli = Cli::nowhere();
    cli.run("man --dir pages").prints("");
    let commands = commands(&cli);
    assert!(commands.len() > 15, "{commands:?}");
    let mut pages = vec!["doozer.1".to_owned()];
    pages.extend(commands.iter().map(|name| format!("doozer-{name}.1")));
    for page in pages {
        let path = cli.home().join("pages").join(&page);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.starts_with(".TH \"DOOZER"), "{text}");
        if !binaries::on_path("groff") {
            println!("left out: there is no groff");
            continue;
        }
        let output = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-z"])
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .expect("groff runs");
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{page}: {output:?}"
        );
    }
}

#[test]
fn a_page_says_what_help_says() {
    let cli = Cli::nowhere();
    let page = cli.run("man put");
    page.ends(0)
        .shows("put PATH VALUE")
        .shows("\\-\\-timeout DURATION");
    cli.run("man profile add").shows("DOOZER\\-PROFILE\\-ADD");
    cli.run("man")
        .shows("EXIT STATUS")
        .shows("no server could be reached");
    cli.run("man frob")
        .fails(127, "there is no command \"frob\"");
}
