//! The `doozer` command: reads and writes a Doozer store from a shell.

mod args;
mod bench;
mod cluster;
mod commands;
mod complete;
mod config;
mod failure;
mod hold;
mod input;
mod ns;
mod output;
mod run;
mod script;
mod server;
mod session;
mod shell;
mod tree;
mod value;

use std::process::ExitCode;

use args::Environment;
use input::Input;
use output::Output;
use session::Session;

/// Does what the command line of this program asks for.
pub fn run() -> ExitCode {
    let words = match args::typed() {
        Ok(words) => words,
        Err(error) => return failure::tell(&error.into()),
    };
    if let Some(ended) = hold::child::play(&words) {
        return ended;
    }
    match attempt(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::tell(&error),
    }
}

fn attempt(words: Vec<String>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let session = Session::new(Environment::of_program());
    let mut output = Output::of_program(session.terminal());
    let mut input = Input::of_program();
    let done = runtime.block_on(run::execute(&session, words, &mut input, &mut output));
    // A thread that still reads standard input is not waited for.
    runtime.shutdown_background();
    let flushed = output.flush().map_err(anyhow::Error::from);
    done.and(flushed)
}
