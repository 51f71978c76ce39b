//! What a benchmark is asked to do.

use std::time::Duration;

use crate::args::{FlagError, Flags, Invocation, UsageError, read_number};

/// Connections opened at most: as many as one address has ports for.
const CONNECTIONS_MAX: i64 = 60_000;
/// Requests in flight on a connection at most.
const DEPTH_MAX: i64 = 65_536;
/// Different files at most.
const KEYS_MAX: i64 = 1_000_000_000;
/// Bytes of a value at most: a frame holds hardly more.
const VALUE_BYTES_MAX: i64 = 1 << 30;
/// A day.
const SECONDS_MAX: f64 = 86_400.0;

/// The kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workload {
    /// GET of random keys.
    Get,
    /// SET of random keys.
    Set,
    /// 19 GET to a SET.
    Mixed,
    /// WALK of all keys, one after another.
    Walk,
    /// Every connection waits for one key, which is set again and again.
    Watch,
}

impl Workload {
    fn named(typed: &str) -> Result<Self, UsageError> {
        match typed {
            "get" => Ok(Self::Get),
            "set" => Ok(Self::Set),
            "mixed" => Ok(Self::Mixed),
            "walk" => Ok(Self::Walk),
            "watch" => Ok(Self::Watch),
            _ => Err(UsageError::Argument {
                typed: typed.to_owned(),
                wanted: "get, set, mixed, walk or watch",
            }),
        }
    }

    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Mixed => "mixed",
            Self::Walk => "walk",
            Self::Watch => "watch",
        }
    }

    /// What is counted.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Get | Self::Set | Self::Mixed => "ops",
            Self::Walk => "files",
            Self::Watch => "notifications",
        }
    }

    /// Whether the files are read, and so must be there before.
    pub(super) fn reads_files(self) -> bool {
        matches!(self, Self::Get | Self::Mixed | Self::Walk)
    }
}

/// What a benchmark is asked to do.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) workload: Workload,
    pub(super) connections: usize,
    /// Requests in flight on each connection.
    pub(super) depth: usize,
    pub(super) keys: u32,
    pub(super) value_bytes: usize,
    pub(super) time: Duration,
    /// The directory of the files, without a slash behind it.
    pub(super) prefix: String,
    /// Whether the files are deleted at the end.
    pub(super) clean: bool,
    /// Whether the result is printed as JSON.
    pub(super) json: bool,
}

impl Load {
    /// Reads the arguments and options of `doozer bench`.
    pub(super) fn of(invocation: &Invocation) -> anyhow::Result<Self> {
        let flags = &invocation.flags;
        let prefix = flags.value("prefix", read_prefix)?;
        Ok(Self {
            workload: Workload::named(invocation.word(0))?,
            connections: number(flags, "conns", 1..=CONNECTIONS_MAX)?.unwrap_or(16),
            depth: number(flags, "depth", 1..=DEPTH_MAX)?.unwrap_or(1),
            keys: number(flags, "keys", 1..=KEYS_MAX)?.unwrap_or(1000),
            value_bytes: number(flags, "size", 0..=VALUE_BYTES_MAX)?.unwrap_or(64),
            time: flags
                .value("secs", read_seconds)?
                .unwrap_or(Duration::from_secs(5)),
            prefix: prefix.unwrap_or_else(|| "/bench".to_owned()),
            clean: flags.is_on("clean"),
            json: flags.is_on("json"),
        })
    }

    /// How many different files there are.
    pub(super) fn files(&self) -> u32 {
        if self.workload == Workload::Watch {
            1
        } else {
            self.keys
        }
    }

    /// The path of the file number `key`; number 0 is the one that is watched.
    pub(super) fn path(&self, key: u32) -> String {
        format!("{}/{:02}/{key:06}", self.prefix, key % DIRECTORIES)
    }
}

/// The files are spread over that many directories.
const DIRECTORIES: u32 = 100;

fn number<T: TryFrom<i64>>(
    flags: &Flags,
    name: &'static str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<Option<T>, FlagError> {
    let (least, most) = (*range.start(), *range.end());
    flags.value(name, |text| {
        let number = read_number(text).map_err(|error| error.to_string())?;
        let outside = || format!("a number from {least} to {most} is wanted");
        if !range.contains(&number) {
            return Err(outside());
        }
        T::try_from(number).map_err(|_too_large| outside())
    })
}

fn read_seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse::<f64>().ok();
    let seconds = seconds.filter(|seconds| *seconds > 0.0 && *seconds <= SECONDS_MAX);
    let seconds = seconds.ok_or("a number of seconds up to a day is wanted")?;
    Ok(Duration::from_secs_f64(seconds))
}

fn read_prefix(text: &str) -> Result<String, &'static str> {
    let prefix = text.trim_end_matches('/');
    if prefix.starts_with('/') && !prefix.starts_with("/ctl/") && prefix != "/ctl" {
        Ok(prefix.to_owned())
    } else {
        Err("a path of a directory is wanted, but / and /ctl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_a_fraction() {
        assert_eq!(read_seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "x", "inf", "nan", "1e9", ""] {
            assert!(read_seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_is_a_directory_of_the_users() {
        assert_eq!(read_prefix("/a/b/"), Ok("/a/b".to_owned()));
        for wrong in ["", "/", "a", "/ctl", "/ctl/x"] {
            assert!(read_prefix(wrong).is_err(), "{wrong}");
        }
    }
}
