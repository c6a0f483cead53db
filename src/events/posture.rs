//! How a body is held: standing, sitting, lying or crouching.
//!
//! A posture is judged by the lengths and the places of the parts as they appear, in units of the
//! torso's true length. That length is the person's own while they stood; a still takes the least
//! length that the visible parts allow. A small network turns these numbers into probabilities.

use super::look::features;
use super::net::{self, Scores};
use super::shape::Shape;
use crate::geometry::BBox;
use crate::keypoint::Keypoints;
use serde::{Deserialize, Serialize};

/// Below this certainty a posture is unknown.
const CERTAIN: f32 = 0.4;

/// How a body is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posture {
    /// On the feet, legs long; also bent over them, walking and running.
    Standing,
    /// On a chair, a sofa, a bicycle or the floor.
    Sitting,
    /// On the floor, a bed or a sofa.
    Lying,
    /// Hips near the feet, or kneeling.
    Crouching,
    /// Not to be told: legs or hips are not seen, or it is between two postures.
    #[default]
    Unknown,
}

impl Posture {
    /// The four that can be told, in the order of [`Scores`].
    pub const KNOWN: [Posture; 4] = [Posture::Standing, Posture::Sitting, Posture::Lying, Posture::Crouching];

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Posture::Standing => "standing",
            Posture::Sitting => "sitting",
            Posture::Lying => "lying",
            Posture::Crouching => "crouching",
            Posture::Unknown => "unknown",
        }
    }
}

/// The posture of a person in a still and its certainty, 0..=1. `bbox` is the person's box,
/// `picture` the size of the picture in px: keypoints at its border may be guesses. `None` trusts
/// them.
pub fn of_still(keypoints: &Keypoints, bbox: &BBox, picture: Option<(u32, u32)>) -> (Posture, f32) {
    Shape::of(keypoints, bbox, picture)
        .map_or((Posture::Unknown, 0.0), |shape| best(&net::of_still(&features(&shape, None))))
}

/// The posture that fits best, and its certainty.
pub(super) fn best(scores: &Scores) -> (Posture, f32) {
    let fits = Posture::KNOWN.iter().zip(scores);
    let (&posture, &score) = fits.max_by(|a, b| a.1.total_cmp(b.1)).unwrap_or((&Posture::Unknown, &0.0));
    if score >= CERTAIN { (posture, score) } else { (Posture::Unknown, score) }
}
