//! `profile list|show|use|add`: the user's clusters, by name.

use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, bail};

use super::{Call, Command};
use crate::args::{Flag, Invocation};
use crate::config::Profile;
use crate::output::{Cell, Record};

pub(super) const LIST: Command = Command {
    name: "profile list",
    arguments: &[],
    summary: "Print the profiles, the default one marked",
    details: "`doozer help profiles` tells what they are.",
    options: &[],
    formats: true,
    run: |mut call| Box::pin(async move { list(&mut call) }),
};

pub(super) const SHOW: Command = Command {
    name: "profile show",
    arguments: &["[NAME]"],
    summary: "Print what a profile says, or the one that is in effect",
    details: "Of a secret, and of a command that prints one, only the kind is shown.",
    options: &[],
    formats: true,
    run: |mut call| Box::pin(async move { show(&mut call) }),
};

pub(super) const USE: Command = Command {
    name: "profile use",
    arguments: &["NAME"],
    summary: "Make a profile the one that is taken when none is named",
    details: "",
    options: &[],
    formats: false,
    run: |call| Box::pin(async { call.session.config()?.use_profile(call.invocation.word(0)) }),
};

pub(super) const ADD: Command = Command {
    name: "profile add",
    arguments: &["NAME", "[ADDRESS...]"],
    summary: "Add a profile, of addresses or of a name at a DzNS",
    details:
        "ADDRESS is HOST:PORT, or HOST. --tls, --cacert, --cert, --key and -b, for the DzNS, go into
the profile. The first profile becomes the default. A secret is never written down, only where
it is.",
    options: &[
        option("cluster", "NAME", "The cluster's name at the DzNS"),
        option("secret-file", "FILE", "The file that holds the secret"),
        option("secret-env", "VARIABLE", "The variable that holds it"),
        option("secret-command", "CMD", "The command line that prints it"),
    ],
    formats: false,
    run: |call| Box::pin(async move { add(&call) }),
};

const fn option(name: &'static str, value: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        value: Some(value),
        help,
    }
}

fn list(call: &mut Call<'_>) -> anyhow::Result<()> {
    let config = call.session.config()?;
    for (name, profile) in config.profiles() {
        let default = config.default_name() == Some(name);
        let place = profile.uri().to_string();
        if call.output.is_text() {
            let mark = if default { '*' } else { ' ' };
            call.output.line(format_args!("{mark} {name}  {place}"))?;
        } else {
            let record = Record::new().text("name", name).bool("default", default);
            call.output.record(&record.text("uri", place))?;
        }
    }
    Ok(())
}

fn show(call: &mut Call<'_>) -> anyhow::Result<()> {
    let in_effect = call.session.profile()?;
    let named = call.invocation.words.first().map(String::as_str);
    let name = named.or(in_effect.as_deref());
    let name = name.context("no profile is in effect, and none is named")?;
    let config = call.session.config()?;
    let record = record(name, config.named(name)?, config.folder());
    if !call.output.is_text() {
        return Ok(call.output.one(&record)?);
    }
    for (name, cell) in record.fields() {
        if let Cell::Text(text) = cell {
            call.output.line(format_args!("{name:9} {text}"))?;
        }
    }
    Ok(())
}

fn record(name: &str, profile: &Profile, folder: &Path) -> Record {
    let files = Profile::absolute(Some(profile), folder);
    let known = |text: Option<String>| text.map_or(Cell::Null, Cell::Text);
    let path = |path: Option<PathBuf>| known(path.map(|path| path.display().to_string()));
    let boot = profile.boot.as_ref().map(|boot| boot.0.to_string());
    let tls = profile
        .tls
        .map(|tls| if tls { "yes" } else { "no" }.to_owned());
    let secret = profile.secret.as_ref().map(ToString::to_string);
    Record::new()
        .text("name", name)
        .text("uri", profile.uri().to_string())
        .with("boot", known(boot))
        .with("tls", known(tls))
        .with("cacert", path(files.cacert))
        .with("cert", path(files.cert))
        .with("key", path(files.key))
        .with("secret", known(secret))
}

fn add(call: &Call<'_>) -> anyhow::Result<()> {
    let (config, invocation) = (call.session.config()?, call.invocation);
    let name = invocation.word(0);
    config.add_profile(name, &lines(invocation)?)?;
    let path = config.path()?.display();
    call.session.note(format_args!("{name} is in {path}"));
    Ok(())
}

/// The lines of TOML that the command line asks for.
fn lines(invocation: &Invocation) -> anyhow::Result<Vec<String>> {
    let (flags, target) = (&invocation.flags, &invocation.target);
    let mut lines = Vec::new();
    let addresses: Vec<String> = invocation.words[1..]
        .iter()
        .map(|word| quoted(word))
        .collect();
    if !addresses.is_empty() {
        lines.push(format!("addresses = [{}]", addresses.join(", ")));
    }
    let mut push = |key: &str, value: Option<&str>| {
        lines.extend(value.map(|value| format!("{key} = {}", quoted(value))));
    };
    push("name", flags.text("cluster"));
    push("boot", target.boot.as_deref());
    for (key, file) in [
        ("cacert", &target.cacert),
        ("cert", &target.cert),
        ("key", &target.key),
    ] {
        push(key, file.as_deref().map(whole).transpose()?.as_deref());
    }
    lines.extend(target.tls.map(|tls| format!("tls = {tls}")));
    lines.extend(secret(invocation)?);
    Ok(lines)
}

fn secret(invocation: &Invocation) -> anyhow::Result<Option<String>> {
    let given = |name| invocation.flags.text(name);
    let file = given("secret-file").map(whole).transpose()?;
    let sources = [
        ("file", file.as_deref()),
        ("env", given("secret-env")),
        ("command", given("secret-command")),
    ];
    let mut sources = sources
        .iter()
        .filter_map(|(kind, value)| Some((kind, (*value)?)));
    let source = sources.next();
    if sources.next().is_some() {
        bail!("a secret has one place: give one of --secret-file, --secret-env, --secret-command");
    }
    Ok(source.map(|(kind, value)| format!("secret = {{ {kind} = {} }}", quoted(value))))
}

/// A path that means the same wherever it is read.
fn whole(path: &str) -> anyhow::Result<String> {
    let absolute = absolute(path).with_context(|| format!("cannot tell where {path} is"))?;
    Ok(absolute.display().to_string())
}

/// A text as TOML has it: as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
