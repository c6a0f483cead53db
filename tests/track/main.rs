//! Tracking against synthetic truth: identities (MOTA, id switches), smoothing, and invariants.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "tests print what they measure and may panic")]

#[path = "../common/mod.rs"]
mod common;
mod life;
mod mot;
mod never;
mod real;
mod replay;
mod rules;
mod scene;
mod smoothing;
