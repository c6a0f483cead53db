//! Reads the colours of a person's [`Clothes`] off a frame.

use crate::crop::Cropper;
use crate::frame::Frame;
use crate::geometry::{Affine, View};
use crate::keypoint::{Keypoint, Keypoints};
use crate::track::Clothes;

/// Patch that is sampled of a part of the body, in samples along and across it.
const ALONG: usize = 6;
const ACROSS: usize = 4;
/// Middle of a part, in shares of its length: its ends are as often a hand, a belt or the floor.
const FROM: f32 = 0.2;
const TO: f32 = 0.8;
/// Half width of the patch, in lengths of the part: narrow enough for a body seen from the side.
const TRUNK_HALF: f32 = 0.1;
const THIGH_HALF: f32 = 0.05;
/// A part shorter than this in the frame shows no colour of its own.
const MIN_LENGTH_PX: f32 = 4.0;
const LEFT_SHOULDER: usize = 5;
const RIGHT_SHOULDER: usize = 6;
const LEFT_HIP: usize = 11;
const RIGHT_HIP: usize = 12;
const LEFT_KNEE: usize = 13;
const RIGHT_KNEE: usize = 14;

/// Reads clothes off frames; one per inference thread or camera.
#[derive(Debug)]
pub struct Wardrobe {
    cropper: Cropper,
}

impl Default for Wardrobe {
    fn default() -> Self {
        Wardrobe { cropper: Cropper::new(ALONG, ACROSS, false) }
    }
}

impl Wardrobe {
    /// What the body of `keypoints`, px of the display frame that `view` describes, wears in `frame`.
    /// Keypoints below `min_score` say nothing.
    pub fn read(&mut self, frame: &Frame, view: &View, keypoints: &Keypoints, min_score: f32) -> Clothes {
        let point = |index: usize| keypoints.get(index).filter(|k| k.score >= min_score).map(place);
        let middle = |a, b| {
            let ((ax, ay), (bx, by)) = (point(a)?, point(b)?);
            Some(((ax + bx) / 2.0, (ay + by) / 2.0))
        };
        let trunk = middle(LEFT_SHOULDER, RIGHT_SHOULDER).zip(middle(LEFT_HIP, RIGHT_HIP));
        // Of one leg: between both of somebody who walks is the background.
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

/// Samples of the patch about the middle of a part of the body -> display px; `None` of one that is too short.
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

    /// A frame that is red above row 50 and blue below, but for two green columns at either side of x = 50.
    fn frame() -> Frame {
        let colour = |x: usize, y: usize| match x {
            0..=40 | 60.. => [0, 255, 0],
            _ if y < 50 => RED,
            _ => BLUE,
        };
        let pixels: Vec<u8> = (0..100 * 100).flat_map(|i| colour(i % 100, i / 100)).collect();
        Frame::still(100, 100, pixels).unwrap()
    }

    /// Seen from the side: shoulders, hips and knees one below another.
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
    fn a_shirt_and_trousers_are_read_and_not_what_is_beside_them() {
        let (frame, view) = (frame(), View::new(100, 100, (1, 1), Rotate::None));
        let Clothes { trunk, legs } = Wardrobe::default().read(&frame, &view, &standing(), 0.2);
        assert!(near(trunk, RED) && near(legs, BLUE), "{trunk:?} {legs:?}");
        // The same scene by a camera that hangs upside down.
        let view = View::new(100, 100, (1, 1), Rotate::Half);
        let turned = standing().map(|k| Keypoint { y_px: 100.0 - k.y_px, ..k });
        let Clothes { trunk, legs } = Wardrobe::default().read(&frame, &view, &turned, 0.2);
        assert!(near(trunk, RED) && near(legs, BLUE), "{trunk:?} {legs:?}");
    }

    #[test]
    fn what_is_out_of_sight_or_no_number_has_no_colour() {
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
