//! The `doozerd` command.

use std::io::Write;
use std::process::ExitCode;

use doozerd::args::{self, Config, Parsed};

/// Wrong usage: a flag or a value.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    match args::from_process() {
        Ok(Parsed::Run(config)) => serve(*config),
        Ok(Parsed::Help(text) | Parsed::Version(text)) => {
            let written = writeln!(std::io::stdout(), "{text}");
            if written.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            complain(&error);
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn serve(config: Config) -> ExitCode {
    let served = doozerd::log::init(&config.log)
        .map_err(anyhow::Error::from)
        .and_then(|_log| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(doozerd::node::run(config))
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// One line to standard error; if that is gone too, there is nobody left to tell.
fn complain(what: &dyn std::fmt::Display) {
    drop(writeln!(std::io::stderr(), "doozerd: {what}"));
}
