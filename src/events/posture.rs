//! How a body is held: standing, sitting, lying or crouching.
//!
//! A posture is judged by angles and by the lengths of the parts as they appear, in units of the
//! torso's true length. That length is the person's own while they stood; a still takes the least
//! length that the visible parts allow. So somebody who lies towards the camera, whose torso
//! appears short and upright, is not taken for somebody who stands.

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

/// How well each of [`Posture::KNOWN`] fits; their sum is at most 1.
pub(super) type Scores = [f32; 4];

/// The posture of a person in a still and its certainty, 0..=1. `bbox` is the person's box,
/// `picture` the size of the picture in px: keypoints at its border may be guesses. `None` trusts
/// them.
pub fn of_still(keypoints: &Keypoints, bbox: &BBox, picture: Option<(u32, u32)>) -> (Posture, f32) {
    Shape::of(keypoints, bbox, picture).map_or((Posture::Unknown, 0.0), |shape| best(&scores(&shape, None)))
}

/// The posture that fits best, and its certainty.
pub(super) fn best(scores: &Scores) -> (Posture, f32) {
    let fits = Posture::KNOWN.iter().zip(scores);
    let (&posture, &score) = fits.max_by(|a, b| a.1.total_cmp(b.1)).unwrap_or((&Posture::Unknown, &0.0));
    if score >= CERTAIN { (posture, score) } else { (Posture::Unknown, score) }
}

/// How well each posture fits a shape. `torso_px` is the length of the person's torso while they
/// stood, if that is known.
pub(super) fn scores(shape: &Shape, torso_px: Option<f32>) -> Scores {
    let look = Look::new(shape, torso_px);
    let fits = [look.standing(), look.sitting(), look.lying(), look.crouching()];
    let sum: f32 = fits.iter().sum();
    // A body that fits nothing well stays unknown.
    fits.map(|fit| fit / sum.max(0.35))
}

/// A shape in units of the torso's true length; drops are positive downward.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// Angle of the torso in degrees.
    tilt: f32,
    /// How far the hips are below the shoulders.
    spine: f32,
    /// How long the torso appears.
    torso: f32,
    /// How far the knees are below the hips.
    knee: f32,
    lowest_knee: f32,
    /// How far the ankles are below the hips, if they are seen.
    ankle: Option<f32>,
    /// How far the ankles are below the knees.
    shin: Option<f32>,
    /// How far the ankles are beside the hips.
    reach: f32,
    /// How straight the legs appear, 0..=1, also if they point at the camera.
    straight: f32,
    /// Where the knees are between the heights of the hips and of the ankles: 0.5 in the middle.
    mid: f32,
    /// How much lower one knee is than the other, and the height of the lower shin.
    stride: Option<(f32, f32)>,
    /// How much wider than tall the body is: 0 for a square.
    wide: f32,
}

/// 0 well below `middle`, 1 well above it; the change takes about four times `soft`.
fn above(value: f32, middle: f32, soft: f32) -> f32 {
    1.0 / (1.0 + (-(value - middle) / soft).exp())
}

fn below(value: f32, middle: f32, soft: f32) -> f32 {
    above(-value, -middle, soft)
}

impl Look {
    fn new(shape: &Shape, torso_px: Option<f32>) -> Look {
        let unit = shape.scale().max(torso_px.unwrap_or(0.0)).max(1.0);
        let (knee, lowest_knee) = shape.knee_drop().unwrap_or_default();
        let [width, height] = shape.extent();
        Look {
            tilt: shape.tilt(),
            spine: shape.spine()[1] / unit,
            torso: shape.torso() / unit,
            knee: knee / unit,
            lowest_knee: lowest_knee / unit,
            ankle: shape.ankle_drop().map(|(_, most)| most / unit),
            shin: shape.shin_drop().map(|drop| drop / unit),
            reach: shape.reach().unwrap_or(0.0) / unit,
            straight: shape
                .straightness()
                .map_or(0.3, |(line, balance)| above(line, 0.88, 0.03) * above(balance, 0.5, 0.07)),
            mid: shape.ankle_drop().map_or(0.0, |(mean, _)| if mean > 0.0 { knee / mean } else { 0.0 }),
            stride: shape.stride().map(|(knees, shin)| (knees / unit, shin / unit)),
            wide: (width / height.max(1.0)).max(0.01).ln(),
        }
    }

    /// A leg is long and under the hips, however the trunk is held; the head is not below the hips
    /// unless it hangs over straight legs.
    fn standing(&self) -> f32 {
        let long = match self.ankle {
            Some(ankle) => above(self.lowest_knee, 0.46, 0.05) * above(ankle, 0.98, 0.08),
            None => above(self.lowest_knee, 0.5, 0.05),
        };
        long.max(self.towering()) * below(self.wide, 0.2, 0.1) * (1.0 - 0.85 * self.astride())
    }

    /// Somebody who stands before a camera that looks down steeply: the legs appear short, but
    /// straight, with the knees half way. The thighs of somebody who sits appear shorter than the
    /// shins.
    fn towering(&self) -> f32 {
        let tall = below(self.wide, -0.85, 0.08) * above(self.ankle.unwrap_or(0.0), 0.7, 0.05);
        // The narrower a body, the less it can hide thighs that point at the camera.
        let half_way = above(self.mid - 0.1 * (self.wide + 0.85), 0.42, 0.02);
        self.straight * half_way * tall * above(self.spine, 0.66, 0.04)
    }

    /// The trunk is upright and the thighs are flat or point at the camera.
    fn sitting(&self) -> f32 {
        let flat = below(self.knee, 0.5, 0.06).max(self.astride());
        self.upright() * flat * (1.0 - 0.8 * self.towering()) * (1.0 - 0.8 * self.folded())
    }

    /// One knee is much higher than the other, and both shins point down: on a bicycle. In a stride
    /// the shin of the raised leg points back.
    fn astride(&self) -> f32 {
        let Some((knees, shin)) = self.stride else { return 0.0 };
        above(knees, 0.33, 0.02) * above(shin, 0.33, 0.04) * self.upright()
    }

    /// The trunk is flat, or appears much shorter than it is, and the legs are not under the hips.
    fn lying(&self) -> f32 {
        let flat = above(self.tilt, 58.0, 5.0).max(above(self.wide, 0.25, 0.1));
        let short = below(self.torso, 0.55, 0.06);
        let low = below(self.spine, 0.68, 0.05) * self.straight;
        let off_legs = match self.ankle {
            Some(ankle) => below(ankle, 0.9, 0.06) * below(self.knee, 0.52, 0.06),
            None => below(self.knee, 0.45, 0.07),
        };
        flat.max(short * 0.9).max(low) * off_legs
    }

    /// The hips are near the height of the ankles, which are under them; or the body kneels.
    fn crouching(&self) -> f32 {
        let Some(ankle) = self.ankle else { return 0.0 };
        let not_flat =
            below(self.tilt, 68.0, 5.0) * above(self.torso, 0.45, 0.06) * (1.0 - 0.8 * self.straight);
        let shins_flat = self.shin.map_or(0.0, |shin| below(shin, 0.35, 0.06));
        let kneeling = shins_flat * above(self.knee, 0.45, 0.07) * below(ankle, 1.1, 0.08);
        not_flat * (self.folded() * below(self.knee, 0.55, 0.07)).max(kneeling)
    }

    /// The trunk leans over feet that are under low hips: how people crouch, and hardly ever sit.
    fn folded(&self) -> f32 {
        let Some(ankle) = self.ankle else { return 0.0 };
        let leans = above(1.25 - self.spine - 0.22 * ankle - 0.48 * self.reach, 0.0, 0.05);
        leans * above(self.spine, 0.52, 0.05) * above(ankle, 0.25, 0.06) * below(ankle, 0.95, 0.06)
    }

    fn upright(&self) -> f32 {
        below(self.tilt, 52.0, 5.0) * above(self.spine, 0.5, 0.06)
    }
}
