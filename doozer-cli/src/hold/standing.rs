//! What a contender knows about a file, and when it may try to take it.

use std::time::Duration;

use tokio::time::Instant;

use super::{Claim, TimeToLive, Value};

/// After how long a file that nobody seemed to have is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a contender knows; it neither asks nor reads a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// What it would set the file to.
    own: Vec<u8>,
    /// Whether nobody else sets it to that.
    is_unique: bool,
    /// What counts where the file does not say.
    time_to_live: TimeToLive,
    /// What is known of the file; nothing before the first look.
    seen: Option<Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The file's revision, 0 if it is missing.
    rev: i64,
    /// After how long its holder may be taken over.
    time_to_live: Duration,
    /// When it may be tried to take it.
    try_at: Instant,
    /// Who holds it.
    holder: Option<String>,
}

/// The file holds something that is no claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoClaim;

impl Standing {
    /// Of a contender that would set the file to `own`.
    pub(super) fn new(value: &Value, own: &[u8], time_to_live: TimeToLive) -> Self {
        Self {
            own: own.to_owned(),
            is_unique: *value == Value::Claim,
            time_to_live,
            seen: None,
        }
    }

    /// The file was seen at revision `rev`, 0 if it is missing.
    pub(super) fn see(&mut self, rev: i64, value: &[u8], now: Instant) -> Result<(), NoClaim> {
        if self
            .seen
            .as_ref()
            .is_some_and(|seen| seen.rev == rev && rev > 0)
        {
            return Ok(());
        }
        let (time_to_live, holder) = self.heeded(rev, value)?;
        // The own value is there already when a SET worked whose outcome was unknown.
        let is_free = rev == 0 || (self.is_unique && value == self.own);
        self.seen = Some(Seen {
            rev,
            time_to_live,
            try_at: if is_free { now } else { now + time_to_live },
            holder,
        });
        Ok(())
    }

    /// An event is news, as it is later than what was seen.
    pub(super) fn is_news(&self, rev: i64) -> bool {
        self.seen.as_ref().is_none_or(|seen| seen.rev < rev)
    }

    /// It was tried to take it, and refused: somebody else has set it, and will be seen.
    pub(super) fn refused(&mut self, now: Instant) {
        if let Some(seen) = &mut self.seen {
            let is_free = seen.rev == 0;
            seen.try_at = now
                + if is_free {
                    AGAIN_AFTER
                } else {
                    seen.time_to_live
                };
        }
    }

    /// When to try to take it, with which revision.
    pub(super) fn attempt(&self) -> Option<(Instant, i64)> {
        self.seen.as_ref().map(|seen| (seen.try_at, seen.rev))
    }

    /// Who holds it, as far as is known.
    pub(super) fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.holder.as_deref()
    }

    fn heeded(&self, rev: i64, value: &[u8]) -> Result<(Duration, Option<String>), NoClaim> {
        if rev == 0 {
            return Ok((Duration::ZERO, None));
        }
        if !self.is_unique {
            let text = String::from_utf8_lossy(value).into_owned();
            return Ok((self.time_to_live.0, Some(text)));
        }
        let claim = Claim::read(value).ok_or(NoClaim)?;
        Ok((claim.time_to_live().0, Some(claim.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn claim(seconds: u64) -> Vec<u8> {
        let time = TimeToLive::new(Duration::from_secs(seconds)).unwrap();
        Claim::new(time).unwrap().to_bytes().to_vec()
    }

    fn contender(value: &Value, own: &[u8]) -> Standing {
        Standing::new(value, own, TimeToLive::new(TTL).unwrap())
    }

    fn locker() -> Standing {
        contender(&Value::Claim, &claim(10))
    }

    /// When it is tried, in seconds after `begin`, and with which revision.
    #[track_caller]
    fn check(standing: &Standing, begin: Instant, expected: (u64, i64)) {
        let (at, rev) = standing.attempt().unwrap();
        assert_eq!(((at - begin).as_secs(), rev), expected);
    }

    #[test]
    fn a_missing_file_is_taken_at_once_and_again_after_a_refusal() {
        let begin = Instant::now();
        let mut standing = locker();
        assert_eq!(standing.attempt(), None);
        standing.see(0, b"", begin).unwrap();
        check(&standing, begin, (0, 0));
        standing.refused(begin);
        check(&standing, begin, (1, 0));
    }

    #[test]
    fn a_holder_has_the_time_that_its_claim_says_since_its_last_sign() {
        let begin = Instant::now();
        let mut standing = locker();
        let after = |seconds| begin + Duration::from_secs(seconds);
        standing.see(5, &claim(20), begin).unwrap();
        check(&standing, begin, (20, 5));
        standing.see(5, &claim(20), after(8)).unwrap();
        check(&standing, begin, (20, 5));
        standing.see(9, &claim(30), after(8)).unwrap();
        check(&standing, begin, (38, 9));
        standing.refused(after(38));
        check(&standing, begin, (68, 9));
        standing.see(0, b"", after(40)).unwrap();
        check(&standing, begin, (40, 0));
    }

    #[test]
    fn the_own_claim_is_taken_at_once() {
        let begin = Instant::now();
        let own = claim(10);
        let mut standing = contender(&Value::Claim, &own);
        standing.see(5, &own, begin).unwrap();
        check(&standing, begin, (0, 5));
    }

    #[test]
    fn of_plain_values_even_the_own_one_is_waited_for() {
        let begin = Instant::now();
        let mut standing = contender(&Value::Plain("a:1".into()), b"a:1");
        standing.see(5, b"a:1", begin).unwrap();
        check(&standing, begin, (10, 5));
        assert_eq!(standing.holder(), Some("a:1"));
    }

    #[test]
    fn what_is_no_claim_is_left_alone() {
        let mut standing = locker();
        let seen = standing.see(5, b"done", Instant::now());
        assert_eq!((seen, standing.attempt()), (Err(NoClaim), None));
    }

    #[test]
    fn what_is_older_is_no_news() {
        let mut standing = locker();
        assert!(standing.is_news(1));
        standing.see(5, &claim(10), Instant::now()).unwrap();
        assert!(!standing.is_news(5) && standing.is_news(6));
    }
}
