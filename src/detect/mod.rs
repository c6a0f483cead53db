//! Where people are: the person finder, and when it is worth asking.

pub mod look;
pub mod motion;
