//! Draws skeletons onto a picture.

use crate::keypoint::{Keypoint, LIMBS, Pose};
use image::{Rgb, RgbImage};

/// Keypoints that score less are not drawn.
pub const MIN_SCORE: f32 = 0.25;

/// Colours of the body's left side, right side and middle.
const LEFT: Rgb<u8> = Rgb([64, 200, 255]);
const RIGHT: Rgb<u8> = Rgb([255, 150, 40]);
const MIDDLE: Rgb<u8> = Rgb([120, 230, 90]);

/// Draws the skeleton of `pose`, in px of `picture`: the left side blue, the right side orange.
/// Line width grows with the person's size.
pub fn skeleton(picture: &mut RgbImage, pose: &Pose) {
    let size = (pose.bbox.area().sqrt() / 60.0).clamp(1.0, 6.0);
    let seen = |index: usize| pose.keypoints.get(index).filter(|k| k.score >= MIN_SCORE && k.is_finite());
    for &(a, b) in &LIMBS {
        if let (Some(from), Some(to)) = (seen(a), seen(b)) {
            line(picture, from, to, size, colour_of(a, b));
        }
    }
    for index in 0..pose.keypoints.len() {
        if let Some(k) = seen(index) {
            disc(picture, k.x_px, k.y_px, 1.6 * size + 0.5, Rgb([20, 20, 20]));
            disc(picture, k.x_px, k.y_px, 1.6 * size - 0.5, colour_of(index, index));
        }
    }
}

/// COCO's odd keypoints are on the left; the even ones, except the nose, on the right.
fn colour_of(a: usize, b: usize) -> Rgb<u8> {
    match (a, b) {
        (0, _) | (_, 0) => MIDDLE,
        _ if a % 2 != b % 2 => MIDDLE,
        _ if a % 2 == 1 => LEFT,
        _ => RIGHT,
    }
}

/// A line with round ends, `width` px wide.
fn line(picture: &mut RgbImage, from: &Keypoint, to: &Keypoint, width: f32, colour: Rgb<u8>) {
    let (dx, dy) = (to.x_px - from.x_px, to.y_px - from.y_px);
    let length2 = (dx * dx + dy * dy).max(1e-6);
    let low = |a: f32, b: f32| a.min(b) - width;
    let high = |a: f32, b: f32| a.max(b) + width;
    let x = (low(from.x_px, to.x_px), high(from.x_px, to.x_px));
    let y = (low(from.y_px, to.y_px), high(from.y_px, to.y_px));
    paint(picture, x, y, colour, |px, py| {
        let along = (((px - from.x_px) * dx + (py - from.y_px) * dy) / length2).clamp(0.0, 1.0);
        width / 2.0 - (px - from.x_px - along * dx).hypot(py - from.y_px - along * dy)
    });
}

fn disc(picture: &mut RgbImage, x: f32, y: f32, radius: f32, colour: Rgb<u8>) {
    let span = |centre: f32| (centre - radius - 1.0, centre + radius + 1.0);
    paint(picture, span(x), span(y), colour, |px, py| radius - (px - x).hypot(py - y));
}

/// Paints a shape with a smooth edge. `inside` returns the distance to its edge in px, positive
/// inside; `x` and `y` bound the shape.
fn paint(
    picture: &mut RgbImage,
    x: (f32, f32),
    y: (f32, f32),
    colour: Rgb<u8>,
    inside: impl Fn(f32, f32) -> f32,
) {
    // Float casts saturate, so any shape outside the picture is cut off.
    let span = |(low, high): (f32, f32)| (low.max(0.0) as u32)..(high.max(-1.0) + 1.0).ceil() as u32;
    let (columns, rows) = (span(x), span(y));
    for py in rows.start..rows.end.min(picture.height()) {
        for px in columns.start..columns.end.min(picture.width()) {
            let alpha = (inside(px as f32, py as f32) + 0.5).clamp(0.0, 1.0);
            let pixel = picture.get_pixel_mut(px, py);
            for (old, new) in pixel.0.iter_mut().zip(colour.0) {
                *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * alpha).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::BBox;
    use crate::keypoint::KEYPOINTS;

    #[test]
    fn limbs_are_drawn_between_their_keypoints_only() {
        let mut pose = Pose { bbox: BBox { x: 0.0, y: 0.0, w: 60.0, h: 60.0 }, ..Pose::default() };
        pose.keypoints[5] = Keypoint { x_px: 10.0, y_px: 10.0, score: 0.9 };
        pose.keypoints[7] = Keypoint { x_px: 50.0, y_px: 10.0, score: 0.9 };
        pose.keypoints[9] = Keypoint { x_px: 50.0, y_px: 50.0, score: 0.1 };
        let mut picture = RgbImage::new(64, 64);
        skeleton(&mut picture, &pose);
        assert_eq!(*picture.get_pixel(30, 10), LEFT);
        assert_eq!(*picture.get_pixel(50, 30), Rgb([0; 3]), "a wrist with a low score was drawn");
        assert_eq!(*picture.get_pixel(30, 20), Rgb([0; 3]));
    }

    #[test]
    fn far_and_non_finite_keypoints_do_not_panic() {
        for far in [-1e9, 1e9, f32::NAN, f32::INFINITY] {
            let mut pose = Pose { bbox: BBox { x: 0.0, y: 0.0, w: 9.0, h: 9.0 }, ..Pose::default() };
            pose.keypoints = [Keypoint { x_px: far, y_px: -far, score: 1.0 }; KEYPOINTS];
            skeleton(&mut RgbImage::new(16, 16), &pose);
        }
    }
}
