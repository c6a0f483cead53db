//! What the daemon says about itself: log lines and counters.

pub mod log;
pub mod progress;
pub mod stats;
pub mod systemd;
