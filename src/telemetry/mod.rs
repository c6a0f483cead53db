//! What the daemon says about itself: log lines, counters, signs of life, notices to systemd.

mod fault;
pub mod log;
pub mod progress;
pub mod stats;
mod stderr;
pub mod systemd;
