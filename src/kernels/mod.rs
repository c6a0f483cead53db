//! The only room with unsafe code; its safe entry points check every length.

#![allow(unsafe_code, reason = "vector instructions; every block says why it is sound")]

pub mod crop;
