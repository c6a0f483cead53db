//! The kernels that are written for ARM's 64 bit instruction sets.

pub mod depthwise;
mod dot;
pub mod dotprod;
pub mod neon;
mod store;
