//! Poses as whole bodies: how well two agree, how far one has moved, whether it leaves the frame.

use crate::geometry::BBox;
use crate::keypoint::{Keypoint, Keypoints, similarity};

/// Head, shoulders and hips: steps and gestures do not move them.
const TRUNK: [usize; 9] = [0, 1, 2, 3, 4, 5, 6, 11, 12];
const LIMBS: [usize; 8] = [7, 8, 9, 10, 13, 14, 15, 16];
/// A person slower than this many box widths a second stands still.
const LEAVING_WIDTHS_PER_S: f32 = 0.1;

/// Number of keypoints that score at least `min_score`.
pub(super) fn confident(keypoints: &Keypoints, min_score: f32) -> usize {
    keypoints.iter().filter(|k| k.score >= min_score).count()
}

/// `keypoints` displaced by [x, y] px.
pub(super) fn moved(keypoints: &Keypoints, [dx, dy]: [f32; 2]) -> Keypoints {
    keypoints.map(|k| Keypoint { x_px: k.x_px + dx, y_px: k.y_px + dy, ..k })
}

/// How well a body and a pose agree, 0..=1: OKS over the keypoints that score at least `min_score`
/// in both. The sum is divided by the larger count of confident keypoints: the pose's, or those
/// last seen of the body (`known`). So keypoints that only one of them has count as disagreement,
/// and a few chance hits are not a body. `area_px2` sets the tolerance, as in OKS.
pub(super) fn agreement(
    body: &Keypoints,
    known: usize,
    pose: &Keypoints,
    area_px2: f32,
    min_score: f32,
) -> f32 {
    let mut sum = 0.0;
    for (index, (p, q)) in body.iter().zip(pose).enumerate() {
        if p.score >= min_score && q.score >= min_score {
            let (dx, dy) = (f64::from(p.x_px - q.x_px), f64::from(p.y_px - q.y_px));
            sum += similarity(index, dx * dx + dy * dy, f64::from(area_px2));
        }
    }
    sum as f32 / known.max(confident(pose, min_score)).max(1) as f32
}

/// Whether `bbox` reaches the left or right edge of a frame of `size` (width, height) px. People
/// rarely leave by the other edges: feet below the frame mean that a person is close.
pub(super) fn at_edge(bbox: &BBox, size: (u32, u32)) -> bool {
    edges(bbox, size).into_iter().any(|reached| reached)
}

/// Whether `bbox` reaches the left or right edge and moves outwards.
pub(super) fn is_leaving(bbox: &BBox, velocity_px_s: [f32; 2], size: (u32, u32)) -> bool {
    let [left, right] = edges(bbox, size);
    let speed = velocity_px_s[0] / bbox.w.max(1.0);
    (left && speed < -LEAVING_WIDTHS_PER_S) || (right && speed > LEAVING_WIDTHS_PER_S)
}

/// Whether `bbox` reaches the left edge, and the right edge.
fn edges(bbox: &BBox, (width, _): (u32, u32)) -> [bool; 2] {
    let margin = 0.02 * width as f32;
    [bbox.x <= margin, bbox.x + bbox.w >= width as f32 - margin]
}

/// Displacement of the body, [x, y] px, and the share of keypoints that it is based on, 0..=1. It
/// is the mean over the trunk's keypoints, or over the limbs' if the trunk is hidden, that score at
/// least `min_score` in both poses; `None` if no keypoint does.
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

/// The part of `bbox` inside a frame of `width` x `height` px; `None` if it is less than a tenth.
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
    use crate::keypoint::KEYPOINTS;

    fn upright() -> Keypoints {
        std::array::from_fn(|i| Keypoint { x_px: 100.0 + (i % 2) as f32, y_px: 10.0 * i as f32, score: 1.0 })
    }

    #[test]
    fn a_few_chance_hits_do_not_agree() {
        let mut few = upright();
        few[4..].iter_mut().for_each(|k| k.score = 0.1);
        assert_eq!(agreement(&upright(), 17, &upright(), 1e4, 0.2), 1.0);
        assert!((agreement(&upright(), 17, &few, 1e4, 0.2) - 4.0 / 17.0).abs() < 1e-6);
        assert_eq!(agreement(&[Default::default(); KEYPOINTS], 0, &upright(), 1e4, 0.2), 0.0);
    }

    #[test]
    fn a_waving_wrist_does_not_move_the_body() {
        let mut waved = upright();
        waved[9].x_px += 80.0;
        assert_eq!(shift(&upright(), &waved, 0.2), Some(([0.0, 0.0], 1.0)));
    }

    #[test]
    fn a_person_at_an_edge_who_moves_outwards_is_leaving() {
        let at = |x: f32, vx: f32| is_leaving(&BBox { x, y: 0.0, w: 100.0, h: 300.0 }, [vx, 0.0], (640, 480));
        assert!(at(5.0, -80.0) && at(545.0, 80.0));
        assert!(!at(5.0, 80.0) && !at(545.0, -80.0), "coming in");
        assert!(!at(5.0, -3.0), "standing");
        assert!(!at(300.0, -80.0), "in the middle");
    }

    #[test]
    fn a_box_that_left_the_frame_is_gone() {
        let bbox = BBox { x: 600.0, y: 100.0, w: 100.0, h: 100.0 };
        assert_eq!(clamped(&bbox, (640, 480)).unwrap().w, 40.0);
        assert_eq!(clamped(&BBox { x: 635.0, ..bbox }, (640, 480)), None);
        assert_eq!(clamped(&BBox { x: -500.0, ..bbox }, (640, 480)), None);
    }
}
