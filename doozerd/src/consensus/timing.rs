//! How quickly nodes notice that the leader is gone.

use std::time::Duration;

/// Heartbeats, and how long they may stay away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Between two heartbeats, in milliseconds.
    pub heartbeat_millis: u64,
    /// The shortest silence after which a node asks for votes.
    pub election_millis_min: u64,
    /// The longest.
    pub election_millis_max: u64,
}

impl Timing {
    /// Nodes in one place: round trips well below 100 ms.
    pub const LAN: Self = Self {
        heartbeat_millis: 100,
        election_millis_min: 300,
        election_millis_max: 600,
    };
    /// Nodes far apart: round trips up to some hundred milliseconds.
    pub const WAN: Self = Self {
        heartbeat_millis: 500,
        election_millis_min: 1_500,
        election_millis_max: 3_000,
    };

    /// How long the way to another node and back may take: with what it takes to answer, below a
    /// heartbeat.
    pub fn round_trip_max(&self) -> Duration {
        Duration::from_millis(self.heartbeat_millis / 2)
    }

    /// How long a quorum's answer keeps a leader in office.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.election_millis_max)
    }
}
