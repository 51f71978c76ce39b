//! `replay --target HOST:PORT [--script NAME]…`: plays the recorded scripts to a running server.
//!
//! It writes files into that server, which must hold nothing but /ctl, and deletes them. A script that needs
//! the server started with a secret or a flag is named and left out, unless asked for by name. The server
//! should have been started with `-pulse 1000000`, as every script's was: a pulse takes revisions.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use compat_tests::replay::{self, Outcome};
use compat_tests::script::{self, Script};

const USAGE: &str = "usage: replay --target HOST:PORT [--script NAME]...";

/// What most often makes a right server's revisions differ.
const PULSE_HINT: &str = "every script was recorded with -pulse 1000000: a server that pulses more \
                          often makes revisions of its own, and answers with others";

/// Flags that change nothing in a script's answers but for revisions of the server's own.
const HARMLESS_FLAGS: [&str; 2] = ["-pulse", "1000000"];

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("replay: {error}"));
            ExitCode::from(2)
        }
    }
}

/// True if every answer was as recorded.
fn run() -> io::Result<bool> {
    let Some((target, wanted)) = arguments() else {
        return Err(io::Error::other(USAGE));
    };
    let scripts = script::all();
    if let Some(name) = wanted
        .iter()
        .find(|name| scripts.iter().all(|s| s.name != **name))
    {
        return Err(io::Error::other(format!("there is no script {name}")));
    }
    let mut total = Outcome::default();
    let mut skipped = 0;
    for script in &scripts {
        if wanted.is_empty() && needs_more(script) {
            say(&format!(
                "{}: left out, needs a server started with{}",
                script.name,
                needs(script)
            ));
            skipped += 1;
        } else if wanted.is_empty() || wanted.contains(&script.name) {
            if !replay::is_empty(script, &target)? {
                return Err(io::Error::other(format!(
                    "{}: {target} cannot be read, or holds more than /ctl: start it empty{}",
                    script.name,
                    needs(script)
                )));
            }
            let outcome = replay::play(script, &target)?;
            replay::clear(script, &target)?;
            report(script, &outcome);
            total.compared += outcome.compared;
            total.differences.extend(outcome.differences);
        }
    }
    let failed = total.differences.len();
    say(&format!(
        "{} answers as recorded, {failed} not",
        total.compared - failed
    ));
    if skipped > 0 {
        say(&format!(
            "{skipped} scripts left out: run them by name against a server started so"
        ));
    }
    if failed > 0 {
        say(PULSE_HINT);
    }
    Ok(failed == 0)
}

fn report(script: &Script, outcome: &Outcome) {
    for difference in &outcome.differences {
        say(&difference.to_string());
    }
    let good = outcome.compared - outcome.differences.len();
    say(&format!(
        "{}: {good} of {} answers as recorded",
        script.name, outcome.compared
    ));
}

fn needs_more(script: &Script) -> bool {
    !script.env.is_empty() || script.flags != HARMLESS_FLAGS
}

fn needs(script: &Script) -> String {
    let env = script
        .env
        .iter()
        .map(|(name, value)| format!(" {name}={value}"));
    let flags = script.flags.iter().map(|flag| format!(" {flag}"));
    env.chain(flags).collect()
}

/// The target and the scripts asked for.
fn arguments() -> Option<(String, Vec<String>)> {
    let mut target = None;
    let mut wanted = Vec::new();
    let mut arguments = env::args().skip(1);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--target" => target = Some(arguments.next()?),
            "--script" => wanted.push(arguments.next()?),
            _ => return None,
        }
    }
    Some((target?, wanted))
}

fn say(line: &str) {
    // A reader who has gone away has read enough.
    drop(writeln!(io::stdout(), "{line}"));
}
