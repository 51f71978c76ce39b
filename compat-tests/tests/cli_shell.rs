//! `doozer shell`: at a terminal, as somebody types there, and over a pipe.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use compat_tests::cli::Cli;
use compat_tests::pty::{CTRL_C, CTRL_D, CTRL_R, ENTER, RIGHT, TAB, Terminal};
use compat_tests::server::{Launch, STILL, Server, lasting_addr};
use rustix::process::Signal;

/// A user at a shell without colours, so that hints are not taken for what is typed.
fn plain(cli: &Cli) -> Terminal {
    let mut command = cli.command("shell");
    command.env("TERM", "xterm").env("NO_COLOR", "1");
    let shell = Terminal::start(&command);
    shell.await_text(">");
    shell
}

/// Types a line that was not typed before, and waits for the next prompt.
#[track_caller]
fn run(shell: &mut Terminal, line: &str, prompt: &str) {
    shell.enter(line);
    shell.await_screen(&format!("{prompt:?} after {line:?}"), |screen| {
        screen.text().contains(line) && screen.current().trim_end() == prompt
    });
}

fn user() -> Cli {
    let cli = Cli::new();
    for (path, value) in [
        ("/config/db/host", "a"),
        ("/config/db/port", "5"),
        ("/config/web", "w"),
    ] {
        cli.run(&format!("put {path} {value}")).ends(0);
    }
    cli
}

#[test]
fn commands_are_typed_without_doozer() {
    let cli = user();
    let mut shell = plain(&cli);
    shell.await_line("local:/>");
    shell.enter("put /x 'a b'");
    shell.await_text(&cli.place("put /x 'a b'\n{4}\nlocal:/>"));
    // What does not end its line is not written over by the prompt.
    shell.enter("get /x");
    shell.await_text("get /x\na b\nlocal:/>");
    shell.enter("stat /none");
    shell.await_text("No such file or directory: /none\nlocal:/ [2]>");
    shell.enter("gte /x");
    shell.await_text("did you mean get?\nlocal:/ [127]>");
    run(&mut shell, "rev", "local:/>");
    shell.press(CTRL_D);
    assert_eq!(shell.await_end(), Some(0));
}

#[test]
fn the_shell_ends_as_it_is_told() {
    let cli = Cli::new();
    let mut shell = plain(&cli);
    shell.enter("exit 7");
    assert_eq!(shell.await_end(), Some(7));
    let mut shell = plain(&cli);
    shell.signal(Signal::TERM);
    assert_eq!(shell.await_end(), Some(143));
}

#[test]
fn paths_start_at_the_directory() {
    let cli = user();
    let mut shell = plain(&cli);
    run(&mut shell, "cd /config/db", "local:/config/db>");
    shell.enter("get host");
    shell.await_text("get host\na\n");
    shell.enter("cd ..; get web; pwd");
    shell.await_text("get web; pwd\nw/config\nlocal:/config>");
    shell.enter("cd web");
    shell.await_text("/config/web: this is a file, not a directory");
    shell.enter("cd none");
    shell.await_text("/config/none: there is no such file");
    run(&mut shell, "cd -", "local:/config/db>");
    run(&mut shell, "cd", "local:/>");
}

#[test]
fn tab_completes_commands_options_and_paths() {
    let cli = user();
    let mut shell = plain(&cli);
    shell.press(&format!("ge{TAB}"));
    shell.await_line("local:/> get");
    shell.press(&format!("/conf{TAB}"));
    shell.await_line("local:/> get /config/");
    shell.press(TAB);
    shell.await_text("db/  web");
    shell.press(&format!("d{TAB}h{TAB}--timeo{TAB}5s{ENTER}"));
    shell.await_text("get /config/db/host --timeout 5s\na\n");
    run(&mut shell, "cd config", "local:/config>");
    // What the shell itself has written is there at once.
    run(&mut shell, "put db/zone z", "local:/config>");
    shell.press(&format!("get db/z{TAB}"));
    shell.await_line("local:/config> get db/zone");
}

#[test]
fn ctrl_c_ends_a_command_or_a_line_and_never_the_shell() {
    let cli = user();
    let mut shell = plain(&cli);
    shell.enter("watch /config/**");
    shell.await_text(&cli.place("/config/web {3} set 1\nw"));
    cli.run("put /config/web y").ends(0);
    shell.await_text(&cli.place("/config/web {4} set 1\ny"));
    shell.press(CTRL_C);
    shell.await_line("local:/ [130]>");
    shell.press("half a line");
    shell.await_line("local:/ [130]> half a line");
    shell.press(CTRL_C);
    shell.await_line("local:/ [130]>");
    shell.enter("watch /config/** | cat");
    cli.run("put /config/web z").ends(0);
    shell.await_text(&cli.place("/config/web {5} set 1\nz"));
    shell.press(CTRL_C);
    shell.await_line("local:/ [130]>");
    shell.enter("get /config/web");
    shell.await_text("get /config/web\nz\nlocal:/>");
}

#[test]
fn an_editor_has_ctrl_c_for_itself() {
    let cli = Cli::new();
    let script =
        "trap 'echo typed > \"$1\"; exit 0' INT\necho ready\nwhile :; do sleep 0.05; done\n";
    let editor = format!("exec sh {}", cli.file("editor", script).display());
    let cli = cli.env("EDITOR", &editor);
    let mut shell = plain(&cli);
    shell.enter("edit /e");
    shell.await_text("ready");
    shell.press(CTRL_C);
    shell.await_text(&cli.place("{1}\nlocal:/>"));
    cli.run("get /e").prints("typed\n");
}

#[test]
fn who_is_asked_may_answer_or_stop() {
    let cli = user();
    let mut shell = plain(&cli);
    shell.enter("rm /config/web");
    shell.await_text("[y/N]");
    shell.press(CTRL_C);
    shell.await_text("^C\nlocal:/ [130]>");
    run(&mut shell, "get /config/web", "local:/>");
    shell.enter("rm  /config/web");
    shell.await_screen("the question once more", |screen| {
        screen.current().contains("[y/N]")
    });
    shell.press(&format!("y{ENTER}"));
    shell.await_line("local:/>");
    cli.run("get /config/web").prints("");
}

#[test]
fn a_value_may_be_typed() {
    let cli = Cli::new();
    let mut shell = plain(&cli);
    shell.enter("add /typed");
    shell.await_text("end it with Ctrl-D");
    shell.press(&format!("one{ENTER}two{ENTER}{CTRL_D}"));
    shell.await_text(&cli.place("{1}\nlocal:/>"));
    cli.run("get /typed").prints("one\ntwo\n");
    shell.enter("add /other");
    shell.await_screen("the reading of a value", |screen| {
        screen.text().matches("end it with Ctrl-D").count() == 2
    });
    shell.press(CTRL_C);
    shell.await_line("local:/ [130]>");
    // What is typed now is a command, and no part of the value.
    shell.enter("get /typed");
    shell.await_text("get /typed\none\ntwo\nlocal:/>");
}

#[test]
fn the_history_is_kept_and_searched_but_for_secrets() {
    let cli = user();
    let mut shell = plain(&cli);
    for line in ["get /config/web", "echo -- sk=hush", "rev"] {
        run(&mut shell, line, "local:/>");
    }
    shell.press(CTRL_D);
    shell.await_end();
    let file = cli.home().join(".local/state/doozer/history");
    let text = fs::read_to_string(&file).expect("a history");
    assert!(
        text.contains("get /config/web") && !text.contains("hush"),
        "{text}"
    );
    let mode = fs::metadata(&file).expect("a history").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut shell = plain(&cli);
    shell.press(&format!("{CTRL_R}web"));
    shell.await_text("(reverse-i-search)`web': get /config/web");
    shell.press(ENTER);
    shell.await_text("w\nlocal:/>");
}

#[test]
fn a_job_prints_above_the_prompt() {
    let cli = user();
    let mut shell = plain(&cli);
    shell.enter("watch /config/** &");
    // A watch begins with what is at the present revision.
    shell.await_text(&cli.place("[1] watch /config/** &\n/config/web {3} set 1\nw\nlocal:/>"));
    shell.press("get /config/w");
    shell.await_line("local:/> get /config/w");
    cli.run("put /config/db/host b").ends(0);
    shell.await_text(&cli.place("/config/db/host {4} set 1\nb\nlocal:/> get /config/w"));
    shell.press(&format!("eb{ENTER}"));
    shell.await_text("get /config/web\nw\nlocal:/>");
    shell.enter("watch /config/** | tr a-z A-Z &");
    shell.await_text("[2] watch /config/** | tr a-z A-Z &\n");
    shell.enter("jobs");
    shell.await_text("jobs\n[1] watch /config/** &\n[2] watch /config/** | tr a-z A-Z &\nlocal:/>");
    shell.enter("kill 1");
    shell.await_text("[1] ended: watch /config/** &");
    shell.enter("kill 2");
    shell.await_text("[2] ended: watch");
    shell.enter("kill 1");
    shell.await_text("there is no job 1");
}

#[test]
fn a_connection_that_is_lost_is_made_again() {
    let mut server = Launch::new(STILL).addr(&lasting_addr()).start();
    let cli = Cli::at(server.addr());
    cli.run("put /a 1").ends(0);
    let mut shell = plain(&cli);
    shell.await_line("local:/>");
    server.stop();
    shell.await_text("local: not connected, trying again");
    shell.press(ENTER);
    shell.await_line("local:/ (not connected)>");
    server.start_again();
    shell.await_text("local: connected");
    shell.enter("get /a");
    shell.await_text("get /a\n1\nlocal:/>");
}

#[test]
fn a_shell_may_start_before_its_server() {
    let addr = lasting_addr();
    let cli = Cli::at(&addr);
    let mut shell = plain(&cli);
    shell.await_line("doozer:/ (not connected)>");
    let _server = Launch::new(STILL).addr(&addr).start();
    shell.await_text("local: connected");
    shell.enter("get /ctl/name");
    shell.await_text("get /ctl/name\nlocal\nlocal:/>");
}

#[test]
fn output_goes_to_programs_and_files() {
    let cli = user();
    let mut shell = plain(&cli);
    shell.enter("walk /config/** | grep /config | sort -r");
    shell.await_text("sort -r\n/config/web");
    shell.enter("get /config/web > out; get /config/db/port >> out");
    run(&mut shell, "walk /config/** | exit 3", "local:/ [3]>");
    let out = fs::read_to_string(cli.home().join("out")).expect("a file");
    assert_eq!(out, "w5");
    shell.enter("watch /config/** | head -1");
    cli.run("put /config/web v").ends(0);
    shell.await_line("local:/>");
}

#[test]
fn here_documents_and_variables_are_those_of_scripts() {
    let cli = Cli::new();
    let mut shell = plain(&cli);
    run(&mut shell, "name='b c'", "local:/>");
    shell.enter("put /a <<END");
    shell.enter("x $name");
    shell.enter("END");
    shell.await_text(&cli.place("{1}\nlocal:/>"));
    cli.run("get /a").prints("x b c\n");
    shell.enter("put /n 'two");
    shell.enter("lines'");
    shell.await_text(&cli.place("{2}\nlocal:/>"));
    cli.run("get /n").prints("two\nlines");
    shell.enter("for x in c d {");
    shell.enter("ensure /for/$x = $name");
    shell.enter("}");
    shell.await_text("}\nlocal:/>");
    cli.run("get /for/d").prints("b c");
    shell.enter("echo \"<$(get /a)>\" $none");
    shell.await_text("the variable none is not set");
    shell.enter("echo \"<$(get /a)>\" $status ${none:-d}");
    shell.await_text("\n<x b c> 2 d\n");
}

#[test]
fn colours_and_hints_are_there_unless_they_are_unwanted() {
    let cli = user();
    let mut command = cli.command("shell");
    let mut shell = Terminal::start(command.env("TERM", "xterm"));
    shell.await_text("local:/>");
    shell.press("set ");
    // The arguments that are to come.
    shell.await_line("local:/> set PATH REV");
    shell.press(CTRL_C);
    shell.await_line("local:/>");
    shell.enter("get /config/web");
    shell.await_text("get /config/web\nw\n");
    shell.press("get /c");
    shell.await_line("local:/> get /config/web");
    shell.press(&format!("{RIGHT}{ENTER}"));
    shell.await_screen("the same once more", |screen| {
        screen.text().matches("get /config/web\nw\n").count() == 2
    });
    assert!(
        shell.raw().contains("\x1b[1;32mget\x1b[0m"),
        "{}",
        shell.raw()
    );
    let mut shell = plain(&cli);
    run(&mut shell, "get /none; stat /none", "local:/ [2]>");
    assert!(!shell.raw().contains("\x1b[3"), "{}", shell.raw());
    let mut dumb = Terminal::start(command.env("TERM", "dumb"));
    dumb.await_text("local:/>");
    dumb.enter("get /config/web");
    dumb.await_text("w\nlocal:/>");
    assert!(!dumb.raw().contains('\x1b'), "{}", dumb.raw());
}

#[test]
fn help_tells_of_everything() {
    let cli = Cli::new();
    cli.run_with("shell", "help")
        .shows("Commands of the shell:")
        .shows("watch GLOB");
    cli.run_with("shell", "help cd")
        .prints("cd [PATH]: Go to a directory; `cd -` goes back\n");
    cli.run_with("shell", "help exit-codes")
        .shows("there is no such file");
    cli.run_with("shell", "help watch")
        .shows("doozer [OPTIONS] watch GLOB");
    cli.run_with("shell", "helf").says("did you mean help?");
}

#[test]
fn a_pipe_gets_data_alone() {
    let cli = user();
    cli.run_with("shell", "get /config/web").prints("w");
    cli.run_with("shell", "# why\ncd /config\n\nget web; get db/port\npwd\n")
        .prints("w5/config\n");
    cli.run_with("shell", "put /h <<E\na\n$status\nE\nget /h\n")
        .shows("\na\n0\n");
    cli.run_with("shell", "get /config/web | tr w W; x=1\n")
        .prints("W");
    cli.run_with("shell", "get /config/web | tr w W\nget /config/db/port")
        .prints("W5");
    cli.run_with(
        "shell",
        "if exists /config/web {\necho yes\n} else { echo no }\n",
    )
    .prints("yes\n");
    let ran = cli.run_with("shell", "time get /config/web");
    ran.ends(0).says(" s\n");
    assert_eq!(ran.stdout, "w");
}

#[test]
fn over_a_pipe_the_status_is_that_of_the_last_failure() {
    let cli = user();
    let ran = cli.run_with("shell", "stat /none\nget /config/web\n");
    ran.ends(2)
        .shows("w")
        .says("No such file or directory: /none");
    cli.run_with("shell", "stat /none\nnosuch\nrev\n").ends(127);
    cli.run_with("shell", "stat /none\nexit\nnosuch\n").ends(0);
    cli.run_with("shell", "exit 9").fails(9, "");
    cli.run_with("shell", "get 'x")
        .fails(127, "no ' ends what begins here");
    cli.run_with("shell", "rev && rev")
        .fails(127, "there is no &&");
    cli.run_with("shell", "shell")
        .fails(2, "this is the shell already");
    cli.run_with("shell", "cd / &")
        .fails(2, "cd does not run in the background");
    cli.run_with("shell", "add /a")
        .fails(2, "there is no standard input to read here");
    Cli::nowhere().run_with("shell", "put /a b").ends(4);
}

#[test]
fn a_node_that_takes_no_writes_is_marked() {
    let server = Server::start(STILL);
    let cli = Cli::at(server.addr());
    let mut command = cli.command("shell");
    command.env("TERM", "xterm").env("NO_COLOR", "1");
    let learner = Launch::new(&["-a", server.addr()]).learner().start();
    command.env("DOOZER_URI", format!("doozer:?ca={}", learner.addr()));
    let shell = Terminal::start(&command);
    shell.await_line("local:/ (read-only)>");
}
