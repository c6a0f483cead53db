//! posed's kernels by themselves (see Cargo.toml).

#[path = "../../../src/kernels/mod.rs"]
pub mod kernels;
