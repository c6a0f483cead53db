//! Poses of people in boxes: crop, network, decoding.

mod border;
mod decode;
mod estimate;
pub mod nms;

pub use decode::{Decoder, Peak};
pub use estimate::{Estimator, Options, PoseTiming};

/// Keypoints that score less do not count for the score of a pose, as in the LPN paper's evaluation
/// on COCO.
pub const KEYPOINT_SCORE: f32 = 0.2;
