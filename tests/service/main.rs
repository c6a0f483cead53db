//! The service, its unit, the package, the doctor and the command line's output, with the binary.
//! Tests that need systemd as process 1 are in `tests/container`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests wait for processes, and may fail")]

#[path = "../common/mod.rs"]
mod common;
mod doctor;
mod notify;
mod output;
mod plots;
mod unit;
