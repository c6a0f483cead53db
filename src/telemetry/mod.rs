//! Reports of the daemon about itself: log, counters, progress of its stages, notices to systemd.

mod fault;
mod histogram;
pub mod log;
pub mod progress;
pub mod stats;
mod stderr;
pub mod systemd;
