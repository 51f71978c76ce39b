//! When other nodes are too far away for the timing that was chosen: what is said of it, and when.
//! Decides only.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::timing::Timing;
use crate::raft_types::NodeId;

/// How often it is said again of a node.
const AGAIN_AFTER: Duration = Duration::from_hours(1);

/// Of which nodes it was said, and when last.
#[derive(Debug, Default)]
pub(super) struct Trips {
    far: BTreeMap<NodeId, Instant>,
}

/// What is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    TooFar(NodeId, Duration),
    NearAgain(NodeId, Duration),
}

impl Trips {
    /// What is to be said now of these round trips.
    pub(super) fn look(
        &mut self,
        measured: &BTreeMap<NodeId, Duration>,
        timing: Timing,
        now: Instant,
    ) -> Vec<Line> {
        let max = timing.round_trip_max();
        self.far.retain(|node, _| measured.contains_key(node));
        let mut lines = Vec::new();
        for (&node, &trip) in measured {
            let said = self.far.get(&node);
            let is_due = said.is_none_or(|at| now.saturating_duration_since(*at) >= AGAIN_AFTER);
            if trip > max && is_due {
                self.far.insert(node, now);
                lines.push(Line::TooFar(node, trip));
            }
            // Well below, so that one at the limit is not said to come and go.
            if trip <= max * 3 / 4 && self.far.remove(&node).is_some() {
                lines.push(Line::NearAgain(node, trip));
            }
        }
        lines
    }
}

/// What an operator can do.
pub(super) fn advice(timing: Timing) -> &'static str {
    if timing == Timing::LAN {
        "start every node with --timing wan"
    } else {
        "no timing is for nodes so far apart: bring them nearer"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_again_after_an_hour_and_when_it_ends() {
        let (mut trips, node, begin) = (Trips::default(), NodeId::from(7), Instant::now());
        let mut look = |millis, minutes| {
            let measured = BTreeMap::from([(node, Duration::from_millis(millis))]);
            trips.look(&measured, Timing::LAN, begin + Duration::from_mins(minutes))
        };
        let far = |millis| vec![Line::TooFar(node, Duration::from_millis(millis))];
        assert_eq!(look(49, 0), []);
        assert_eq!(look(51, 0), far(51));
        assert_eq!(look(70, 1), []);
        assert_eq!(look(49, 2), [], "not yet near enough");
        assert_eq!(look(80, 59), []);
        assert_eq!(look(90, 60), far(90));
        let near = Line::NearAgain(node, Duration::from_millis(20));
        assert_eq!(look(20, 61), [near]);
        assert_eq!(look(20, 62), []);
        assert_eq!(look(60, 63), far(60));
    }

    #[test]
    fn what_is_too_far_for_one_timing_is_not_for_the_other() {
        let measured = BTreeMap::from([(NodeId::from(7), Duration::from_millis(150))]);
        let lines = |timing| {
            Trips::default()
                .look(&measured, timing, Instant::now())
                .len()
        };
        assert_eq!((lines(Timing::LAN), lines(Timing::WAN)), (1, 0));
    }
}
