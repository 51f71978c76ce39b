//! What was typed and what the environment holds, turned into what the server shall do.
//!
//! Three stages: `typed` reads words into settings, `settings` lays the sources over each other
//! (the command line over the environment; a file would be a third layer), `resolve` gives them
//! meaning. What a flag is called, takes, allows and defaults to stands in `table` alone.

mod address;
mod config;
mod error;
mod help;
mod nearest;
mod resolve;
mod settings;
mod table;
mod typed;
mod value;

pub use config::{Config, DataDir, Limits, Secrets, TimingKind, TlsFiles, Web};
pub use error::UsageError;

use std::ffi::OsString;

use resolve::Surroundings;
use settings::Settings;

use crate::machine;

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// To serve, with these settings.
    Run(Box<Config>),
    /// To print this help on standard output, with status 0.
    Help(String),
    /// To print this line on standard output, with status 0.
    Version(String),
}

/// What this process was started with.
pub fn from_process() -> Result<Parsed, UsageError> {
    parse(std::env::args_os().skip(1), |name| std::env::var_os(name))
}

/// What `args` (without the program's name) and the variables that `env` gives ask for.
pub fn parse(
    args: impl Iterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Parsed, UsageError> {
    let typed = typed::read(args)?;
    if typed.help {
        return Ok(Parsed::Help(help::text()));
    }
    if typed.version {
        return Ok(Parsed::Version(help::version()));
    }
    let settings = typed.settings.over(Settings::from_environment(&env));
    let surroundings = Surroundings {
        read_write_secret: env(table::READ_WRITE_SECRET.name),
        read_only_secret: env(table::READ_ONLY_SECRET.name),
        peer_secret: env(table::PEER_SECRET.name),
        old_peer_secret: env(table::OLD_PEER_SECRET.name),
        no_colour: env(table::NO_COLOUR.name).is_some_and(|value| !value.is_empty()),
        memory_bytes: machine::memory_bytes(),
    };
    let config = resolve::config(&settings, surroundings)?;
    Ok(Parsed::Run(Box::new(config)))
}

#[cfg(test)]
mod tests;
