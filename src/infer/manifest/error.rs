//! What can be wrong with a model's folder.

use std::path::PathBuf;

/// Why a model's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the folder cannot be read.
    #[error("model file {path}: {source}; is this a model's folder?")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is not the TOML that it should be.
    #[error("{path}: {source}")]
    Syntax {
        /// The manifest.
        path: PathBuf,
        /// Line, column and reason.
        source: Box<toml::de::Error>,
    },
    /// A value of the manifest is impossible.
    #[error("{path}: {key}: {reason}")]
    Value {
        /// The manifest.
        path: PathBuf,
        /// Which value.
        key: &'static str,
        /// What is wrong, and what would do.
        reason: String,
    },
    /// The network is not the one that the manifest was written for.
    #[error(
        "{path} is damaged or another file: its sha256 is {got}, the manifest says {want}; fetch it anew"
    )]
    Checksum {
        /// The ONNX file.
        path: PathBuf,
        /// What it has.
        got: String,
        /// What it should have.
        want: String,
    },
    /// The model is good, but not for this.
    #[error("{path}: the model is a {got}, a {want} is needed here")]
    Kind {
        /// The manifest.
        path: PathBuf,
        /// What it is.
        got: &'static str,
        /// What it should be.
        want: &'static str,
    },
    /// No folder of that name in any of the places.
    #[error("no model {name:?} in {tried}; set POSED_MODELS, or pass its folder")]
    NotFound {
        /// The model's name.
        name: String,
        /// Where it was looked for.
        tried: String,
    },
}
