//! What the leader does about the cluster's members: one loop that looks, decides, acts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use super::members::{Sight, Step, next_step};
use super::memberships::{ChangeError, Known, Memberships};
use super::trips::{Line, Trips, advice};
use crate::raft_types::NodeId;
use crate::store::{Mutation, Path, Revision};

/// How often the leader looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Leases without a quorum's answer after which leadership is offered to another node.
const LEASES_WITHOUT_QUORUM: u32 = 2;

/// The loop.
pub(super) struct Leader {
    memberships: Arc<Memberships>,
    /// After what silence a node is removed.
    timeout: Duration,
    handed_over: Option<Instant>,
    trips: Trips,
}

impl Leader {
    pub(super) fn new(memberships: Arc<Memberships>, timeout: Duration) -> Self {
        Self {
            memberships,
            timeout,
            handed_over: None,
            trips: Trips::default(),
        }
    }

    /// Runs until the task is dropped.
    pub(super) async fn run(mut self) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let Some(term) = self.memberships.leads() else {
                continue;
            };
            self.memberships.looked(term, LOOK_EVERY);
            self.tell_trips();
            let memberships = Arc::clone(&self.memberships);
            // From looking to having acted: nobody is taken in between.
            let Ok(_one_at_a_time) = memberships.changing.try_lock() else {
                continue;
            };
            let Some((known, sight)) = self.look() else {
                continue;
            };
            self.offer_leadership(&sight).await;
            if let Some(step) = next_step(&sight)
                && let Err(error) = self.act(&known, &step).await
            {
                debug!(%error, ?step, "members not changed");
            }
        }
    }

    fn tell_trips(&mut self) {
        let timing = self.memberships.timing;
        let measured = self.memberships.hearings.round_trips();
        for line in self.trips.look(&measured, timing, Instant::now()) {
            let max_ms = timing.round_trip_max().as_millis();
            match line {
                Line::TooFar(node, trip) => {
                    let (round_trip_ms, advice) = (trip.as_millis(), advice(timing));
                    warn!(%node, round_trip_ms, max_ms, advice, "a node is too far away for the timing chosen");
                }
                Line::NearAgain(node, trip) => {
                    let round_trip_ms = trip.as_millis();
                    info!(%node, round_trip_ms, max_ms, "a node is near enough for the timing chosen");
                }
            }
        }
    }

    fn look(&self) -> Option<(Known, Sight)> {
        let memberships = &self.memberships;
        let known = memberships.settled()?;
        let slots = memberships.applied().slots.0.clone();
        let me = memberships.me();
        let sight = Sight {
            me,
            voters: known.voters.clone(),
            nodes: known.nodes.clone(),
            emptied: memberships.emptied(&slots),
            slots,
            silent: memberships.silence(&known.nodes),
            heard: memberships.heard(),
            behind: memberships.lag(),
            is_founded: memberships.is_written(me),
            lease: memberships.timing.lease(),
            timeout: self.timeout,
        };
        Some((known, sight))
    }

    /// A leader that reaches others and does not hear them would go on for ever, refusing writes.
    async fn offer_leadership(&mut self, sight: &Sight) {
        let patience = sight.lease * LEASES_WITHOUT_QUORUM;
        if sight.voters.len() == 1 || self.memberships.without_quorum() < patience {
            return;
        }
        if self.handed_over.is_some_and(|at| at.elapsed() < patience) {
            return;
        }
        self.handed_over = Some(Instant::now());
        let others = sight.voters.iter().filter(|node| **node != sight.me);
        let Some(heir) = others.min_by_key(|node| sight.silent.get(node).copied()) else {
            return;
        };
        warn!(to = %heir, "no quorum answers: leadership is offered to another node");
        self.hand_over(*heir).await;
    }

    async fn hand_over(&self, heir: NodeId) {
        if let Err(error) = self
            .memberships
            .engine
            .trigger()
            .transfer_leader(heir)
            .await
        {
            debug!(%error, "leadership not handed over");
        }
    }

    async fn act(&self, known: &Known, step: &Step) -> Result<(), ChangeError> {
        match step {
            Step::Admit(_) | Step::Dismiss(_) | Step::Remove(_) => {
                self.change_members(known, step).await
            }
            Step::HandOver(node) => {
                info!(to = %node, "handing leadership over: this node has no slot");
                self.hand_over(*node).await;
                Ok(())
            }
            Step::Fill(path, rev, node) => {
                let fill = set(path, *rev, node.to_string());
                self.memberships.write(vec![fill], &[]).await?;
                info!(slot = path.as_str(), %node, "slot filled");
                Ok(())
            }
            Step::Kick(path, rev, node) => {
                warn!(slot = path.as_str(), %node, "member kicked: not heard of for too long");
                let mut mutations = vec![set(path, *rev, String::new())];
                mutations.extend(self.memberships.farewell(*node));
                self.memberships.write(mutations, &[]).await
            }
        }
    }

    async fn change_members(&self, known: &Known, step: &Step) -> Result<(), ChangeError> {
        let memberships = &self.memberships;
        let (mut voters, mut nodes) = (known.voters.clone(), known.nodes.clone());
        let done = match step {
            Step::Admit(node) => {
                voters.insert(*node);
                "voter added"
            }
            Step::Dismiss(node) => {
                voters.remove(node);
                "voter removed"
            }
            Step::Remove(node) => {
                let farewell = memberships.farewell(*node);
                memberships.write(farewell, &[*node]).await?;
                nodes.remove(node);
                "node removed: not heard of for too long"
            }
            Step::HandOver(_) | Step::Fill(..) | Step::Kick(..) => return Ok(()),
        };
        memberships.change(known, voters, nodes).await?;
        info!(?step, "{done}");
        Ok(())
    }
}

fn set(path: &Path, rev: Revision, value: String) -> Mutation {
    Mutation::Set {
        path: path.clone(),
        rev,
        value: value.into(),
    }
}
