//! [`Wardrobe`]: reads the colours of a person's [`Clothes`] from a frame.

use crate::crop::Cropper;
use crate::frame::Frame;
use crate::geometry::{Affine, View};
use crate::keypoint::{Keypoint, Keypoints};
use crate::track::Clothes;

/// Samples along and across a patch of the body.
const ALONG: usize = 6;
const ACROSS: usize = 4;
/// The patch lies between these shares of a limb's length. Its ends often show a hand, a belt or
/// the floor.
const FROM: f32 = 0.2;
const TO: f32 = 0.8;
/// Half width of the patch, as a share of the limb's length. Narrow enough for a body in profile.
const TRUNK_HALF: f32 = 0.1;
const THIGH_HALF: f32 = 0.05;
/// A shorter limb shows no colour.
const MIN_LENGTH_PX: f32 = 4.0;
const LEFT_SHOULDER: usize = 5;
const RIGHT_SHOULDER: usize = 6;
const LEFT_HIP: usize = 11;
const RIGHT_HIP: usize = 12;
const LEFT_KNEE: usize = 13;
const RIGHT_KNEE: usize = 14;

/// Reads clothes from frames. Each camera has one.
#[derive(Debug)]
pub struct Wardrobe {
    cropper: Cropper,
}

impl Default for Wardrobe {
    fn default() -> Self {
        Wardrobe { cropper: Cropper::new(ALONG, ACROSS) }
    }
}

impl Wardrobe {
    /// The clothes of a person in `frame`. `keypoints` are in px of the display frame that `view`
    /// describes; those below `min_score` are ignored.
    pub fn read(&mut self, frame: &Frame, view: &View, keypoints: &Keypoints, min_score: f32) -> Clothes {
        let point = |index: usize| keypoints.get(index).filter(|k| k.score >= min_score).map(place);
        let middle = |a, b| {
            let ((ax, ay), (bx, by)) = (point(a)?, point(b)?);
            Some(((ax + bx) / 2.0, (ay + by) / 2.0))
        };
        let trunk = middle(LEFT_SHOULDER, RIGHT_SHOULDER).zip(middle(LEFT_HIP, RIGHT_HIP));
        // One leg alone: between the legs of a walking person is background.
        let thigh = |hip, knee| point(hip).zip(point(knee));
        let legs = thigh(LEFT_HIP, LEFT_KNEE).or_else(|| thigh(RIGHT_HIP, RIGHT_KNEE));
        let mut mean = |part: Option<((f32, f32), (f32, f32))>, half: f32| {
            let map = patch(part?, half)?.then(&view.to_stored);
            Some(self.cropper.mean_colour(frame, &map))
        };
        Clothes { trunk: mean(trunk, TRUNK_HALF), legs: mean(legs, THIGH_HALF) }
    }
}

fn place(keypoint: &Keypoint) -> (f32, f32) {
    (keypoint.x_px, keypoint.y_px)
}

/// Maps samples of the patch around the middle of a limb to display px; `None` if it is too short.
fn patch(((x0, y0), (x1, y1)): ((f32, f32), (f32, f32)), half: f32) -> Option<Affine> {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let length = dx.hypot(dy);
    let along = (TO - FROM) / (ALONG - 1) as f32;
    let across = 2.0 * half / (ACROSS - 1) as f32;
    (length.is_finite() && length >= MIN_LENGTH_PX).then(|| Affine {
        x: [along * dx, -across * dy, x0 + FROM * dx + half * dy],
        y: [along * dy, across * dx, y0 + FROM * dy - half * dx],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rotate;

    const RED: [u8; 3] = [200, 30, 40];
    const BLUE: [u8; 3] = [20, 40, 160];

    /// Red above row 50 and blue below, green left and right of the middle.
    fn frame() -> Frame {
        let colour = |x: usize, y: usize| match x {
            0..=40 | 60.. => [0, 255, 0],
            _ if y < 50 => RED,
            _ => BLUE,
        };
        let pixels: Vec<u8> = (0..100 * 100).flat_map(|i| colour(i % 100, i / 100)).collect();
        Frame::still(100, 100, pixels).unwrap()
    }

    /// In profile: shoulders, hips and knees one below another.
    fn standing() -> Keypoints {
        let mut body = Keypoints::default();
        for (index, y_px) in [(5, 10.0), (6, 10.0), (11, 50.0), (12, 50.0), (13, 90.0), (14, 90.0)] {
            body[index] = Keypoint { x_px: 50.0, y_px, score: 0.9 };
        }
        body
    }

    fn near(clothes: Option<[f32; 3]>, colour: [u8; 3]) -> bool {
        clothes.is_some_and(|c| c.iter().zip(colour).all(|(c, want)| (c - f32::from(want)).abs() < 2.0))
    }

    #[test]
    fn shirt_and_trousers_are_read_without_the_background() {
        let (frame, view) = (frame(), View::new(100, 100, (1, 1), Rotate::None));
        let Clothes { trunk, legs } = Wardrobe::default().read(&frame, &view, &standing(), 0.2);
        assert!(near(trunk, RED) && near(legs, BLUE), "{trunk:?} {legs:?}");
        // The same from a camera that hangs upside down.
        let view = View::new(100, 100, (1, 1), Rotate::Half);
        let turned = standing().map(|k| Keypoint { y_px: 100.0 - k.y_px, ..k });
        let Clothes { trunk, legs } = Wardrobe::default().read(&frame, &view, &turned, 0.2);
        assert!(near(trunk, RED) && near(legs, BLUE), "{trunk:?} {legs:?}");
    }

    #[test]
    fn hidden_and_invalid_keypoints_have_no_colour() {
        let (frame, view) = (frame(), View::new(100, 100, (1, 1), Rotate::None));
        let mut body = standing();
        body[5].score = 0.1;
        body[13].x_px = f32::NAN;
        body[14].score = 0.1;
        assert_eq!(Wardrobe::default().read(&frame, &view, &body, 0.2), Clothes::default());
        let point = standing().map(|k| Keypoint { y_px: 50.0, ..k });
        assert_eq!(Wardrobe::default().read(&frame, &view, &point, 0.2), Clothes::default());
        let outside = standing().map(|k| Keypoint { x_px: k.x_px + 1e6, ..k });
        assert!(Wardrobe::default().read(&frame, &view, &outside, 0.2).trunk.is_some());
    }
}
