//! Counters of a publisher.

use super::Unsent;

/// Counters of a publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Whether there is a connection that the broker has accepted.
    pub connected: bool,
    /// Connections after the first one.
    pub reconnects: u64,
    /// Pose messages handed to a connection; QoS 0 guarantees no more.
    pub published: u64,
    /// Pose messages that were not.
    pub dropped: Unsent,
    /// Pose messages that wait.
    pub waiting: usize,
    /// They wait until the broker has taken those before them.
    pub held_up: bool,
    /// Messages of the spool that were dropped because the broker rejects them.
    pub rejected: u64,
}
