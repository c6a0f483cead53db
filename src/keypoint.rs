//! COCO poses: 17 keypoints, their names, and the similarity of two poses (OKS).

use crate::geometry::BBox;

/// Number of keypoints in a pose.
pub const KEYPOINTS: usize = 17;

/// COCO's keypoint names, in COCO's order.
pub const NAMES: [&str; KEYPOINTS] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];

/// COCO's per-keypoint standard deviations, in units of the square root of the person's area.
pub const SIGMAS: [f64; KEYPOINTS] = [
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
    0.089, 0.089,
];

/// Pairs of keypoints that a skeleton connects: COCO's list, counted from 0.
pub const LIMBS: [(usize, usize); 19] = [
    (15, 13),
    (13, 11),
    (16, 14),
    (14, 12),
    (11, 12),
    (5, 11),
    (6, 12),
    (5, 6),
    (5, 7),
    (6, 8),
    (7, 9),
    (8, 10),
    (1, 2),
    (0, 1),
    (0, 2),
    (1, 3),
    (2, 4),
    (3, 5),
    (4, 6),
];

/// Pairs of keypoints that swap in a mirrored picture.
pub const FLIP_PAIRS: [(usize, usize); 8] =
    [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)];

/// Distance of a body's outline from its outermost keypoints, in units of the larger side of the
/// keypoints' extent: medians of 11 000 people with COCO-style annotations of 13 or more keypoints.
const SIDE: f32 = 0.06;
const TOP: f32 = 0.12;
const BOTTOM: f32 = 0.07;

/// One keypoint, in px of the frame that the context names.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Keypoint {
    /// Column, pixel index coordinates.
    pub x_px: f32,
    /// Row, pixel index coordinates.
    pub y_px: f32,
    /// Confidence, 0..=1.
    pub score: f32,
}

impl Keypoint {
    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.x_px.is_finite() && self.y_px.is_finite() && self.score.is_finite()
    }
}

/// Keypoints of one person, in COCO's order.
pub type Keypoints = [Keypoint; KEYPOINTS];

/// Pose of one person in one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// The box in which the pose was estimated, or one that contains it; px of the display frame.
    pub bbox: BBox,
    /// Confidence of the whole pose, 0..=1.
    pub score: f32,
    /// Keypoints in px of the display frame.
    pub keypoints: Keypoints,
}

impl Pose {
    /// Whether every number is finite and the box has a size.
    pub fn is_valid(&self) -> bool {
        self.bbox.is_valid() && self.score.is_finite() && self.keypoints.iter().all(Keypoint::is_finite)
    }
}

/// Similarity of one keypoint, 0..=1: exp(-d² / (2·area·(2σ)²)), as in COCO's evaluation.
///
/// `dist2_px2` is the squared distance, `area_px2` the area of the person.
pub fn similarity(keypoint: usize, dist2_px2: f64, area_px2: f64) -> f64 {
    let Some(sigma) = SIGMAS.get(keypoint) else { return 0.0 };
    let variance = (2.0 * sigma).powi(2);
    (-dist2_px2 / variance / (area_px2 + f64::EPSILON) / 2.0).exp()
}

/// Object keypoint similarity, 0..=1, of two poses of a person of area `area_px2`: the mean of
/// [`similarity`] over the keypoints that score at least `min_score` in both. `None` if no keypoint
/// does.
pub fn oks(a: &Keypoints, b: &Keypoints, area_px2: f32, min_score: f32) -> Option<f32> {
    let (mut sum, mut count) = (0.0, 0);
    for (index, (p, q)) in a.iter().zip(b).enumerate() {
        if p.score >= min_score && q.score >= min_score {
            let (dx, dy) = (f64::from(p.x_px - q.x_px), f64::from(p.y_px - q.y_px));
            sum += similarity(index, dx * dx + dy * dy, f64::from(area_px2));
            count += 1;
        }
    }
    (count > 0).then(|| (sum / f64::from(count)) as f32)
}

/// Bounding box of a body, from its keypoints that score at least `min_score`. `None` if there are
/// fewer than four, too few to know its size.
pub fn bounding_box(keypoints: &Keypoints, min_score: f32) -> Option<BBox> {
    if keypoints.iter().filter(|k| k.score >= min_score).count() < 4 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x_px: f32, score: f32) -> Keypoints {
        [Keypoint { x_px, y_px: 0.0, score }; KEYPOINTS]
    }

    #[test]
    fn a_pose_is_itself_and_a_far_one_is_not() {
        assert_eq!(oks(&at(5.0, 1.0), &at(5.0, 1.0), 1e4, 0.2), Some(1.0));
        assert!(oks(&at(5.0, 1.0), &at(500.0, 1.0), 1e4, 0.2).unwrap() < 1e-6);
    }

    #[test]
    fn one_sigma_is_as_in_cocos_formula() {
        // d = 2σ·√area makes the exponent -1/2 for every keypoint.
        for (index, sigma) in SIGMAS.iter().enumerate() {
            let got = similarity(index, (2.0 * sigma).powi(2) * 1e4, 1e4);
            assert!((got - (-0.5f64).exp()).abs() < 1e-12);
        }
        assert_eq!(similarity(KEYPOINTS, 0.0, 1.0), 0.0);
    }

    #[test]
    fn unsure_keypoints_do_not_count() {
        assert_eq!(oks(&at(0.0, 1.0), &at(0.0, 0.1), 1e4, 0.2), None);
        let mut half = at(0.0, 1.0);
        half[0] = Keypoint { x_px: 900.0, y_px: 0.0, score: 0.1 };
        assert_eq!(oks(&at(0.0, 1.0), &half, 1e4, 0.2), Some(1.0));
    }

    #[test]
    fn mirrored_pairs_are_left_and_right_of_one_name() {
        for (left, right) in FLIP_PAIRS {
            assert_eq!(NAMES[left].strip_prefix("left_"), NAMES[right].strip_prefix("right_"));
        }
    }

    #[test]
    fn the_box_contains_the_keypoints_and_a_margin() {
        let body: Keypoints = std::array::from_fn(|i| Keypoint {
            x_px: 100.0 + (i % 2) as f32,
            y_px: 10.0 * i as f32,
            score: 1.0,
        });
        let bbox = bounding_box(&body, 0.2).unwrap();
        assert!(bbox.y < 0.0 && bbox.y + bbox.h > 160.0 && bbox.x < 100.0 && bbox.x + bbox.w > 101.0);
        let mut unsure = body;
        unsure[3..].iter_mut().for_each(|k| k.score = 0.1);
        assert_eq!(bounding_box(&unsure, 0.2), None);
    }
}
