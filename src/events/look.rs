//! What the posture networks look at: proportions of a body, the same numbers as those of
//! `models/lpn/lpn/postures`.
//!
//! A body and its mirror image give the same numbers: x counts towards the side of the knees, and
//! the legs and the arms are told apart by height only.

use super::shape::{Point, Shape};
use crate::geometry::BBox;

/// How many numbers there are.
pub(super) const FEATURES: usize = 40;
/// How many numbers there are of somebody who stood before.
pub(super) const STOOD_FEATURES: usize = FEATURES + 7;
/// No number is further from 0.
const LIMIT: f32 = 3.0;
/// Narrowest body, in heights.
const NARROWEST: f32 = 0.01;

/// A person's size and place while they stood, in px.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stood {
    /// Length of the torso.
    pub(super) torso: f32,
    /// How far the hips were above the ankles.
    pub(super) legs: f32,
    /// Row of the feet.
    pub(super) feet_y: f32,
}

/// Writes numbers one after the other, in units of the torso's length.
struct Writer<const N: usize> {
    values: [f32; N],
    at: usize,
    unit: f32,
    /// -1 if the knees are to the left of the hips.
    flip: f32,
}

impl<const N: usize> Writer<N> {
    fn number(&mut self, value: f32) {
        self.values[self.at] = if value.is_finite() { value.clamp(-LIMIT, LIMIT) } else { 0.0 };
        self.at += 1;
    }

    fn vector(&mut self, [x, y]: Point) {
        self.number(x * self.flip / self.unit);
        self.number(y / self.unit);
    }

    /// A vector and whether it is seen.
    fn part(&mut self, part: Option<Point>) {
        self.vector(part.unwrap_or_default());
        self.number(f32::from(u8::from(part.is_some())));
    }
}

/// The numbers of a body. `torso_px` is the length of the torso while the person stood.
pub(super) fn features(shape: &Shape, torso_px: Option<f32>) -> [f32; FEATURES] {
    let least = shape.scale().max(1.0);
    let unit = least.max(torso_px.unwrap_or(0.0));
    let mut to = Writer { values: [0.0; FEATURES], at: 0, unit, flip: flip(shape) };
    let spine = shape.spine();
    to.vector(spine);
    to.part(shape.head.map(|head| [head[0] - shape.shoulders[0], head[1] - shape.shoulders[1]]));
    let [a, b] = by_height(shape, |shape, side| higher(shape, 13 + side, 15 + side));
    for leg in [a, b] {
        to.part(shape.relative_to_hips(13 + leg));
        to.part(shape.relative_to_hips(15 + leg));
    }
    for arm in by_height(shape, |shape, side| higher(shape, 9 + side, 9 + side)) {
        to.part(shape.relative_to_hips(9 + arm));
    }
    let torso = length(spine);
    to.number(torso / unit);
    to.number(spine[1] / torso.max(1e-6));
    to.number(spine[0].abs() / torso.max(1e-6));
    to.number(shape.between(5, 6) / unit);
    to.number(shape.between(11, 12) / unit);
    for leg in [a, b] {
        to.number(thigh(shape, leg) / unit);
        to.number(shape.between(13 + leg, 15 + leg) / unit);
    }
    [a, b].into_iter().for_each(|leg| to.number(straight(shape, leg)));
    let ([width, height], lowest) = extent(shape);
    to.number(width / unit);
    to.number(height / unit);
    to.number((width / height.max(1.0)).max(NARROWEST).ln());
    to.number((lowest - shape.hips[1]) / unit);
    to.number(f32::from(u8::from(torso_px.is_some_and(|px| px > 0.0))));
    to.number(least / unit);
    to.values
}

/// The numbers of somebody who stood before, whether or not their keypoints say anything now.
pub(super) fn of_known(
    body: Option<(&Shape, &[f32; FEATURES])>,
    bbox: &BBox,
    stood: &Stood,
) -> [f32; STOOD_FEATURES] {
    let mut to = Writer { values: [0.0; STOOD_FEATURES], at: FEATURES, unit: 1.0, flip: 1.0 };
    if let Some((_, numbers)) = body {
        to.values[..FEATURES].copy_from_slice(numbers);
    }
    to.number(body.map_or(0.0, |(shape, _)| (stood.feet_y - shape.hips[1]) / stood.legs));
    to.number((stood.feet_y - bbox.y) / stood.legs);
    to.number((stood.feet_y - bbox.y - bbox.h) / stood.legs);
    to.number(bbox.w / stood.legs);
    to.number(bbox.h / stood.legs);
    to.number(stood.torso / stood.legs);
    to.number(f32::from(u8::from(body.is_some())));
    to.values
}

fn length([x, y]: Point) -> f32 {
    x.hypot(y)
}

/// Towards the side of the knees, or of the ankles if no knee is seen.
fn flip(shape: &Shape) -> f32 {
    let side = |a: usize, b: usize| {
        let seen = [a, b].into_iter().filter_map(|i| shape.relative_to_hips(i)).map(|[x, _]| x);
        let (sum, n) = seen.fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
        (n > 0.0).then_some(sum / n)
    };
    if side(13, 14).or(side(15, 16)).unwrap_or(0.0) < 0.0 { -1.0 } else { 1.0 }
}

/// The sides, 0 for left and 1 for right, the higher one in the picture first.
fn by_height(shape: &Shape, row: impl Fn(&Shape, usize) -> f32) -> [usize; 2] {
    if row(shape, 1) < row(shape, 0) { [1, 0] } else { [0, 1] }
}

/// The row of a keypoint, or else of another one; far down if neither is seen.
fn higher(shape: &Shape, keypoint: usize, other: usize) -> f32 {
    shape.relative_to_hips(keypoint).or(shape.relative_to_hips(other)).map_or(1e9, |[_, y]| y)
}

/// From the middle of the hips to the knee.
fn thigh(shape: &Shape, leg: usize) -> f32 {
    shape.relative_to_hips(13 + leg).map_or(0.0, length)
}

/// How straight a leg appears: 1 if thigh and shin are in one line, 0 if it is not seen whole.
fn straight(shape: &Shape, leg: usize) -> f32 {
    let (thigh, shin) = (thigh(shape, leg), shape.between(13 + leg, 15 + leg));
    match shape.relative_to_hips(15 + leg) {
        Some(ankle) if thigh > 0.0 && shin > 0.0 => length(ankle) / (thigh + shin),
        _ => 0.0,
    }
}

/// Width and height of head, shoulders, hips, knees and ankles; the row of the lowest knee or
/// ankle, or of the hips if none is seen.
fn extent(shape: &Shape) -> (Point, f32) {
    let legs = || shape.points[13..].iter().flatten();
    let points = [shape.shoulders, shape.hips].into_iter().chain(shape.head).chain(legs().copied());
    let (low, high) = points.fold(([f32::MAX; 2], [f32::MIN; 2]), |(low, high), p| {
        ([low[0].min(p[0]), low[1].min(p[1])], [high[0].max(p[0]), high[1].max(p[1])])
    });
    let lowest = legs().map(|p| p[1]).reduce(f32::max).unwrap_or(shape.hips[1]);
    ([high[0] - low[0], high[1] - low[1]], lowest)
}
