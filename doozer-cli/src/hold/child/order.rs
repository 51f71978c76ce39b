//! What the guard is told, a line each.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use super::Promise;

/// What the guard is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// When to tell the child to end, and when to kill it, unless told otherwise before. Both on
    /// the monotonic clock.
    Lease(Duration, Duration),
    /// Send the child a signal.
    Signal(i32),
}

impl Order {
    /// What a promise means for the child.
    pub(super) fn of(promise: &Promise) -> Self {
        let now = Instant::now();
        let lost_at = if promise.loss.is_some() {
            now
        } else {
            promise.lost_at
        };
        let since = |at: Instant| monotonic() + at.saturating_duration_since(now);
        Self::Lease(since(lost_at), since(promise.over_at))
    }
}

/// The time on the clock that all processes of this machine share.
pub(super) fn monotonic() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// That time as one of the runtime's; what is past is now.
pub(super) fn instant(at: Duration) -> Instant {
    Instant::now() + at.saturating_sub(monotonic())
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease(lost, over) => writeln!(f, "lease {} {}", lost.as_nanos(), over.as_nanos()),
            Self::Signal(number) => writeln!(f, "signal {number}"),
        }
    }
}

/// The line is none of these.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoOrder;

impl FromStr for Order {
    type Err = NoOrder;

    fn from_str(line: &str) -> Result<Self, NoOrder> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| word.parse::<u64>().map_err(|_not_a_number| NoOrder);
        match words[..] {
            ["lease", lost, over] => {
                let time = |word| number(word).map(Duration::from_nanos);
                Ok(Self::Lease(time(lost)?, time(over)?))
            }
            ["signal", word] => {
                let number = i32::try_from(number(word)?);
                number.map(Self::Signal).map_err(|_too_large| NoOrder)
            }
            _ => Err(NoOrder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let lease = Order::Lease(Duration::from_nanos(7), Duration::from_secs(1 << 30));
        for order in [lease, Order::Signal(15)] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
    }

    #[test]
    fn what_is_no_order_is_refused() {
        for line in ["", "lease 1", "lease 1 x", "signal -1", "signal", "stop"] {
            assert_eq!(line.parse::<Order>(), Err(NoOrder), "{line}");
        }
    }

    #[test]
    fn a_loss_means_now() {
        let promise = Promise {
            lost_at: Instant::now() + Duration::from_secs(100),
            over_at: Instant::now() + Duration::from_secs(200),
            loss: Some(super::super::Loss::Deleted),
        };
        let Order::Lease(lost, over) = Order::of(&promise) else {
            panic!("a promise is a lease");
        };
        assert!(lost <= monotonic());
        assert!(over > monotonic() + Duration::from_secs(190));
    }
}
