//! Tools that only the command line uses.

pub(crate) mod charts;
pub mod doctor;
pub mod eval;
pub(crate) mod overlay;
pub mod plot;
pub mod replay;
pub mod report;
pub mod watch;
pub(crate) mod zones;
