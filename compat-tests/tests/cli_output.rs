//! What commands print in each form (`-o`), where it goes, and what they read.

use compat_tests::cli::Cli;

#[test]
fn a_value_stands_inline_or_comes_from_a_file_or_standard_input() {
    let cli = Cli::new();
    cli.file("value", "from a file\n");
    cli.run("put /a 'two words'").prints("{1}\n");
    cli.run("get /a").prints("two words");
    cli.run("put /a @value").prints("{2}\n");
    cli.run("get /a").prints("from a file\n");
    cli.run_with("put /a -", "typed").prints("{3}\n");
    cli.run("get /a").prints("typed");
    cli.run("put /a @@home").prints("{4}\n");
    cli.run("get /a").prints("@home");
    cli.run("put relative/path -- -x").prints("{5}\n");
    cli.run("get /relative/path").prints("-x");
    cli.run("put /a @nothing")
        .fails(2, "cannot open nothing: No such file");
}

#[test]
fn one_thing_is_one_object() {
    let cli = Cli::new();
    cli.run("put /a hello -o json")
        .prints("{\"path\":\"/a\",\"rev\":{1}}\n");
    cli.run("get /a -o json")
        .prints("{\"path\":\"/a\",\"rev\":{1},\"value\":\"hello\",\"encoding\":\"utf-8\"}\n");
    cli.run("get /a -o yaml")
        .prints("path: /a\nrev: {1}\nvalue: hello\nencoding: utf-8\n");
    cli.run("stat /a -o json")
        .prints("{\"path\":\"/a\",\"directory\":false,\"rev\":{1},\"length\":5}\n");
    cli.run("rev -o json").prints("{\"rev\":{1}}\n");
    cli.run_with("set /a {1} -o yaml", "x")
        .prints("path: /a\nrev: {2}\n");
    cli.run_with("add /b -o jsonl", "x")
        .prints("{\"path\":\"/b\",\"rev\":{3}}\n");
    let id = cli.run("self").stdout;
    cli.run("self -o json")
        .prints(&format!("{{\"id\":\"{id}\"}}\n"));
    cli.run("wait -r {3} /b -o json").prints(
        "{\"path\":\"/b\",\"rev\":{3},\"event\":\"set\",\"value\":\"x\",\"encoding\":\"utf-8\"}\n",
    );
}

#[test]
fn what_is_found_is_a_list() {
    let cli = Cli::new();
    cli.run("put /t/a 1").prints("{1}\n");
    cli.run("put /t/b/c 22").prints("{2}\n");
    cli.run("walk /t/** -o json").prints(
        "[\n{\"path\":\"/t/a\",\"rev\":{1},\"value\":\"1\",\"encoding\":\"utf-8\"},\n\
         {\"path\":\"/t/b/c\",\"rev\":{2},\"value\":\"22\",\"encoding\":\"utf-8\"}\n]\n",
    );
    cli.run("find /t -o jsonl").prints(
        "{\"path\":\"/t\",\"directory\":true}\n{\"path\":\"/t/a\",\"directory\":false}\n\
         {\"path\":\"/t/b\",\"directory\":true}\n{\"path\":\"/t/b/c\",\"directory\":false}\n",
    );
    cli.run("find /t -o table")
        .prints("PATH    DIRECTORY\n/t      yes\n/t/a    no\n/t/b    yes\n/t/b/c  no\n");
    cli.run("walk /none/* -o json").prints("[]\n");
    cli.run("walk /none/* -o yaml").prints("[]\n");
    cli.run("walk /none/* -o jsonl").prints("");
}

#[test]
fn bytes_that_are_no_text_are_base64_and_say_so() {
    let cli = Cli::new();
    cli.run_with("set /b 0", b"\x00\xff").prints("{1}\n");
    let got = cli.run("get /b -o json").json();
    assert_eq!(
        (&got["value"], &got["encoding"]),
        (&"AP8=".into(), &"base64".into())
    );
    cli.run_with("set /b -1", b"\x1b[2J").prints("{2}\n");
    assert_eq!(cli.run("get /b -o json").json()["encoding"], "base64");
}

#[test]
fn watch_tells_each_event_at_once_in_every_form() {
    let cli = Cli::new();
    cli.run("put /w 1").prints("{1}\n");
    for form in ["text", "json", "jsonl", "yaml", "table"] {
        let watch = cli.run(&format!("watch /w -r {{1}} --timeout 500ms -o {form}"));
        watch.ends(5).shows("/w").says("not done within 500ms");
    }
}

#[test]
fn a_benchmark_has_forms_too() {
    let cli = Cli::new();
    let found = cli.run("bench get --secs 0.2 --keys 10 -o json").json();
    assert!(found["per_second"].as_f64() > Some(0.0), "{found}");
    assert!(
        found["p99_us"].as_i64() >= found["p50_us"].as_i64(),
        "{found}"
    );
    cli.run("bench get --secs 0.2 --keys 10 -o table")
        .ends(0)
        .shows("WORKLOAD  ADDRESS");
}

#[test]
fn a_form_that_there_is_none_of_is_told() {
    let cli = Cli::nowhere();
    cli.run("get /a -o xml")
        .fails(2, "text, json, jsonl, yaml or table is wanted");
    cli.run("nop -o json").fails(127, "there is no -o for it");
}

#[test]
fn options_of_every_command_stand_anywhere() {
    let cli = Cli::new();
    cli.run("-o json rev").prints("{\"rev\":{0}}\n");
    cli.run("rev --o=json").prints("{\"rev\":{0}}\n");
    cli.run("rev --tiemout 1s")
        .fails(2, "did you mean --timeout?");
    cli.run("wait -r {9} /x --timeout 100ms")
        .fails(5, "wait /x: not done within 100ms");
}
