//! What stands in a lock's file: who holds it.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

use super::{TIME_TO_LIVE_MAX, TIME_TO_LIVE_MIN, TimeToLive};

/// Who holds a file, as JSON in it.
///
/// Nothing else is taken for one, lest a file that holds something is taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    host: String,
    pid: u32,
    /// Random: tells two claims of one program apart.
    id: String,
    ttl_ms: u64,
}

impl Claim {
    /// One of this program, unlike any other.
    pub(crate) fn new(time_to_live: TimeToLive) -> io::Result<Self> {
        let mut random = [0; 10];
        getrandom(&mut random, GetRandomFlags::empty())?;
        Ok(Self {
            host: hostname(),
            pid: std::process::id(),
            id: BASE32_NOPAD.encode(&random),
            ttl_ms: u64::try_from(time_to_live.0.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// The one that a file's value is, if it is one.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(value).ok()
    }

    /// After how long its holder may be taken over.
    pub(crate) fn time_to_live(&self) -> TimeToLive {
        let time = Duration::from_millis(self.ttl_ms);
        TimeToLive(time.clamp(TIME_TO_LIVE_MIN, TIME_TO_LIVE_MAX))
    }

    /// The file's value.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let text = serde_json::to_vec(self);
        Bytes::from(text.expect("invariant: a claim can be written as JSON"))
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, pid {}", self.host, self.pid)
    }
}

/// This machine's name.
pub(crate) fn hostname() -> String {
    let names = rustix::system::uname();
    names.nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_read_as_it_was_written() {
        let claim = Claim::new(TimeToLive::default()).unwrap();
        assert_eq!(Claim::read(&claim.to_bytes()), Some(claim.clone()));
        assert_eq!(claim.time_to_live(), TimeToLive::default());
    }

    #[test]
    fn no_two_claims_are_alike() {
        let claim = || Claim::new(TimeToLive::default()).unwrap();
        assert_ne!(claim().to_bytes(), claim().to_bytes());
    }

    #[test]
    fn what_is_no_claim_is_not_taken_for_one() {
        for value in [
            "",
            "{}",
            "done",
            r#"{"host":"a"}"#,
            r#"{"host":"a","pid":1,"id":"x","ttl_ms":1,"more":2}"#,
        ] {
            assert_eq!(Claim::read(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn a_time_to_live_that_nobody_could_keep_is_cut() {
        let text = |ttl: u64| format!(r#"{{"host":"a","pid":1,"id":"x","ttl_ms":{ttl}}}"#);
        let read = |ttl| Claim::read(text(ttl).as_bytes()).unwrap().time_to_live().0;
        assert_eq!(read(1), TIME_TO_LIVE_MIN);
        assert_eq!(read(2500), Duration::from_millis(2500));
        assert_eq!(read(u64::MAX), TIME_TO_LIVE_MAX);
    }
}
