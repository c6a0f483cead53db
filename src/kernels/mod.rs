//! The arithmetic: integer convolutions and their neighbours on NHWC bytes, chosen for the processor at run time.
//!
//! This is the only room with `unsafe`. A [`Plan`] is a list of steps over maps in one arena; building it
//! checks every extent against the arena, so running it needs no check a pixel. Each kernel exists as
//! plain Rust (the reference, and what any processor can run) and, where it pays, by hand for an
//! instruction set; all give the same bytes. Float sums keep one order (16 lanes, then a fixed tree, no
//! fused multiply-add) so that this holds for them too.
//!
//! # Layout
//! A map is u8 (or f32) `[height, width, channels]`; a pixel's channels are padded to a multiple of 16,
//! and a border holding the zero point is kept where a reader's kernel looks past the edge.
#![allow(unsafe_code, reason = "the room where it is allowed: each block says why it is sound")]

#[macro_use]
mod versions;
#[cfg(target_arch = "aarch64")]
mod aarch64;
mod add;
mod arena;
#[cfg(posed_neon)]
mod arm;
mod attention;
mod conv;
pub mod crop;
mod deconv;
mod depthwise;
mod fused;
#[cfg(target_arch = "x86_64")]
mod pairs;
mod planes;
mod pool;
mod ports;
mod requant;
mod vector;

mod isa;
mod plan;
#[cfg(test)]
mod tests;
mod workers;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use add::{AddSpec, Term};
pub use attention::AttendSpec;
pub use conv::ConvSpec;
pub use deconv::DeconvSpec;
pub use isa::Isa;
pub use plan::{MapId, Plan, PlanBuilder, Step, VecId, Workspace};
pub use planes::{PlaneConv, PlaneDouble};
pub use pool::MaxPoolSpec;
pub use ports::{Input, InputPort, Output, OutputPort};
pub use requant::Quant;
pub use vector::{Operand, VecOp};
pub use workers::Workers;

/// Why a plan cannot be built or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A step's shapes, or its values, are not what its kernel can compute.
    #[error("{step}: {what}")]
    Step {
        /// The step's kind.
        step: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The maps need more memory than any network should.
    #[error("the network's maps need {0} bytes, more than 1 GiB")]
    TooLarge(usize),
    /// `run` was given other inputs or outputs than the plan has.
    #[error("the plan's {port} does not fit the buffer: {what}")]
    Port {
        /// Which one.
        port: &'static str,
        /// The sizes.
        what: String,
    },
}

impl Error {
    fn step(step: &'static str, what: impl Into<String>) -> Error {
        Error::Step { step, what: what.into() }
    }
}
