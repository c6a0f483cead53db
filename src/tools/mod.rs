//! Tools that only the command line uses.

pub mod doctor;
