//! Poses of people in boxes: crop, network, decoding.

mod decode;
mod estimate;
pub mod nms;

pub use decode::{Decoder, Peak};
pub use estimate::{Estimator, Options, Timing};

use crate::infer::manifest;
use crate::{crop, infer};
use std::path::PathBuf;

/// Keypoints that score less do not count for the score of a pose (COCO evaluation of the LPN paper).
pub const KEYPOINT_SCORE: f32 = 0.2;

/// Why a pose model does not load, or a frame gives no poses.
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
    /// A crop could not be cut.
    #[error(transparent)]
    Crop(#[from] crop::Error),
}
