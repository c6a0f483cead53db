//! What a pose says of the body as a whole: its box and how far it has moved.

use crate::geometry::BBox;
use crate::keypoint::{Keypoints, similarity};

/// How much farther than its keypoints a body reaches, in units of the larger side of the keypoints'
/// extent: the medians over COCO-style annotations with 13 or more keypoints (11 000 people).
const SIDE: f32 = 0.06;
const TOP: f32 = 0.12;
const BOTTOM: f32 = 0.07;

/// Head, shoulders and hips: they move with the body, not with a step or a gesture.
const TRUNK: [usize; 9] = [0, 1, 2, 3, 4, 5, 6, 11, 12];
const LIMBS: [usize; 8] = [7, 8, 9, 10, 13, 14, 15, 16];

/// Keypoints of at least `min_score`.
pub(super) fn trusted(keypoints: &Keypoints, min_score: f32) -> usize {
    keypoints.iter().filter(|k| k.score >= min_score).count()
}

/// The box of a body whose keypoints of at least `min_score` these are; `None` if there are fewer
/// than four, which say too little of its size.
pub(super) fn bounding_box(keypoints: &Keypoints, min_score: f32) -> Option<BBox> {
    if trusted(keypoints, min_score) < 4 {
        return None;
    }
    let (mut left, mut top, mut right, mut bottom) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
    for keypoint in keypoints.iter().filter(|k| k.score >= min_score) {
        (left, right) = (left.min(keypoint.x_px), right.max(keypoint.x_px));
        (top, bottom) = (top.min(keypoint.y_px), bottom.max(keypoint.y_px));
    }
    let reach = (right - left).max(bottom - top);
    let bbox = BBox {
        x: left - SIDE * reach,
        y: top - TOP * reach,
        w: right - left + 2.0 * SIDE * reach,
        h: bottom - top + (TOP + BOTTOM) * reach,
    };
    bbox.is_valid().then_some(bbox)
}

/// How well two poses agree, 0..=1: an OKS in which a keypoint of at least `min_score` in only one
/// of them counts as a disagreement, so that a few chance hits are not a body.
pub(super) fn agreement(a: &Keypoints, b: &Keypoints, area_px2: f32, min_score: f32) -> f32 {
    let mut sum = 0.0;
    for (index, (p, q)) in a.iter().zip(b).enumerate() {
        if p.score >= min_score && q.score >= min_score {
            let (dx, dy) = (f64::from(p.x_px - q.x_px), f64::from(p.y_px - q.y_px));
            sum += similarity(index, dx * dx + dy * dy, f64::from(area_px2));
        }
    }
    sum as f32 / trusted(a, min_score).max(trusted(b, min_score)).max(1) as f32
}

/// Whether `bbox` reaches the left or right edge of a frame of (width, height) px: the ways out of
/// most pictures. Feet below the lower edge are those of somebody who stands near.
pub(super) fn at_edge(bbox: &BBox, (width, _): (u32, u32)) -> bool {
    let margin = 0.02 * width as f32;
    bbox.x <= margin || bbox.x + bbox.w >= width as f32 - margin
}

/// How far the body has moved in px, and how much of it says so, 0..=1: the mean over the trunk's
/// keypoints, or over all where the trunk is unseen. Only keypoints that score at least `min_score`
/// in both poses take part.
pub(super) fn shift(from: &Keypoints, to: &Keypoints, min_score: f32) -> Option<([f32; 2], f32)> {
    mean_shift(from, to, min_score, &TRUNK).or_else(|| mean_shift(from, to, min_score, &LIMBS))
}

fn mean_shift(from: &Keypoints, to: &Keypoints, min_score: f32, which: &[usize]) -> Option<([f32; 2], f32)> {
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for (a, b) in which.iter().filter_map(|&index| Some((from.get(index)?, to.get(index)?))) {
        if a.score >= min_score && b.score >= min_score {
            sum = [sum[0] + b.x_px - a.x_px, sum[1] + b.y_px - a.y_px];
            count += 1.0;
        }
    }
    (count > 0.0).then(|| (sum.map(|v| v / count), count / which.len() as f32))
}

/// The part of `bbox` that lies in a frame of `width` x `height` px; `None` if less than a tenth
/// of it does.
pub(super) fn clamped(bbox: &BBox, (width, height): (u32, u32)) -> Option<BBox> {
    let (left, top) = (bbox.x.max(0.0), bbox.y.max(0.0));
    let inside = BBox {
        x: left,
        y: top,
        w: (bbox.x + bbox.w).min(width as f32) - left,
        h: (bbox.y + bbox.h).min(height as f32) - top,
    };
    (inside.is_valid() && inside.area() >= 0.1 * bbox.area()).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypoint::{KEYPOINTS, Keypoint};

    fn upright() -> Keypoints {
        std::array::from_fn(|i| Keypoint { x_px: 100.0 + (i % 2) as f32, y_px: 10.0 * i as f32, score: 1.0 })
    }

    #[test]
    fn the_box_holds_the_keypoints_and_a_margin() {
        let bbox = bounding_box(&upright(), 0.2).unwrap();
        assert!(bbox.y < 0.0 && bbox.y + bbox.h > 160.0 && bbox.x < 100.0 && bbox.x + bbox.w > 101.0);
        let mut unsure = upright();
        unsure[3..].iter_mut().for_each(|k| k.score = 0.1);
        assert_eq!(bounding_box(&unsure, 0.2), None);
    }

    #[test]
    fn a_few_chance_hits_are_no_agreement() {
        let mut few = upright();
        few[4..].iter_mut().for_each(|k| k.score = 0.1);
        assert_eq!(agreement(&upright(), &upright(), 1e4, 0.2), 1.0);
        assert!((agreement(&upright(), &few, 1e4, 0.2) - 4.0 / 17.0).abs() < 1e-6);
        assert_eq!(agreement(&[Default::default(); KEYPOINTS], &upright(), 1e4, 0.2), 0.0);
    }

    #[test]
    fn a_waving_wrist_is_no_movement_of_the_body() {
        let mut waved = upright();
        waved[9].x_px += 80.0;
        assert_eq!(shift(&upright(), &waved, 0.2), Some(([0.0, 0.0], 1.0)));
    }

    #[test]
    fn a_box_that_left_the_frame_is_gone() {
        let bbox = BBox { x: 600.0, y: 100.0, w: 100.0, h: 100.0 };
        assert_eq!(clamped(&bbox, (640, 480)).unwrap().w, 40.0);
        assert_eq!(clamped(&BBox { x: 635.0, ..bbox }, (640, 480)), None);
        assert_eq!(clamped(&BBox { x: -500.0, ..bbox }, (640, 480)), None);
    }
}
