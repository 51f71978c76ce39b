//! When other nodes were heard last, and how long they take to answer.
//!
//! The engine gives an answer to a heartbeat up when the next one is due. Here every answer counts,
//! however late it comes, but one that says that the other node cannot.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::raft_types::NodeId;

/// Round trips of each node that are kept.
const TRIPS_MAX: usize = 31;
/// Fewer say nothing: a node may be busy for a while.
const TRIPS_MIN: usize = 11;

/// What was heard of other nodes.
#[derive(Debug, Default)]
pub struct Hearings(Mutex<BTreeMap<NodeId, Heard>>);

#[derive(Debug)]
struct Heard {
    at: Instant,
    trips: VecDeque<Duration>,
}

impl Hearings {
    /// The node has answered; `asked` where the answer took no work, so that it tells the way there
    /// and back.
    pub fn note(&self, node: NodeId, asked: Option<Instant>) {
        let now = Instant::now();
        let mut all = self.all();
        let heard = all.entry(node).or_insert_with(|| Heard {
            at: now,
            trips: VecDeque::new(),
        });
        heard.at = now;
        if let Some(asked) = asked {
            heard.trips.truncate(TRIPS_MAX - 1);
            heard.trips.push_front(now.saturating_duration_since(asked));
        }
    }

    /// How long ago each node has answered last, of those that have since then.
    pub fn ages(&self, since: Instant) -> BTreeMap<NodeId, Duration> {
        let now = Instant::now();
        let all = self.all();
        let heard = all.iter().filter(|(_, heard)| heard.at >= since);
        let age = |heard: &Heard| now.saturating_duration_since(heard.at);
        heard.map(|(node, heard)| (*node, age(heard))).collect()
    }

    /// How long the way to each node and back takes: half of the newest answers took less.
    pub fn round_trips(&self) -> BTreeMap<NodeId, Duration> {
        let all = self.all();
        let measured = all
            .iter()
            .filter(|(_, heard)| heard.trips.len() >= TRIPS_MIN);
        let middle = |heard: &Heard| {
            let mut trips: Vec<Duration> = heard.trips.iter().copied().collect();
            trips.sort_unstable();
            trips[trips.len() / 2]
        };
        measured
            .map(|(node, heard)| (*node, middle(heard)))
            .collect()
    }

    /// Forgets all other nodes.
    pub fn keep_only(&self, nodes: &BTreeSet<NodeId>) {
        self.all().retain(|node, _| nodes.contains(node));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<NodeId, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_middle_of_the_newest_answers_counts() {
        let (hearings, node) = (Hearings::default(), NodeId::from(7));
        let answer = async |millis| {
            let asked = Instant::now();
            tokio::time::advance(Duration::from_millis(millis)).await;
            hearings.note(node, Some(asked));
        };
        for _ in 1..TRIPS_MIN {
            answer(5).await;
        }
        assert_eq!(hearings.round_trips(), BTreeMap::new());
        answer(900).await;
        let middle = |millis| BTreeMap::from([(node, Duration::from_millis(millis))]);
        assert_eq!(hearings.round_trips(), middle(5));
        for _ in 0..TRIPS_MAX {
            answer(300).await;
        }
        assert_eq!(hearings.round_trips(), middle(300));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_heard_before_does_not_count() {
        let (hearings, node) = (Hearings::default(), NodeId::from(7));
        hearings.note(node, None);
        tokio::time::advance(Duration::from_secs(1)).await;
        let since = Instant::now();
        assert_eq!(hearings.ages(since), BTreeMap::new());
        hearings.note(node, None);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(
            hearings.ages(since),
            BTreeMap::from([(node, Duration::from_secs(2))])
        );
        hearings.keep_only(&BTreeSet::new());
        assert_eq!(hearings.ages(since), BTreeMap::new());
    }
}
