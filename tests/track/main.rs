//! Tracking on synthetic truth: who is who (MOTA, id switches), smoothing, and what never happens.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test says what it measured, and may fail")]

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
