//! The room that knows tract: loads a pose network and runs it over crops.
//!
//! A model whose whole graph the rewriter knows runs as one plan of this crate's own integer
//! kernels, straight from the crop's bytes ([`InputForm::Quantized`]). Any other runs in tract, with
//! our operators where they apply ([`InputForm::Float`]).

mod consts;
mod explain;
mod float;
mod fused;
mod load;
mod lower;
pub mod manifest;
mod network;
mod qdq;
mod rewrite;
mod vet;

pub use explain::Explain;
pub use network::Network;

/// What a network's input is, as the model's manifest says it.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSpec {
    /// Name of the ONNX graph's input.
    pub name: String,
    /// Rows of a crop.
    pub height: usize,
    /// Columns of a crop.
    pub width: usize,
    /// Mean of each channel in pixel units (0..=255), in the model's channel order.
    pub mean: [f32; 3],
    /// Standard deviation of each channel in pixel units, in the model's channel order.
    pub std: [f32; 3],
}

impl InputSpec {
    /// What the network reads for pixel value `v` of channel `c`: `(v - mean) / std`.
    pub fn normalised(&self, c: usize, v: u8) -> f32 {
        (f32::from(v) - self.mean[c]) / self.std[c]
    }
}

/// How a network is to be run.
#[derive(Debug, Clone, Default)]
pub struct NetworkOptions {
    /// Kernels to use (`generic`, `avx2`, ...; `tract`: none of ours, for comparison); `None`: `POSED_KERNELS`, else the best of this processor.
    pub kernels: Option<String>,
    /// Threads that share the work of one [`Network::run`]; 0 counts as 1.
    pub threads: usize,
    /// The most crops that one [`Network::run`] takes; 0 counts as 1.
    pub max_batch: usize,
}

/// What the crop writes and the network reads, decided by the model at load.
#[derive(Debug, Clone)]
pub enum InputForm {
    /// u8 `[N, H, W, 3]`, channels in the model's order: pixel value `v` of channel `c` becomes
    /// `lut[c][v]` (normalisation and QuantizeLinear in one table).
    Quantized {
        /// Table a channel.
        lut: Box<[[u8; 256]; 3]>,
    },
    /// f32 `[N, 3, H, W]`, channels in the model's order: pixel value `v` of channel `c` becomes `lut[c][v]`.
    Float {
        /// Table a channel.
        lut: Box<[[f32; 256]; 3]>,
    },
}

/// A batch of crops in the network's [`InputForm`], sized for the largest batch once.
#[derive(Debug, Clone)]
pub enum InputBuffer {
    /// u8 `[max_batch, H, W, 3]`.
    Quantized(Vec<u8>),
    /// f32 `[max_batch, 3, H, W]`.
    Float(Vec<f32>),
}

/// Why a network does not load or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ONNX file cannot be read.
    #[error("model file {path}: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a network that can be run.
    #[error("model file {path}: {reason}; export it again, or fetch it anew if it is damaged")]
    Model {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it, the whole chain of causes.
        reason: String,
    },
    /// The file and its manifest do not describe the same network.
    #[error("model file {path} does not fit its manifest: {what}")]
    Mismatch {
        /// The file.
        path: std::path::PathBuf,
        /// Which value differs.
        what: String,
    },
    /// Kernels that this program or processor does not have were asked for.
    #[error("kernels {asked:?} cannot be used here; have: {have}")]
    Kernels {
        /// The name asked for.
        asked: String,
        /// Names that would do.
        have: String,
    },
    /// The operating system gave no worker thread.
    #[error("cannot start an inference worker thread: {0}")]
    Threads(std::io::Error),
    /// `run` was called with a buffer of another network, or for more crops than it was sized for.
    #[error("{0}")]
    Input(String),
    /// An operator failed.
    #[error("inference failed: {0}")]
    Run(String),
}
