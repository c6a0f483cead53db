//! The daemon as a service, the unit, the package's words, and the doctor: each with the real binary.
//! What needs a systemd as process 1 is in `tests/container`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests wait for processes, and may fail")]

#[path = "../daemon/bench.rs"]
#[allow(dead_code, reason = "the workbench of the daemon's tests; these use a part of it")]
mod bench;
mod doctor;
mod notify;
mod output;
mod unit;
