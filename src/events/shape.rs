//! The parts of a body that are seen, and the lengths between them.

use super::types::SEEN;
use crate::geometry::BBox;
use crate::keypoint::{KEYPOINTS, Keypoints};

/// Keypoints this close to the border (a share of the picture's side) may be guesses of what lies
/// outside.
const BORDER: f32 = 0.008;
/// Keypoints further outside the box than this share of its side are guesses.
const OUTSIDE: f32 = 0.15;
/// Length of the torso in widths of the shoulders, and in lengths of a thigh or a shin.
const TORSO_PER_SHOULDERS: f32 = 1.25;
const TORSO_PER_LIMB: f32 = 1.1;
/// A trunk further from upright than 60 degrees says something even without legs.
const FLAT: f32 = 1.732;

/// A point or a vector in px.
pub(super) type Point = [f32; 2];

/// What is seen of a body, in px of the display frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// The keypoints that are seen.
    pub(super) points: [Option<Point>; KEYPOINTS],
    /// Middle of the shoulders; without shoulders the head.
    pub(super) shoulders: Point,
    /// Middle of the hips.
    pub(super) hips: Point,
    /// The middle of the keypoints of the head.
    pub(super) head: Option<Point>,
}

impl Shape {
    /// The shape of a body, if shoulders (or head) and hips are seen, and a leg or a flat trunk.
    pub(super) fn of(keypoints: &Keypoints, bbox: &BBox, picture: Option<(u32, u32)>) -> Option<Shape> {
        let points = keypoints.map(|k| {
            let point = [k.x_px, k.y_px];
            (k.score >= SEEN && is_inside(point, bbox, picture)).then_some(point)
        });
        let head = mean(points[..5].iter().flatten());
        let hips = mean(points[11..13].iter().flatten())?;
        let shoulders = mean(points[5..7].iter().flatten()).or(head)?;
        let shape = Shape { points, shoulders, hips, head };
        let [x, y] = shape.spine();
        let told = points[13..].iter().any(Option::is_some) || x.abs() > FLAT * y.abs();
        told.then_some(shape)
    }

    /// From the shoulders to the hips.
    pub(super) fn spine(&self) -> Point {
        [self.hips[0] - self.shoulders[0], self.hips[1] - self.shoulders[1]]
    }

    /// Distance between two keypoints; 0 if one of them is not seen.
    pub(super) fn between(&self, a: usize, b: usize) -> f32 {
        match (self.points[a], self.points[b]) {
            (Some(a), Some(b)) => (a[0] - b[0]).hypot(a[1] - b[1]),
            _ => 0.0,
        }
    }

    /// From the middle of the hips to a keypoint.
    pub(super) fn relative_to_hips(&self, keypoint: usize) -> Option<Point> {
        self.points[keypoint].map(|[x, y]| [x - self.hips[0], y - self.hips[1]])
    }

    /// The least length that the torso can have in truth: foreshortening makes everything shorter,
    /// nothing longer.
    pub(super) fn scale(&self) -> f32 {
        let [x, y] = self.spine();
        let limbs = [(11, 13), (13, 15), (12, 14), (14, 16)].map(|(a, b)| match a {
            11 | 12 => self.relative_to_hips(b).map_or(0.0, |[x, y]| x.hypot(y)),
            _ => self.between(a, b),
        });
        let least = x.hypot(y).max(self.between(5, 6) * TORSO_PER_SHOULDERS);
        limbs.iter().fold(least, |least, limb| least.max(limb * TORSO_PER_LIMB))
    }

    /// How far the lower ankle is below the hips, in px.
    pub(super) fn ankle_drop(&self) -> Option<f32> {
        let drops = [15, 16].into_iter().filter_map(|i| self.relative_to_hips(i)).map(|[_, y]| y);
        drops.reduce(f32::max)
    }
}

fn is_inside([x, y]: Point, bbox: &BBox, picture: Option<(u32, u32)>) -> bool {
    let in_picture = picture.is_none_or(|(width, height)| {
        let (w, h) = (width as f32, height as f32);
        x > BORDER * w && x < (1.0 - BORDER) * w && y > BORDER * h && y < (1.0 - BORDER) * h
    });
    let reach = OUTSIDE * bbox.w.max(bbox.h);
    let in_box = x > bbox.x - reach
        && x < bbox.x + bbox.w + reach
        && y > bbox.y - reach
        && y < bbox.y + bbox.h + reach;
    in_picture && in_box
}

fn mean<'a>(points: impl Iterator<Item = &'a Point>) -> Option<Point> {
    let (sum, n) = points.fold(([0.0, 0.0], 0.0), |([x, y], n), p| ([x + p[0], y + p[1]], n + 1.0));
    (n > 0.0).then(|| [sum[0] / n, sum[1] / n])
}
