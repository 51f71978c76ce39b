//! Commands that read and change single files, beyond the original's.

use std::time::Duration;

use compat_tests::cli::Cli;
use compat_tests::pty::Terminal;
use compat_tests::server::Server;
use compat_tests::wait;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn several_files_are_read_at_one_revision() {
    let cli = Cli::new();
    cli.run("put /a one").prints("{1}\n");
    cli.run("put /b two").prints("{2}\n");
    cli.run("get /a /missing /b").prints("onetwo");
    cli.run("put /a 1").prints("{3}\n");
    cli.run("get /a /b --rev {2}").prints("onetwo");
    cli.run("get /a /b -r {2} -o jsonl").prints(
        "{\"path\":\"/a\",\"rev\":{1},\"value\":\"one\",\"encoding\":\"utf-8\"}\n\
         {\"path\":\"/b\",\"rev\":{2},\"value\":\"two\",\"encoding\":\"utf-8\"}\n",
    );
}

#[test]
fn a_read_that_syncs_makes_a_revision_first() {
    let cli = Cli::new();
    cli.run("put /a one").prints("{1}\n");
    cli.run("get --sync /a").prints("one");
    cli.run("rev").prints("{2}\n");
}

#[test]
fn a_directory_is_listed() {
    let cli = Cli::new();
    cli.run("ls /nothing")
        .fails(3, "No such file or directory: /nothing");
    cli.run("put /d/b/c 22").prints("{1}\n");
    cli.run("put /d/a 1").prints("{2}\n");
    cli.run("put /d/z 4444444444").prints("{3}\n");
    cli.run("ls /d").prints("a\nb/\nz\n");
    cli.run("ls d/").prints("a\nb/\nz\n");
    cli.run("ls -l /d")
        .shows("{2}  1 a\n")
        .shows("d  1 b/\n")
        .shows("{3} 10 z\n");
    cli.run("ls /d/a").prints("/d/a\n");
    cli.run("ls /d /d/b").prints("/d:\na\nb/\nz\n\n/d/b:\nc\n");
    cli.run("ls /d -r {1}").prints("b/\n");
    cli.run("ls").shows("ctl/\nd/\n");
    cli.run("ls /d -o jsonl").prints(
        "{\"path\":\"/d/a\",\"directory\":false,\"rev\":{2},\"length\":1}\n\
         {\"path\":\"/d/b\",\"directory\":true,\"entries\":1}\n\
         {\"path\":\"/d/z\",\"directory\":false,\"rev\":{3},\"length\":10}\n",
    );
}

#[test]
fn lines_are_found_by_a_regular_expression() {
    let cli = Cli::new();
    cli.file("hosts", "db-1 10.0.0.1\ndb-2 10.0.0.2\nweb 10.0.1.1\n");
    cli.run("put /c/hosts @hosts").prints("{1}\n");
    cli.run("put /c/main 'primary = DB-2'").prints("{2}\n");
    cli.run("grep db-2 /c/*").prints("/c/hosts:db-2 10.0.0.2\n");
    cli.run("grep -i -n db-2 /c/**")
        .prints("/c/hosts:2:db-2 10.0.0.2\n/c/main:1:primary = DB-2\n");
    cli.run("grep -l '^(web|primary)' /c/*")
        .prints("/c/hosts\n/c/main\n");
    cli.run("grep nothing /c/**").fails(3, "");
    cli.run("grep '(' /c/**")
        .fails(2, "the pattern \"(\" cannot be read");
}

#[test]
fn a_file_has_a_history_that_can_be_gone_back_in() {
    let cli = Cli::new();
    cli.run("put /f one").prints("{1}\n");
    cli.run("put /other x").prints("{2}\n");
    cli.run("put /f three").prints("{3}\n");
    cli.run("del /f -1").prints("");
    cli.run("put /f five!").prints("{5}\n");
    cli.run("history /f")
        .prints("{1} set 3\n{3} set 5\n{4} del\n{5} set 5\n");
    cli.run("history /f -p").prints(
        "{1} set 3\n    +one\n{3} set 5\n    -one\n    +three\n{4} del\n    -three\n\
         {5} set 5\n    +five!\n",
    );
    cli.run("history /f -o jsonl")
        .shows("{\"path\":\"/f\",\"rev\":{4},\"event\":\"del\"");
    cli.run("revert /f {1}").prints("{6}\n");
    cli.run("get /f").prints("one");
    cli.run("revert /f {1}")
        .ends(0)
        .says("/f is what it was at revision {1}");
    cli.run("revert /f {4}").ends(0).says("was missing");
    cli.run("stat /f").fails(2, "No such file or directory: /f");
    cli.run("history /f").shows("{6} set 3\n{7} del\n");
    cli.run("history /never").fails(3, "/never");
    cli.run("revert /f 0").fails(2, "revision 0 never was");
}

#[test]
fn history_begins_where_the_server_keeps_it() {
    let server = Server::start(&["-pulse", "1000000", "-hist", "10"]);
    let cli = Cli::of(server);
    cli.run("put /f old").prints("{1}\n");
    for _ in 0..60 {
        cli.run("nop").prints("");
    }
    wait::until("history is trimmed", SOON, || {
        cli.run("get /f -r {1}").code == Some(2)
    });
    cli.run("history /f").prints("{1} set 3\n");
    let newest = cli.run("put /f new!").stdout;
    let newest = newest.trim();
    cli.run("history /f")
        .prints(&format!("{{1}} set 3\n{newest} set 4\n"));
}

#[test]
fn a_file_is_changed_in_an_editor() {
    let cli = Cli::new().env("EDITOR", "sed -i s/one/two/");
    cli.run("put /f 'one and one'").prints("{1}\n");
    cli.run("edit /f").prints("{2}\n");
    cli.run("get /f").prints("two and one");
    cli.run("edit /f").prints("{3}\n");
    cli.run("edit /f").ends(0).says("/f: not changed");
    let cli = cli.env("EDITOR", "false");
    cli.run("edit /f")
        .fails(2, "the editor \"false\" failed (exit status: 1)")
        .says("what was edited is kept in /");
    let cli = cli.env("EDITOR", "echo made >");
    cli.run("edit /g").prints("{4}\n");
    cli.run("get /g").prints("made\n");
}

#[test]
fn a_file_that_changes_under_the_editor_is_not_overwritten() {
    let cli = Cli::new();
    cli.run("put /f one").prints("{1}\n");
    let doozer = compat_tests::binaries::doozer();
    let editor = format!(
        "sh -c 'echo mine > \"$1\"; {} put /f theirs' sh",
        doozer.display()
    );
    let cli = cli.env("EDITOR", &editor);
    let ran = cli.run("edit /f");
    ran.ends(1)
        .says("REV_MISMATCH")
        .says("what was edited is kept in /");
    let kept = ran.stderr.split("is kept in ").nth(1).expect("a path");
    let kept = kept.split(':').next().expect("a path").trim();
    assert_eq!(
        std::fs::read_to_string(kept).expect("what was edited"),
        "mine\n"
    );
    cli.run("get /f").prints("theirs");
}

/// Changes the first line, while somebody else changes the last one; the second time, nothing.
const MEETING: &str = "#!/bin/sh
[ -e $HOME/met ] && exit 0
touch $HOME/met
sed -i s/^a$/A/ \"$1\"
$DOOZER put /f @theirs >$HOME/put
";

#[test]
fn two_changes_of_a_file_are_merged_when_asked_for() {
    let cli = Cli::new();
    cli.file("base", "a\nb\nc\nd\ne\n");
    cli.file("theirs", "a\nb\nc\nd\nE\n");
    let editor = cli.file("editor", MEETING);
    let doozer = compat_tests::binaries::doozer();
    let cli = cli
        .env("EDITOR", &format!("sh {}", editor.display()))
        .env("DOOZER", &doozer.display().to_string());
    cli.run("put /f @base").prints("{1}\n");
    let mut terminal = Terminal::start(&cli.command("edit /f"));
    terminal.await_text("[m]erge, [e]dit again, [s]top?");
    terminal.enter("m");
    assert_eq!(terminal.await_end(), Some(0), "{}", terminal.text());
    cli.run("get /f").prints("A\nb\nc\nd\nE\n");
    // The refused SET has made one too.
    cli.run("rev").prints("{4}\n");
}

#[test]
fn a_watch_runs_a_command_for_each_event() {
    let cli = Cli::new();
    cli.run("put /w/there x").prints("{1}\n");
    let watch = cli.start(
        "watch --initial /w/* --exec \
         'read value; echo $DOOZER_EVENT $DOOZER_PATH $DOOZER_REV $value >> log; exit 3'",
    );
    let log = cli.home().join("log");
    let text = || std::fs::read_to_string(&log).unwrap_or_default();
    wait::until("what is there is told", SOON, || text().contains("there"));
    cli.run("put /w/new y").prints("{2}\n");
    cli.run("del /w/new -1").prints("");
    let expected = cli.place("set /w/there {1} x\nset /w/new {2} y\ndel /w/new {3}\n");
    wait::until("each event is told", SOON, || {
        text().lines().count() == expected.lines().count()
    });
    let told: Vec<String> = text().lines().map(|line| line.trim().to_owned()).collect();
    assert_eq!(told.join("\n") + "\n", expected);
    watch.signal(rustix::process::Signal::TERM);
    let ran = watch.end();
    assert!(ran.stderr.contains("failed: exit status: 3"), "{ran:?}");
}

#[test]
fn a_watch_goes_on_after_a_restart_and_says_what_it_skipped() {
    let server = Server::start(&["-pulse", "1000000", "-hist", "5"]);
    let mut cli = Cli::of(server);
    let told = cli.home().join("told");
    let watch = cli.start("watch /w --exec 'cat > told'");
    cli.run("put /w first").prints("{1}\n");
    watch.signal(rustix::process::Signal::STOP);
    cli.server_mut().kill9();
    cli.server_mut().start_again();
    for _ in 0..40 {
        cli.run("nop").ends(0);
    }
    wait::until("history is trimmed", SOON, || {
        cli.run("get /w -r {3}").code == Some(2)
    });
    watch.signal(rustix::process::Signal::CONT);
    wait::until("a write is told", SOON, || {
        cli.run("put /w again").ends(0);
        std::fs::read_to_string(&told).is_ok_and(|value| value == "again")
    });
    watch.signal(rustix::process::Signal::TERM);
    watch
        .end()
        .says("are no longer kept, and were not seen; going on at");
}
