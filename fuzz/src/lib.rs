//! What posed does with bytes that it did not write. Each target must end without a panic, and
//! states what must hold besides. `fuzz_targets` hands them libFuzzer's bytes, `tests/fuzz` mutated
//! ones.

#![allow(missing_docs, clippy::unwrap_used, reason = "a panic is what fuzzing looks for")]

mod address;
mod broker;
mod camera;
mod day;
mod files;
mod network;
mod page;

pub use address::mask;
pub use broker::{broker, command};
pub use camera::rtsp;
pub use day::history;
pub use files::{config, manifest, replay, spool};
pub use network::onnx;
pub use page::http;
