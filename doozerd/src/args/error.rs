//! What is wrong with a command line, in one line.

use thiserror::Error;

/// Why the server cannot be started as asked. Its text is one line, without the program's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UsageError {
    /// No flag has this name.
    #[error("unknown flag {typed}{}; -h lists them all", did_you_mean(nearest.as_deref()))]
    UnknownFlag {
        /// As typed, with control characters made visible.
        typed: String,
        /// The flag that was probably meant.
        nearest: Option<String>,
    },
    /// Dashes, and then no name.
    #[error("{0} is no flag: a name follows the dashes")]
    NoName(String),
    /// The last word is a flag, and its value is missing.
    #[error("{flag} needs a value: {allowed}")]
    NeedsValue {
        /// The flag.
        flag: String,
        /// What it takes.
        allowed: String,
    },
    /// A word that belongs to no flag.
    #[error("unexpected argument {0}: only flags are taken")]
    Argument(String),
    /// A value that its flag or variable does not take.
    #[error("{origin}: {value} is not {allowed}")]
    Value {
        /// The flag or the variable.
        origin: String,
        /// As typed, quoted, with control characters made visible.
        value: String,
        /// What is taken.
        allowed: String,
    },
    /// One of two flags that go together.
    #[error("{given} needs {missing} as well")]
    Pair {
        /// The flag that was given.
        given: String,
        /// The flag that was not.
        missing: String,
    },
    /// A frame could not hold the largest value.
    #[error(
        "--frame-bytes-max: {frame_bytes} is too small for a value of --value-bytes-max \
         {value_bytes}; at least {least} is needed"
    )]
    FrameTooSmall {
        /// The limit of a frame.
        frame_bytes: u64,
        /// The limit of a value.
        value_bytes: u64,
        /// The least limit of a frame that goes with it.
        least: u64,
    },
}

impl UsageError {
    /// The status that the process ends with.
    pub const EXIT_CODE: u8 = 2;
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |flag| format!(" (did you mean {flag}?)"))
}
