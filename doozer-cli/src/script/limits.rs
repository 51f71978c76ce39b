//! What a script may be and ask for, and how its numbers and durations are read.

use std::time::Duration;

use anyhow::Context;

use crate::args::read_duration;
use crate::hold::TimeToLive;

/// The longest script: a longer one is no script, but something else by mistake.
pub(crate) const SCRIPT_BYTES_MAX: usize = 1 << 20;

/// How often `retry` tries at most: a day of it, one try a second.
const TRIES_MAX: u32 = 86_400;

/// How often `ensure` reads and compares anew when others write the same file.
pub(super) const ENSURE_TRIES_MAX: u32 = 32;

/// How many bytes `$(…)` takes: more is no value, but something else by mistake.
pub(super) const PRINTED_BYTES_MAX: usize = 16 << 20;

/// The most members that `wait-members` waits for; a cluster has no more slots than that.
const MEMBERS_MAX: usize = 32;

/// How long all `on-error` blocks may take together when the script's own time is over.
pub(super) const ON_ERROR_MAX: Duration = Duration::from_secs(30);

/// In `on-error`, the variable that holds what went wrong.
pub(super) const ERROR: &str = "error";

/// In `once` and `as-leader`, the variable that holds the revision at which the file was taken.
pub(super) const LOCK_REV: &str = "lock_rev";

/// Reads how often to try.
pub(super) fn tries(text: &str) -> anyhow::Result<u32> {
    number(text, TRIES_MAX as usize, "tries").map(|tries| u32::try_from(tries).unwrap_or(TRIES_MAX))
}

/// Reads a number of members.
pub(super) fn members(text: &str) -> anyhow::Result<usize> {
    number(text, MEMBERS_MAX, "members")
}

fn number(text: &str, max: usize, what: &str) -> anyhow::Result<usize> {
    let number = text.parse::<usize>().ok();
    let number = number.filter(|number| (1..=max).contains(number));
    number.with_context(|| format!("a number of {what} from 1 to {max} is wanted, not {text:?}"))
}

/// Reads a duration.
pub(super) fn duration(text: &str) -> anyhow::Result<Duration> {
    read_duration(text).with_context(|| format!("wrong duration {text:?}"))
}

/// Reads how long a holder may be silent.
pub(super) fn time_to_live(text: &str) -> anyhow::Result<TimeToLive> {
    TimeToLive::new(duration(text)?).with_context(|| format!("wrong time-to-live {text:?}"))
}

/// Whether a path may have the character `c`.
pub(super) fn is_in_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/')
}
