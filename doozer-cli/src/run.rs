//! The one way in which the program, a shell and a script run a command line.

use std::time::Duration;

use crate::args::{self, Invocation, Meaning};
use crate::commands::{self, Call, Command};
use crate::failure::{self, TimedOut};
use crate::input::Input;
use crate::output::{Format, Output};
use crate::session::Session;

/// Does what the command line `words` asks for.
pub(crate) async fn execute(
    session: &Session,
    words: Vec<String>,
    input: &mut Input,
    output: &mut Output,
) -> anyhow::Result<()> {
    match args::read(words)? {
        Meaning::Version => output.line(format_args!("doozer {}", env!("CARGO_PKG_VERSION")))?,
        Meaning::Help(topic) => commands::print_help(&topic, output)?,
        Meaning::Run(invocation) => run(session, &invocation, input, output).await?,
    }
    Ok(())
}

/// Whether `words` are a right command line, without running it; the command that they call.
pub(crate) fn check(words: &[String]) -> anyhow::Result<&'static Command> {
    match args::read(words.to_vec())? {
        Meaning::Version | Meaning::Help(_) => Ok(&commands::HELP),
        Meaning::Run(invocation) => Ok(invocation.command),
    }
}

async fn run(
    session: &Session,
    invocation: &Invocation,
    input: &mut Input,
    output: &mut Output,
) -> anyhow::Result<()> {
    let session = &session.of_line(invocation);
    output.begin(invocation.format.unwrap_or(Format::Text));
    let running = (invocation.command.run)(Call {
        session,
        invocation,
        input,
        output,
    });
    let done = match invocation.timeout {
        None => running.await,
        Some(limit) => match tokio::time::timeout(limit, running).await {
            Ok(done) => done,
            Err(_elapsed) => Err(timed_out(session, invocation, limit)),
        },
    };
    // What was found before something failed is printed before it is told.
    let ended = output.end(done.is_ok()).map_err(anyhow::Error::from);
    done.map_err(|error| told(session, invocation, error))
        .and(ended)
}

fn timed_out(session: &Session, invocation: &Invocation, limit: Duration) -> anyhow::Error {
    let error = anyhow::Error::from(TimedOut(limit)).context(invocation.to_string());
    match session.connected() {
        Some(server) => server.at(error),
        None => error,
    }
}

/// Adds to an error what only the whole line knows.
fn told(session: &Session, invocation: &Invocation, error: anyhow::Error) -> anyhow::Error {
    let error = match session.connected() {
        Some(server) => server.name_in(error),
        None => error,
    };
    if invocation.command.is_original() {
        failure::of_original(error)
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Environment;

    /// What running `line` prints, or why it fails.
    async fn run_line(line: &str) -> Result<String, String> {
        let session = Session::new(Environment::default());
        let mut output = Output::captured();
        let words = line.split_whitespace().map(str::to_owned).collect();
        let done = execute(&session, words, &mut Input::none(), &mut output).await;
        let printed = String::from_utf8(output.take()).unwrap();
        done.map(|()| printed)
            .map_err(|error| failure::reason(&error))
    }

    #[tokio::test]
    async fn a_line_is_run_and_what_it_prints_is_kept() {
        let help = run_line("help nop").await.unwrap();
        assert!(help.starts_with("Usage: doozer [OPTIONS] nop\n"), "{help}");
        assert_eq!(run_line("nop -h").await.unwrap(), help);
        let version = concat!("doozer ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(run_line("-v").await.unwrap(), version);
    }

    #[tokio::test]
    async fn a_line_that_fails_says_where_and_why() {
        let error = run_line("-a 127.0.0.1:1 get /x").await.unwrap_err();
        assert!(
            error.starts_with("get /x: cannot connect to 127.0.0.1:1: "),
            "{error}"
        );
    }

    fn check_line(line: &str) -> Result<&'static str, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let checked = check(&words).map(|command| command.name);
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_is_checked_without_being_run() {
        assert_eq!(check_line("get /x -o json"), Ok("get"));
        assert_eq!(check_line("profile use x"), Ok("profile use"));
        assert_eq!(check_line("get -h"), Ok("help"));
        for line in [
            "get",
            "get /x --nope",
            "set /x one",
            "frob",
            "nop -o json",
            "",
        ] {
            assert!(check_line(line).is_err(), "{line}");
        }
    }
}
