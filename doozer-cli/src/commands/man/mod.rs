//! `man [COMMAND]`: prints man pages, made from the table of commands.

mod roff;

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::help::{TOPICS, Topic, topic};
use super::{Call, Command, shown};
use crate::args::{Flag, OPTIONS};
use crate::failure::STATUSES;
use roff::Page;

pub(super) const COMMAND: Command = Command {
    name: "man",
    arguments: &["[COMMAND...]"],
    summary: "Print a man page, or write them all",
    details: "Without a command, the page of the program: `doozer man | man -l -`. With --dir, all pages are
written there: `doozer man --dir ~/.local/share/man/man1`.",
    options: &[Flag {
        name: "dir",
        value: Some("FOLDER"),
        help: "Write all pages into this folder, which is made if it is missing",
    }],
    formats: false,
    run: |mut call| Box::pin(async move { run(&mut call) }),
};

fn run(call: &mut Call<'_>) -> anyhow::Result<()> {
    if let Some(folder) = call.invocation.flags.text("dir") {
        return write_all(Path::new(folder));
    }
    let page = match topic(&call.invocation.words)? {
        Topic::Command(command) => page_of(command),
        Topic::All | Topic::Group(_) | Topic::Text(_) => page_of_program(),
    };
    Ok(call.output.bytes(page.as_bytes())?)
}

fn write_all(folder: &Path) -> anyhow::Result<()> {
    let told = || format!("cannot write into {}", folder.display());
    fs::create_dir_all(folder).with_context(told)?;
    fs::write(folder.join("doozer.1"), page_of_program()).with_context(told)?;
    for command in shown() {
        let name = format!("{}.1", page_name(command));
        fs::write(folder.join(name), page_of(command)).with_context(told)?;
    }
    Ok(())
}

fn page_name(command: &Command) -> String {
    format!("doozer-{}", command.name.replace(' ', "-"))
}

fn page_of_program() -> String {
    let mut page = Page::new("doozer", "read and write a Doozer store from a shell");
    page.section("Synopsis");
    page.bold("doozer").plain(" [OPTIONS] COMMAND [ARGUMENTS]");
    page.section("Description");
    page.text("Doozer is a small, consistent store of files, kept by several machines. Each command has a page of its own: doozer-get(1) for doozer get.");
    page.section("Commands");
    for command in shown() {
        page.item(&command.usage(), &format!("{}.", command.summary));
    }
    options(&mut page, "Options", OPTIONS);
    page.section("Exit status");
    for (status, meaning) in STATUSES {
        page.item(&status.to_string(), meaning);
    }
    for topic in TOPICS.iter().filter(|topic| topic.name != "exit-codes") {
        page.section(topic.name);
        page.as_it_is(&(topic.write)());
    }
    page.end()
}

fn page_of(command: &Command) -> String {
    let mut page = Page::new(&page_name(command), command.summary);
    page.section("Synopsis");
    let usage = command.usage();
    page.bold("doozer").plain(&format!(" [OPTIONS] {usage}"));
    page.section("Description");
    page.text(&format!("{}.", command.summary));
    page.text(command.details);
    if !command.options.is_empty() {
        options(&mut page, "Options", command.options);
    }
    options(&mut page, "Options of every command", OPTIONS);
    page.section("See also");
    page.bold("doozer").plain("(1)");
    page.end()
}

fn options(page: &mut Page, title: &str, options: &[Flag]) {
    page.section(title);
    for flag in options {
        let value = flag.value.map(|value| format!(" {value}"));
        let typed = flag.hyphened() + &value.unwrap_or_default();
        page.item(&typed, &format!("{}.", flag.help));
    }
}
