//! What the daemon says about itself: log lines and counters.

pub mod log;
pub mod stats;
