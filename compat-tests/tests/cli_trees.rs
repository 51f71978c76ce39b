//! Whole trees through the `doozer` command: export, import, apply, diff, cp, mv, rm and tree,
//! against running servers, with 10,000 files, and killed in the middle.

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use compat_tests::cli::{Cli, Ran, Running};
use compat_tests::random::Random;
use compat_tests::wait;
use compat_tests::wire::{Request, verb};
use rustix::process::Signal;

/// How long a command over 10,000 files may take to get to its middle: far longer than it does.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);

/// Files in a tree that is large.
const MANY: usize = 10_000;

/// What a command prints that has set, deleted and left alone so many files.
fn counts(set: usize, deleted: usize, same: usize) -> String {
    format!("{set} set, {deleted} deleted, {same} the same\n")
}

/// Sets files: `"/a=1 /b=2"`.
fn put(cli: &Cli, files: &str) {
    for (path, value) in files
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
    {
        let answer = cli.server().call(&Request::set(path, -1, value));
        assert!(answer.revision() > 0, "{path}: {answer:?}");
    }
}

/// The users' files: `"/a=1 /b=2"`.
#[track_caller]
fn files(cli: &Cli) -> String {
    let mut files = Vec::new();
    for line in cli.run("export").ends(0).stdout.lines() {
        let file: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| file[name].as_str().expect("text").to_owned();
        files.push(format!("{}={}", text("path"), text("value")));
    }
    files.join(" ")
}

fn rev(cli: &Cli) -> i64 {
    cli.server().call(&Request::new(verb::REV)).revision()
}

/// How many entries a directory has.
fn count(cli: &Cli, directory: &str) -> i32 {
    let stat = cli.server().call(&Request::stat(directory));
    stat.len.unwrap_or_default()
}

/// What a command prints that ends well, whatever it says besides.
#[track_caller]
fn print(cli: &Cli, line: &str) -> String {
    let ran = cli.run(line);
    ran.ends(0);
    ran.stdout
}

/// `count` files below `/many`, 100 in a directory, as JSON lines.
fn many(count: usize, value: &str) -> String {
    let mut lines = String::new();
    for n in 0..count {
        let directory = n / 100;
        writeln!(
            lines,
            r#"{{"path":"/many/d{directory}/f{n}","value":"{value} {n}"}}"#
        )
        .expect("room in a string");
    }
    lines
}

#[test]
fn a_tree_is_written_in_every_format_and_read_again() {
    let cli = Cli::new();
    put(
        &cli,
        "/db/host=10.0.0.1 /db/port=8046 /motd=hello /x/.=dot /x/..=dots",
    );
    let binary = Request::set("/key", -1, b"\0\xff");
    assert!(cli.server().call(&binary).revision() > 0);
    let all = files(&cli);
    assert!(all.contains("/key=AP8= "), "{all}");
    for name in ["tree.jsonl", "tree.toml", "tree.yaml", "folder/"] {
        cli.run(&format!("export -f {name}"))
            .ends(0)
            .says("6 files as of revision");
        cli.run("rm -r --force /").ends(0).shows(&counts(0, 6, 0));
        assert_eq!(files(&cli), "");
        let line = format!("import -f {name}");
        cli.run(&line).prints(&counts(6, 0, 0));
        assert_eq!(files(&cli), all, "{name}");
        let before = rev(&cli);
        cli.run(&format!("import {name}")).prints(&counts(0, 0, 6));
        assert_eq!(rev(&cli), before, "{name}");
    }
    let read = |name: &str| fs::read_to_string(cli.home().join(name)).expect("a file");
    assert_eq!(
        read("tree.toml"),
        "key = { _base64 = \"AP8=\" }\nmotd = \"hello\"\n\n[db]\nhost = \"10.0.0.1\"\n\
         port = \"8046\"\n\n[x]\n\".\" = \"dot\"\n\"..\" = \"dots\"\n"
    );
    assert_eq!(read("folder/x/%2E%2E"), "dots");
}

#[test]
fn parts_of_a_tree_are_exported_and_put_elsewhere() {
    let cli = Cli::new();
    put(&cli, "/a/b/x=1 /a/b/y=2 /a/z=3");
    let line = |path: &str, nth: usize, value: &str| {
        format!(
            "{{\"path\":\"{path}\",\"rev\":{{{nth}}},\"value\":\"{value}\",\"encoding\":\"utf-8\"}}\n"
        )
    };
    let both = |x: &str, y: &str| line(x, 1, "1") + &line(y, 2, "2");
    cli.run("export /a/b").prints(&both("/a/b/x", "/a/b/y"));
    cli.run("export /a/b/*x").prints(&line("/a/b/x", 1, "1"));
    cli.run("export /a/z").prints(&line("/a/z", 3, "3"));
    cli.run("export -r {1}").prints(&line("/a/b/x", 1, "1"));
    cli.run("export --at /a/b").prints(&both("/x", "/y"));
    cli.run("export --at /a/b /a/z")
        .fails(2, "/a/z does not lie below /a/b");
    cli.run("export /none")
        .fails(3, "/none: there is no such file");
    cli.run("export /none/*").prints("");
    cli.run("export --as yaml /a")
        .prints("a:\n  b:\n    x: \"1\"\n    \"y\": \"2\"\n  z: \"3\"\n");
    cli.run("export --as nope")
        .fails(2, "there is no format \"nope\"");
    cli.run("export --as folder")
        .fails(2, "a folder needs a name");
    cli.run("export -f tree.txt").fails(2, "Try: --as jsonl");
    let yaml = "x: 1\ny: {z: 2}\n";
    cli.run_with("import --as yaml --at /c/d", yaml)
        .prints(&counts(2, 0, 0));
    assert_eq!(files(&cli), "/a/b/x=1 /a/b/y=2 /a/z=3 /c/d/x=1 /c/d/y/z=2");
    cli.run("export /ctl/name")
        .ends(0)
        .shows("\"value\":\"local\"");
    cli.run("export --ctl").ends(0).shows("\"/ctl/name\"");
}

#[test]
fn import_begins_nothing_where_other_values_are_there() {
    let cli = Cli::new();
    put(&cli, "/a=1 /d/b=2");
    let before = rev(&cli);
    let import = |document: &str| cli.run_with("import", document);
    let other = "{\"path\":\"/a\",\"value\":\"9\"}\n{\"path\":\"/new\",\"value\":\"9\"}\n";
    import(other).fails(1, "/a is there with another value (rev {1})\nTry: --force");
    import("{\"path\":\"/d\",\"value\":\"9\"}").fails(1, "/d is a directory");
    import("{\"path\":\"/a/x\",\"value\":\"9\"}").fails(1, "/a is a file");
    import("{\"path\":\"/n\",\"value\":\"\"}\nnonsense").fails(2, "standard input: line 2");
    cli.run("import -f none.toml")
        .fails(2, "cannot open none.toml");
    let ctl = import("{\"path\":\"/ctl/name\",\"value\":\"x\"}");
    ctl.ends(0).says("1 files of /ctl").shows(&counts(0, 0, 0));
    assert_eq!((rev(&cli), files(&cli)), (before, "/a=1 /d/b=2".to_owned()));
    cli.run_with("import --force", other)
        .prints(&counts(2, 0, 0));
    assert_eq!(files(&cli), "/a=9 /d/b=2 /new=9");
}

#[test]
fn apply_sets_what_differs_and_nothing_else() {
    let cli = Cli::new();
    put(&cli, "/db/host=old /db/port=8046 /db/extra=1 /other/x=1");
    cli.file(
        "new.toml",
        "[db]\nhost = 'new'\nport = 8046\nuser = \"me\"\n",
    );
    let diff = "~ /db/host (rev {1})\n    -old\n    +new\n+ /db/user\n    +me\n";
    let extra = "- /db/extra (rev {3})\n    -1\n";
    let to_do = "2 to set, 0 to delete, 1 the same\n";
    let shown = cli.run("diff -f new.toml");
    shown.ends(9).shows(diff).says(to_do);
    cli.run("diff -f new.toml --prune")
        .ends(9)
        .shows(&format!("{extra}{diff}"));
    cli.run("apply -f new.toml --dry-run")
        .prints(&format!("{diff}{to_do}"));
    cli.run("rev").prints("{4}\n");
    cli.run("apply -f new.toml")
        .prints(&format!("{diff}{}", counts(2, 0, 1)));
    cli.run("apply -f new.toml").prints(&counts(0, 0, 3));
    cli.run("diff -f new.toml").prints("");
    cli.run("rev").prints("{6}\n");
    assert_eq!(
        files(&cli),
        "/db/extra=1 /db/host=new /db/port=8046 /db/user=me /other/x=1"
    );
    let pruned = format!("{extra}{}", counts(0, 1, 3));
    cli.run("apply -f new.toml --prune --atomic-check")
        .prints(&pruned);
    cli.run("apply -f new.toml --prune -q")
        .prints(&counts(0, 0, 3));
    cli.run("apply")
        .fails(127, "use it as doozer apply -f FILE");
    cli.run("rev").prints("{7}\n");
    assert_eq!(
        files(&cli),
        "/db/host=new /db/port=8046 /db/user=me /other/x=1"
    );
}

#[test]
fn what_apply_changes_is_told_to_programs_too() {
    let cli = Cli::new();
    put(&cli, "/a=1");
    cli.file("a.yaml", "a: 2\nb: 3\n");
    let changes = cli.run("apply -f a.yaml --dry-run -o json").json();
    assert_eq!(
        changes,
        serde_json::json!([
            {
                "path": "/a", "action": "change", "rev": rev(&cli),
                "old": "1", "old_encoding": "utf-8", "value": "2", "encoding": "utf-8",
            },
            { "path": "/b", "action": "add", "rev": 0, "value": "3", "encoding": "utf-8" },
        ])
    );
    let counts = cli.run("import --force -f a.yaml -o json").json();
    assert_eq!(
        counts,
        serde_json::json!({ "set": 2, "deleted": 0, "same": 0 })
    );
}

#[test]
fn apply_makes_room_for_files_and_directories_with_prune_alone() {
    let cli = Cli::new();
    put(&cli, "/t/a=1 /t/d/x=1 /t/d/y=1");
    cli.file("t.yaml", "t: {a: {b: 2}, d: 3}\n");
    let before = files(&cli);
    cli.run("apply -f t.yaml")
        .fails(1, "--prune deletes what is in the way");
    assert_eq!(files(&cli), before);
    cli.run("apply -f t.yaml --prune -q")
        .prints(&counts(2, 3, 0));
    assert_eq!(files(&cli), "/t/a/b=2 /t/d=3");
}

#[test]
fn the_server_s_own_files_are_left_alone_unless_they_are_asked_for() {
    let cli = Cli::new();
    cli.file("ctl.yaml", "ctl: {name: other, mine: 1}\na: 1\n");
    let applied = cli.run("apply -f ctl.yaml -q");
    applied
        .ends(0)
        .says("2 files of /ctl")
        .shows(&counts(1, 0, 0));
    cli.run("apply -f ctl.yaml -q --prune")
        .ends(0)
        .shows(&counts(0, 0, 1));
    cli.run("rm -r --force /ctl/cal")
        .fails(2, "/ctl/cal belongs to the server");
    cli.run("cp /a /ctl/mine")
        .fails(2, "--ctl if that is meant");
    cli.run("get /ctl/name").prints("local");
    cli.run("get /ctl/mine").prints("");
    cli.run("cp --ctl /a /ctl/mine").prints(&counts(1, 0, 0));
    cli.run("rm --ctl --force /ctl/mine")
        .prints(&counts(0, 1, 0));
}

#[test]
fn files_and_trees_are_compared_at_revisions() {
    let cli = Cli::new();
    put(&cli, "/t/a=1 /t/b=1 /t/a=2 /u/a=2 /u/b=3");
    let check = |line: &str, expected: &str| {
        cli.run(line).ends(9).shows(expected).hides("Error");
    };
    check("diff /t/a@{2} /t/a", "~ /t/a (rev {1})\n    -1\n    +2\n");
    check("diff /t /u", "~ /u/b (rev {2})\n    -1\n    +3\n");
    check("diff /u@{2} /u/b", "+ /u/b\n    +3\n");
    check("diff /u/b /u/b@{2}", "- /u/b (rev {5})\n    -3\n");
    cli.run("diff /t@{2} /t@{2}").prints("");
    cli.run("diff /none /none")
        .fails(3, "/none: there is no such file");
    cli.run("diff /t").fails(
        127,
        "use it as doozer diff -f FILE, or diff PATH@REV PATH@REV",
    );
    cli.run("diff /t@x /t").fails(127, "PATH@REV is wanted");
}

#[test]
fn files_and_trees_are_copied_and_moved() {
    let cli = Cli::new();
    put(&cli, "/a/x=1 /a/d/y=2 /f=3");
    cli.run("cp /f /g").prints(&counts(1, 0, 0));
    cli.run("cp /f /g").prints(&counts(0, 0, 1));
    cli.run("cp /a/x /g")
        .fails(1, "/g is there with another value");
    cli.run("cp /a /b").prints(&counts(2, 0, 0));
    cli.run("cp /a /b/").prints(&counts(2, 0, 0));
    cli.run("cp /none /x")
        .fails(3, "/none: there is no such file");
    cli.run("mv /a /a/b").fails(2, "one lies in the other");
    cli.run("mv /a /a").fails(2, "one lies in the other");
    cli.run("mv -r 1 /a /z").fails(2, "cp copies it");
    cli.run("mv /b/a /c").prints(&counts(2, 2, 0));
    cli.run("mv --force /f /g").prints(&counts(0, 1, 1));
    let expected = "/a/d/y=2 /a/x=1 /b/d/y=2 /b/x=1 /c/d/y=2 /c/x=1 /g=3";
    assert_eq!(files(&cli), expected);
}

#[test]
fn trees_go_from_one_cluster_to_another() {
    let (here, there) = (Cli::new(), Cli::new());
    put(&here, "/a/x=1 /a/y=2");
    let (addr, own) = (there.server().addr(), here.server().addr());
    here.run(&format!("cp /a doozer:?ca={addr}:/a"))
        .prints(&counts(2, 0, 0));
    here.run(&format!("mv {addr}:/a {addr}:/b"))
        .prints(&counts(2, 2, 0));
    here.run(&format!("mv {addr}:/b /b"))
        .prints(&counts(2, 2, 0));
    assert_eq!(files(&here), "/a/x=1 /a/y=2 /b/x=1 /b/y=2");
    assert_eq!(files(&there), "");
    let profile = format!("[profile.there]\naddresses = [\"{addr}\"]\n");
    here.file(".config/doozer/config.toml", profile);
    here.run("cp /a there:/c").prints(&counts(2, 0, 0));
    assert_eq!(files(&there), "/c/x=1 /c/y=2");
    // The same cluster under another name.
    here.run(&format!("mv /a {own}:/a"))
        .fails(2, "one lies in the other");
}

#[test]
fn what_is_deleted_is_asked_for() {
    let cli = Cli::new();
    put(&cli, "/a/x=1 /a/y=2 /f=3");
    cli.run("rm /f")
        .fails(2, "Nobody can be asked here: pass --force");
    cli.run("rm --force /a")
        .fails(2, "/a is a directory: -r deletes all");
    cli.run("rm --force /none").prints(&counts(0, 0, 0));
    cli.run("rm /none").fails(3, "/none: there is no such file");
    cli.run("rm --force -r /a /a/x /f").prints(&counts(0, 3, 0));
    assert_eq!(files(&cli), "");
}

#[test]
fn a_tree_is_drawn() {
    let cli = Cli::new();
    put(&cli, "/a/b/c=1 /a/d=2 /e=3");
    cli.run("tree")
        .prints("/\n├── a/\n│   ├── b/\n│   │   └── c\n│   └── d\n└── e\n");
    cli.run("tree --depth 1").prints("/\n├── a/\n└── e\n");
    cli.run("tree /a/b").prints("/a/b\n└── c\n");
    cli.run("tree /e").prints("/e\n");
    cli.run("tree -r {1} /a -o jsonl").prints(
        "{\"path\":\"/a/b\",\"directory\":true}\n{\"path\":\"/a/b/c\",\"directory\":false}\n",
    );
    cli.run("tree /none")
        .fails(3, "/none: there is no such file");
    cli.run("tree /ctl").ends(0).shows("└── ns/");
}

#[test]
fn ten_thousand_files_go_in_and_out_and_a_second_time_change_nothing() {
    let cli = Cli::new();
    cli.file("many.jsonl", many(MANY, "first"));
    cli.run("import -f many.jsonl").prints(&counts(MANY, 0, 0));
    let before = rev(&cli);
    let same = counts(0, 0, MANY);
    cli.run("import -f many.jsonl").prints(&same);
    cli.run("apply -f many.jsonl --prune --atomic-check")
        .prints(&same);
    for name in ["out.jsonl", "out.yaml", "out.toml", "out/"] {
        cli.run(&format!("export -f {name}")).ends(0);
        cli.run(&format!("apply -f {name} --prune")).prints(&same);
    }
    assert_eq!(rev(&cli), before);
    cli.run("cp /many /copy").prints(&counts(MANY, 0, 0));
    cli.run("mv /copy /moved").prints(&counts(MANY, MANY, 0));
    cli.run("diff /many /moved").prints("");
    cli.run("rm -r --force /moved").prints(&counts(0, MANY, 0));
}

/// Starts `line`, and waits until it has made more than `revs` revisions.
fn begun(cli: &Cli, line: &str, revs: i64) -> Running {
    let from = rev(cli);
    let running = cli.start(line);
    wait::until("the command is in the middle", BEGINS_WITHIN, || {
        rev(cli) > from + revs
    });
    running
}

/// Ends `running` the hard way, before it is done.
#[track_caller]
fn kill(running: Running) {
    running.signal(Signal::KILL);
    let ran = running.end();
    assert_eq!(ran.code, None, "it was done before it was killed: {ran:?}");
}

/// Stops `running`, sets files, and lets it go on.
fn meanwhile(cli: &Cli, running: Running, files: &str) -> Ran {
    running.signal(Signal::STOP);
    put(cli, files);
    running.signal(Signal::CONT);
    running.end()
}

#[test]
fn apply_killed_in_the_middle_and_run_again_ends_in_the_same_state() {
    let cli = Cli::new();
    let mut random = Random::from_clock();
    cli.file("first.jsonl", many(MANY, "first"));
    cli.run("import -f first.jsonl").ends(0);
    // Half of the files get another value, a directory gives way to a file, all others go.
    let second = many(MANY / 2, "second") + "{\"path\":\"/many/d60\",\"value\":\"a file\"}\n";
    cli.file("second.jsonl", second);
    for _ in 0..3 {
        let revs = i64::try_from(random.below(1500)).expect("a small number");
        kill(begun(&cli, "apply -f second.jsonl --prune -q", revs));
        // What the document has and the store had is there at all times.
        for n in 0..50 {
            assert_eq!(count(&cli, &format!("/many/d{n}")), 100);
        }
    }
    cli.run("apply -f second.jsonl --prune -q --atomic-check")
        .ends(0);
    let before = rev(&cli);
    cli.run("apply -f second.jsonl --prune")
        .prints(&counts(0, 0, MANY / 2 + 1));
    assert_eq!(rev(&cli), before);
    assert_eq!(print(&cli, "export").lines().count(), MANY / 2 + 1);
}

#[test]
fn apply_goes_on_when_the_server_dies_and_comes_back() {
    let mut cli = Cli::new();
    cli.file("many.jsonl", many(MANY, "first"));
    let running = begun(&cli, "apply -f many.jsonl -q", 500);
    cli.server_mut().kill9();
    cli.server_mut().start_again();
    running.end().prints(&counts(MANY, 0, 0));
    cli.run("apply -f many.jsonl").prints(&counts(0, 0, MANY));
}

#[test]
fn what_somebody_else_changes_meanwhile_is_left_alone_and_named() {
    let cli = Cli::new();
    cli.file("first.jsonl", many(MANY, "first"));
    cli.run("import -f first.jsonl").ends(0);
    cli.file("second.jsonl", many(MANY, "second"));
    let running = begun(&cli, "apply -f second.jsonl -q", 100);
    // The last file in the order of bytes.
    let ran = meanwhile(&cli, running, "/many/d99/f9999=mine");
    ran.fails(1, "REV_MISMATCH: /many/d99/f9999 was at rev");
    ran.says(&format!("{} set", MANY - 1));
    cli.run("get /many/d99/f9999").prints("mine");
    cli.run("get /many/d99/f9998").prints("second 9998");
}

#[test]
fn atomic_check_changes_nothing_once_a_file_has_changed() {
    let cli = Cli::new();
    cli.file("first.jsonl", many(MANY, "first"));
    cli.run("import first.jsonl").ends(0);
    cli.file("second.jsonl", many(MANY, "second"));
    let line = "apply -f second.jsonl --atomic-check";
    let mut child = cli.command(line).spawn().expect("doozer can be executed");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    // What differs is more than a pipe holds: it has been read, and nothing is set, as long as
    // nobody reads on.
    stdout.read_line(&mut String::new()).expect("a line");
    put(&cli, "/many/d99/f9999=mine");
    let before = rev(&cli);
    stdout
        .read_to_string(&mut String::new())
        .expect("all lines");
    let ended = child.wait_with_output().expect("the end of a child");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("nothing was changed: "), "{told}");
    assert!(told.contains("/many/d99/f9999 was at rev"), "{told}");
    assert_eq!(rev(&cli), before);
}

#[test]
fn a_value_that_is_newer_than_its_copy_is_not_moved_away() {
    let cli = Cli::new();
    cli.file("many.jsonl", many(MANY, "first"));
    cli.run("import -f many.jsonl").ends(0);
    let running = begun(&cli, "mv /many /moved", 100);
    let ran = meanwhile(&cli, running, "/many/d99/f9999=newer");
    ran.fails(1, "not all of the source is deleted: ");
    cli.run("get /many/d99/f9999").prints("newer");
    cli.run("get /moved/d99/f9999").prints("first 9999");
    assert_eq!(print(&cli, "export /many").lines().count(), 1);
    assert_eq!(print(&cli, "export /moved").lines().count(), MANY);
}

/// Paths and values of an export.
fn contents(export: &str) -> Vec<String> {
    let file = |line: &str| {
        let file: serde_json::Value = serde_json::from_str(line).expect("JSON");
        format!("{} {}", file["path"], file["value"])
    };
    export.lines().map(file).collect()
}

#[test]
fn a_move_that_was_killed_goes_on() {
    let cli = Cli::new();
    cli.file("many.jsonl", many(MANY, "first"));
    cli.run("import -f many.jsonl").ends(0);
    let whole = contents(&print(&cli, "export --at /many"));
    // In the copying, then in the deleting.
    for revs in [2000, 10_000] {
        kill(begun(&cli, "mv /many /moved", revs));
    }
    cli.run("mv /many /moved").ends(0);
    assert_eq!(contents(&print(&cli, "export --at /moved")), whole);
    assert_eq!(count(&cli, "/many"), 0);
}
