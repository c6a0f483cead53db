//! Loads networks and runs them over crops. The only module that knows tract.
//!
//! A [`Model`] is a model's manifest, its [`Network`], and the cropper and buffer of its input.
//! [`Network::load`] reads an ONNX file. If the rewriter knows the whole graph, the network becomes
//! one plan of this crate's integer kernels and reads the crop's bytes
//! ([`InputForm::Quantized`]). Otherwise tract runs the graph, with our operators where they apply
//! ([`InputForm::Float`]).
//!
//! ```text
//! ONNX file ─► onnx_limits ─► tract's typed graph ─► lower ─► partition ─┬─► one plan
//!              refuses hostile                       meanings  ours or   └─► rewrite: tract's
//!              numbers                               and steps tract's       graph with plan_op
//! ```

mod consts;
mod error;
mod explain;
mod f32_ops;
mod input;
mod load;
mod lower;
pub mod manifest;
mod model;
mod network;
mod onnx_limits;
mod options;
mod plan_op;
mod quantize_ops;
mod rewrite;
mod runner;

pub use crate::crop::{InputBuffer, InputForm};
pub use error::Error;
pub use explain::Explain;
pub use input::{Channels, InputSpec};
pub use model::Model;
pub use network::Network;
pub use options::NetworkOptions;
