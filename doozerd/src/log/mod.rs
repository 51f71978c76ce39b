//! Writes events to standard error, one a line.

mod filter;
mod throttle;

pub use filter::Filter;
pub use throttle::Throttle;

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, reload};

/// What is logged, and how it looks.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// What is logged.
    pub filter: Filter,
    /// How a line looks.
    pub format: Format,
    /// Whether a terminal may be given colours.
    pub colour: bool,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Time, level, message, fields.
    Text,
    /// A JSON object with `timestamp`, `level`, `message` and every field.
    Json,
}

/// Why the log cannot be set up or changed.
#[derive(Debug, Error)]
pub enum LogError {
    /// Something else in this process takes events already.
    #[error("cannot set up the log: another one is set up already")]
    Taken(#[from] tracing::subscriber::SetGlobalDefaultError),
    /// The log is gone.
    #[error("cannot change what is logged")]
    Reload(#[from] reload::Error),
}

/// Changes what is logged while the program runs.
#[derive(Debug, Clone)]
pub struct LogHandle {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LogHandle {
    /// Logs what `filter` says from now on.
    pub fn set(&self, filter: &Filter) -> Result<(), LogError> {
        Ok(self.filter.reload(filter.directives())?)
    }
}

/// Sends all events of this process to standard error.
pub fn init(config: &LogConfig) -> Result<LogHandle, LogError> {
    let colour = config.colour && io::stderr().is_terminal();
    let (subscriber, handle) = subscriber(config, colour, io::stderr);
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(handle)
}

fn subscriber<W>(
    config: &LogConfig,
    colour: bool,
    writer: W,
) -> (impl Subscriber + Send + Sync + 'static, LogHandle)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(config.filter.directives());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_target(false);
    let lines = match config.format {
        Format::Text => lines.compact().with_ansi(colour).boxed(),
        Format::Json => {
            let json = lines.json().flatten_event(true);
            json.with_current_span(false).with_span_list(false).boxed()
        }
    };
    let subscriber = Registry::default().with(filter).with(lines);
    (subscriber, LogHandle { filter: handle })
}

#[cfg(test)]
mod tests;
