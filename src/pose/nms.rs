//! Suppression of double poses by object keypoint similarity (OKS).

use crate::keypoint::{Keypoints, Pose, oks};

/// Sorts `poses`, best first, and drops each that has an OKS above `threshold` with a better
/// one (0.9 in the LPN paper's evaluation).
///
/// As in the published evaluation, keypoints count whatever their score.
pub fn oks_nms(poses: &mut Vec<Pose>, threshold: f32) {
    poses.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = 0;
    for index in 0..poses.len() {
        let pose = poses[index];
        let same = |better: &Pose| similar(&better.keypoints, &pose.keypoints, better, &pose) > threshold;
        if !poses[..kept].iter().any(same) {
            poses[kept] = pose;
            kept += 1;
        }
    }
    poses.truncate(kept);
}

/// OKS with the mean area of both boxes, as in the published code.
fn similar(a: &Keypoints, b: &Keypoints, better: &Pose, other: &Pose) -> f32 {
    let area = (better.bbox.area() + other.bbox.area()) / 2.0;
    oks(a, b, area, f32::NEG_INFINITY).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::BBox;
    use crate::keypoint::{KEYPOINTS, Keypoint};

    fn pose(x_px: f32, score: f32) -> Pose {
        let bbox = BBox { x: x_px, y: 0.0, w: 50.0, h: 100.0 };
        Pose { bbox, score, keypoints: [Keypoint { x_px, y_px: 10.0, score }; KEYPOINTS] }
    }

    #[test]
    fn the_better_of_two_similar_poses_stays_and_so_do_different_ones() {
        let mut poses = vec![pose(0.0, 0.5), pose(1.0, 0.9), pose(200.0, 0.3)];
        oks_nms(&mut poses, 0.9);
        assert_eq!(poses.iter().map(|p| p.score).collect::<Vec<_>>(), [0.9, 0.3]);
        oks_nms(&mut poses, 0.9);
        assert_eq!(poses.len(), 2);
    }
}
