//! What can be wrong with a model's folder.

use std::path::PathBuf;

/// Why a model's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the folder cannot be read.
    #[error("cannot read model file {path}: {source}; a model is a folder with model.toml and an ONNX file")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The manifest is not TOML, or has an unknown, missing or mistyped key.
    #[error("{path}: {source}")]
    Syntax {
        /// The manifest.
        path: PathBuf,
        /// Line, column and reason.
        source: Box<toml::de::Error>,
    },
    /// The manifest has an invalid value.
    #[error("{path}: {key}: {reason}")]
    Value {
        /// The manifest.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong, and which values are valid.
        reason: String,
    },
    /// The ONNX file is not the one that the manifest describes.
    #[error(
        "{path} is damaged or another file: its sha256 is {got}, model.toml says {want}; download the model again"
    )]
    Checksum {
        /// The ONNX file.
        path: PathBuf,
        /// The checksum of the file.
        got: String,
        /// The checksum in the manifest.
        want: String,
    },
    /// The model is valid, but of the wrong kind.
    #[error("{path}: this is a {got} model; use a {want} model here")]
    Kind {
        /// The manifest.
        path: PathBuf,
        /// The model's kind.
        got: &'static str,
        /// The kind that is needed.
        want: &'static str,
    },
    /// No model folder of that name.
    #[error("no model {name:?} in {tried}; set POSED_MODELS, or pass the model's folder")]
    NotFound {
        /// The model's name.
        name: String,
        /// The folders that were searched.
        tried: String,
    },
}
