//! Why a model does not load, or its network does not run.

use super::manifest;
use crate::crop;
use std::path::PathBuf;

/// Why a model does not load, or its network does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model's folder cannot be used.
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// The network's output is not what the manifest describes.
    #[error("{path}: the network gives {got}, the manifest says {want}")]
    Output {
        /// The manifest.
        path: PathBuf,
        /// Maps, rows and columns of the network's output.
        got: String,
        /// Those that the manifest describes.
        want: String,
    },
    /// A crop could not be cut.
    #[error(transparent)]
    Crop(#[from] crop::Error),
    /// The ONNX file cannot be read.
    #[error("model file {path}: {source}")]
    Read {
        /// The ONNX file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file holds no network that posed can run.
    #[error("model file {path}: {reason}; export it again, or download it again if it is damaged")]
    Model {
        /// The ONNX file.
        path: PathBuf,
        /// What is wrong with it: the whole chain of causes.
        reason: String,
    },
    /// The file and its manifest describe different networks.
    #[error("model file {path} does not match its model.toml: {what}")]
    Mismatch {
        /// The ONNX file.
        path: PathBuf,
        /// The value that differs, in the file and in the manifest.
        what: String,
    },
    /// This program or processor does not have the requested kernels.
    #[error("kernels {asked:?} are not available on this machine; use one of: {have}")]
    Kernels {
        /// The requested name.
        asked: String,
        /// The available names.
        have: String,
    },
    /// The operating system refused a worker thread.
    #[error("cannot start an inference worker thread: {0}")]
    Threads(std::io::Error),
    /// `run` got a buffer of another network, or more crops than the network was sized for.
    #[error("{0}")]
    Input(String),
    /// An operator failed.
    #[error("inference failed: {0}")]
    Run(String),
}
