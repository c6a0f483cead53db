//! The operators of a quantized network on NHWC bytes: convolutions and what stands between them.
//!
//! This is the only room with `unsafe`. A [`Plan`] is a list of steps over maps in one arena.
//! Building it checks every extent against the arena, so running it needs no check for each pixel.
//!
//! # Where things are
//! One folder or file for each operation (`conv`, `depthwise`, `deconv`, `add`, `pool`,
//! `attention`, `vector_ops`, `crop`); inside a folder, one file for each instruction set.
//! `simd` has what several operations share for one set. [`Isa`] names the sets and finds those
//! of this processor.
//!
//! Each kernel exists in plain Rust: the reference, which any processor can run. Where it pays, it
//! also exists by hand for an instruction set. All give the same bytes. Sums of floats therefore
//! keep one order: 16 lanes, then a fixed tree, without fused multiply-add.
//!
//! To add an instruction set: name it in [`Isa`], give it a layout in `conv/layout.rs` and a kernel
//! next to the others, and choose it in `Conv::run`. The tests then compare it with the reference.
//!
//! # Layout
//! A map is u8 or f32 `[height, width, channels]`. A pixel's channels are padded to a multiple of
//! 16. If a reader looks past the edge of a map, a border with the zero point surrounds it.
#![allow(unsafe_code, reason = "the one room for it; each block says why it is sound")]

#[macro_use]
mod simd;

mod add;
mod arena;
mod attention;
mod conv;
pub mod crop;
mod deconv;
mod depthwise;
mod f32_conv;
mod isa;
mod plan;
mod pool;
mod ports;
mod requant;
mod vector_ops;
mod workers;

#[cfg(test)]
mod tests;

pub use add::{AddSpec, Term};
pub use attention::AttendSpec;
pub use conv::ConvSpec;
pub use deconv::DeconvSpec;
pub use f32_conv::{PlaneConv, PlaneDouble};
pub use isa::Isa;
pub use plan::{MapId, Plan, PlanBuilder, Step, VecId, Workspace};
pub use pool::MaxPoolSpec;
pub use ports::{Input, InputPort, Output, OutputPort};
pub use requant::Quant;
pub use vector_ops::{Operand, VecOp};
pub use workers::Workers;

/// Why a plan cannot be built or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No kernel can compute the shapes or the values of a step.
    #[error("{step}: {what}")]
    Step {
        /// The kind of step.
        step: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The maps need more memory than the limit.
    #[error("the network's maps need {0} bytes, more than 1 GiB")]
    TooLarge(usize),
    /// The inputs or outputs of a run do not fit the plan.
    #[error("the plan's {port} does not fit the buffer: {what}")]
    Port {
        /// The buffer that does not fit.
        port: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl Error {
    fn step(step: &'static str, what: impl Into<String>) -> Error {
        Error::Step { step, what: what.into() }
    }
}
