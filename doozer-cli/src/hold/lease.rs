//! For how long holding can be promised, and what a look at the file says about it.

use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::{Promise, TimeToLive};

/// The longest that one SET of a renewal is waited for before another node is asked.
const PATIENCE_MAX: Duration = Duration::from_secs(5);
/// The longest rest after a renewal that failed.
const REST_MAX: Duration = Duration::from_secs(1);

/// Why it can no longer be promised that a file is held.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Loss {
    /// No renewal worked for too long.
    #[error("no renewal was confirmed for {after:?}{}", trouble_of(.trouble.as_deref()))]
    Silent {
        /// For how long.
        after: Duration,
        /// What stood in the way last.
        trouble: Option<String>,
    },
    /// Somebody else has set the file.
    #[error("somebody else has set it, at revision {rev}")]
    Taken {
        /// The revision that made.
        rev: i64,
    },
    /// The file is gone.
    #[error("somebody has deleted it")]
    Deleted,
    /// The task that renews it has ended.
    #[error("it is no longer renewed")]
    NotKept,
}

fn trouble_of(trouble: Option<&str>) -> String {
    trouble.map_or_else(String::new, |trouble| format!(": {trouble}"))
}

/// What the holder knows; it neither asks nor reads a clock.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    time_to_live: TimeToLive,
    /// The file's revision: that of the holder's own last SET that worked.
    rev: i64,
    /// When that was sent.
    renewed: Instant,
    /// When the first SET after that was sent whose outcome is unknown.
    unsettled: Option<Instant>,
}

impl Lease {
    /// Of a file set at `rev` by a SET that was sent at `sent`.
    pub(super) fn new(time_to_live: TimeToLive, rev: i64, sent: Instant) -> Self {
        Self {
            time_to_live,
            rev,
            renewed: sent,
            unsettled: None,
        }
    }

    /// The revision that the next SET or DEL builds on.
    pub(super) fn rev(&self) -> i64 {
        self.rev
    }

    /// When to renew it.
    pub(super) fn renew_at(&self) -> Instant {
        self.renewed + self.time_to_live.0 / 3
    }

    /// How long one SET is waited for.
    pub(super) fn patience(&self) -> Duration {
        (self.time_to_live.0 / 6).min(PATIENCE_MAX)
    }

    /// How long to rest after a renewal that failed.
    pub(super) fn rest(&self) -> Duration {
        (self.time_to_live.0 / 24).min(REST_MAX)
    }

    /// From when on holding is no longer promised.
    pub(super) fn lost_at(&self) -> Instant {
        self.renewed + self.time_to_live.0 * 3 / 4
    }

    /// For how long it is held for certain.
    pub(super) fn promise(&self) -> Promise {
        Promise {
            lost_at: self.lost_at(),
            over_at: self.renewed + self.time_to_live.0 * 7 / 8,
            loss: None,
        }
    }

    /// The loss that silence is.
    pub(super) fn silent(&self, trouble: Option<String>) -> Loss {
        Loss::Silent {
            after: self.time_to_live.0 * 3 / 4,
            trouble,
        }
    }

    /// A SET that was sent at `sent` worked, and made revision `rev`.
    pub(super) fn renewed(&mut self, rev: i64, sent: Instant) {
        *self = Self::new(self.time_to_live, rev, sent);
    }

    /// It is unknown whether a SET worked that was sent at `sent`.
    pub(super) fn unsettled(&mut self, sent: Instant) {
        self.unsettled.get_or_insert(sent);
    }

    /// The file was found at `rev`, 0 if it is missing, with this holder's value or another one.
    ///
    /// Another revision with the own value is that of a SET whose outcome was unknown: before the
    /// time-to-live is over nobody else can have set it.
    pub(super) fn found(&mut self, rev: i64, is_own: bool) -> Result<(), Loss> {
        match self.unsettled {
            _ if rev == 0 => Err(Loss::Deleted),
            _ if !is_own => Err(Loss::Taken { rev }),
            _ if rev <= self.rev => Ok(()),
            Some(sent) => {
                self.renewed(rev, sent);
                Ok(())
            }
            None => Err(Loss::Taken { rev }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(begin: Instant) -> Lease {
        let time_to_live = TimeToLive::new(Duration::from_secs(24)).unwrap();
        Lease::new(time_to_live, 5, begin)
    }

    #[test]
    fn it_is_renewed_twice_before_it_is_lost_and_lost_before_it_is_over() {
        let begin = Instant::now();
        let lease = lease(begin);
        let at = |at: Instant| (at - begin).as_secs();
        let promise = lease.promise();
        assert_eq!(at(lease.renew_at()), 8);
        assert_eq!(at(lease.renew_at() + lease.patience() * 2), 16);
        assert_eq!((at(promise.lost_at), at(promise.over_at)), (18, 21));
        assert_eq!(promise.lost_at, lease.lost_at());
    }

    #[test]
    fn time_counts_from_when_the_last_one_that_worked_was_sent() {
        let begin = Instant::now();
        let mut lease = lease(begin);
        lease.unsettled(begin + Duration::from_secs(8));
        assert_eq!(lease.renew_at() - begin, Duration::from_secs(8));
        lease.renewed(7, begin + Duration::from_secs(10));
        assert_eq!(lease.renew_at() - begin, Duration::from_secs(18));
        assert_eq!(lease.rev(), 7);
    }

    #[track_caller]
    fn check_found(unsettled: bool, rev: i64, is_own: bool, expected: &Result<i64, Loss>) {
        let begin = Instant::now();
        let mut lease = lease(begin);
        if unsettled {
            lease.unsettled(begin + Duration::from_secs(8));
            lease.unsettled(begin + Duration::from_secs(12));
        }
        let found = lease.found(rev, is_own).map(|()| lease.rev());
        assert_eq!(&found, expected);
    }

    #[test]
    fn an_unsettled_set_that_worked_is_found_by_its_value() {
        check_found(true, 9, true, &Ok(9));
        check_found(true, 5, true, &Ok(5));
        check_found(true, 9, false, &Err(Loss::Taken { rev: 9 }));
        check_found(true, 0, false, &Err(Loss::Deleted));
    }

    #[test]
    fn without_one_every_change_is_somebody_elses() {
        check_found(false, 5, true, &Ok(5));
        check_found(false, 9, true, &Err(Loss::Taken { rev: 9 }));
        check_found(false, 9, false, &Err(Loss::Taken { rev: 9 }));
        check_found(false, 0, false, &Err(Loss::Deleted));
    }

    #[test]
    fn of_several_unsettled_sets_the_first_counts() {
        let begin = Instant::now();
        let mut lease = lease(begin);
        lease.unsettled(begin + Duration::from_secs(8));
        lease.unsettled(begin + Duration::from_secs(12));
        lease.found(9, true).unwrap();
        assert_eq!(lease.renew_at() - begin, Duration::from_secs(16));
    }
}
