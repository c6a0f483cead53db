//! Tools that only the command line uses.

pub mod doctor;
pub mod eval;
pub(crate) mod overlay;
pub mod replay;
pub(crate) mod zones;
