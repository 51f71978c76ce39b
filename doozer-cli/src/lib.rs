//! The `doozer` command: reads and writes a Doozer store from a shell.

mod args;
mod bench;
mod commands;
mod failure;
mod output;
mod server;

use std::process::ExitCode;

use args::{Environment, Invocation, Meaning};
use commands::Run;
use output::Output;
use server::Server;

/// Does what the command line of this program asks for.
pub fn run() -> ExitCode {
    let mut output = Output::of_program();
    let done = attempt(&mut output);
    // What was found before something failed is printed before it is told.
    let flushed = output.flush().map_err(anyhow::Error::from);
    match done.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::tell(&error),
    }
}

fn attempt(output: &mut Output) -> anyhow::Result<()> {
    match args::read(args::typed(), &Environment::of_program())? {
        Meaning::Version => output.line(format_args!("doozer {}", env!("CARGO_PKG_VERSION")))?,
        Meaning::Help(command) => commands::print_help(command, output)?,
        Meaning::Run(invocation) => run_command(&invocation, output)?,
    }
    Ok(())
}

fn run_command(invocation: &Invocation, output: &mut Output) -> anyhow::Result<()> {
    let run = match invocation.command.run {
        Run::Alone(run) => return run(invocation, output),
        Run::OnServer(run) => run,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::connect(invocation).await?;
        let done = run(&server, invocation, output).await;
        done.map_err(|error| server.name_in(error))
    })
}
