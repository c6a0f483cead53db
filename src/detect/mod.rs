//! Where people are: the person finder, and when to run it.

pub mod centers;
mod finder;
pub mod look;
pub mod motion;
pub mod search;

pub use finder::Finder;

use crate::geometry::BBox;
use crate::infer::manifest;
use crate::{crop, infer};
use std::path::PathBuf;

/// A person, as the finder sees one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Where, in px of the frame it is given in.
    pub bbox: BBox,
    /// Confidence, 0..=1.
    pub score: f32,
}

/// Why a person finder does not load, or finds nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model's folder is not good.
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// The network does not load or run.
    #[error(transparent)]
    Network(#[from] infer::Error),
    /// The network gives something else than the manifest says.
    #[error("{path}: the network gives {got}, the manifest says {want}")]
    Output {
        /// The manifest.
        path: PathBuf,
        /// What it gives.
        got: String,
        /// What it should give.
        want: String,
    },
    /// The frame could not be scaled into the network's input.
    #[error(transparent)]
    Crop(#[from] crop::Error),
}
