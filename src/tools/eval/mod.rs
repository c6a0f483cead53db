//! COCO's keypoint evaluation of poses: average precision and recall by OKS.

mod coco;
mod dataset;
mod plot;
pub mod postures;

pub use coco::{Detail, Summary, detail, evaluate};
pub use dataset::{Annotation, Dataset, Error, Image};
pub use plot::{SIZE as PLOT_SIZE, plot};

use crate::keypoint::Keypoints;

/// One estimated pose.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Id of the picture.
    pub image_id: u64,
    /// Confidence; only its order matters.
    pub score: f64,
    /// [x, y] of each keypoint in px, in COCO's order.
    pub points: [[f64; 2]; crate::keypoint::KEYPOINTS],
}

impl Estimate {
    /// An estimate from the keypoints of a pose, in px of picture `image_id`.
    pub fn new(image_id: u64, score: f64, keypoints: &Keypoints) -> Estimate {
        Estimate { image_id, score, points: keypoints.map(|k| [f64::from(k.x_px), f64::from(k.y_px)]) }
    }
}
