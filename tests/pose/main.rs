//! From a frame to poses: crops, the estimator, and their speed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod crops;
mod cut;
mod estimate;
mod picture;
mod speed;
