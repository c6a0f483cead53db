//! [`Clothes`]: the colours that somebody wears, by which people are told apart whose ways cross.

use crate::crop::Cropper;
use crate::frame::Frame;
use crate::geometry::{Affine, View};
use crate::keypoint::{Keypoint, Keypoints};

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
/// Colours farther apart than this are of different clothes, nearly surely. Levels of 255.
const FAR: f32 = 36.0;
/// What brightness counts beside hue: a shadow is no other shirt.
const BRIGHTNESS: f32 = 0.4;

const LEFT_SHOULDER: usize = 5;
const RIGHT_SHOULDER: usize = 6;
const LEFT_HIP: usize = 11;
const RIGHT_HIP: usize = 12;
const LEFT_KNEE: usize = 13;
const RIGHT_KNEE: usize = 14;

/// Mean colours of the trunk and of a thigh, R, G, B in 0..=255; `None` of what is out of sight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clothes([Option<[f32; 3]>; 2]);

impl Clothes {
    /// Of the trunk, and of the legs.
    pub fn new(trunk: Option<[f32; 3]>, legs: Option<[f32; 3]>) -> Clothes {
        Clothes([trunk, legs])
    }

    /// How well two fit the same person, 0..=1; `None` if they have no part in common.
    pub fn likeness(&self, other: &Clothes) -> Option<f32> {
        let pairs = self.0.iter().zip(&other.0).filter_map(|(a, b)| Some((a.as_ref()?, b.as_ref()?)));
        let (sum, count) = pairs.fold((0.0, 0.0), |(sum, n), (a, b)| (sum + alike(a, b), n + 1.0));
        (count > 0.0).then(|| sum / count)
    }

    /// Comes nearer to `seen` by this share; what was unknown is taken as seen.
    pub fn follow(&mut self, seen: &Clothes, share: f32) {
        for (own, seen) in self.0.iter_mut().zip(&seen.0) {
            match (own.as_mut(), seen) {
                (Some(own), Some(seen)) => {
                    own.iter_mut().zip(seen).for_each(|(own, seen)| *own += share * (seen - *own));
                }
                (None, Some(_)) => *own = *seen,
                (_, None) => {}
            }
        }
    }
}

fn alike(a: &[f32; 3], b: &[f32; 3]) -> f32 {
    let grey = |c: &[f32; 3]| 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
    let (la, lb) = (grey(a), grey(b));
    let hue = |i: usize| (a[i] - la) - (b[i] - lb);
    let bright = BRIGHTNESS * (la - lb);
    let distance2 = hue(0) * hue(0) + hue(2) * hue(2) + bright * bright;
    (-distance2 / (2.0 * (FAR / 2.0) * (FAR / 2.0))).exp()
}

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
        Clothes([mean(trunk, TRUNK_HALF), mean(legs, THIGH_HALF)])
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
        let Clothes([trunk, legs]) = Wardrobe::default().read(&frame, &view, &standing(), 0.2);
        assert!(near(trunk, RED) && near(legs, BLUE), "{trunk:?} {legs:?}");
        // The same scene by a camera that hangs upside down.
        let view = View::new(100, 100, (1, 1), Rotate::Half);
        let turned = standing().map(|k| Keypoint { y_px: 100.0 - k.y_px, ..k });
        let Clothes([trunk, legs]) = Wardrobe::default().read(&frame, &view, &turned, 0.2);
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
        assert!(Wardrobe::default().read(&frame, &view, &outside, 0.2).0[0].is_some());
    }

    #[test]
    fn a_shadow_is_the_same_shirt_and_another_colour_is_not() {
        let of = |[r, g, b]: [u8; 3]| Clothes::new(Some([r, g, b].map(f32::from)), None);
        let alike = |a, b| of(a).likeness(&of(b)).unwrap();
        assert!(alike(RED, RED) == 1.0 && alike(RED, BLUE) < 0.01);
        assert!(alike(RED, [185, 15, 25]) > 0.8);
        assert_eq!(of(RED).likeness(&Clothes::new(None, Some([1.0; 3]))), None);
        let mut own = of(RED);
        own.follow(&Clothes::new(Some([0.0; 3]), Some([9.0; 3])), 0.5);
        assert_eq!(own, Clothes::new(Some([100.0, 15.0, 20.0]), Some([9.0; 3])));
    }
}
