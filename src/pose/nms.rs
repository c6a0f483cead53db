//! One person seen in two boxes is one person: suppression by object keypoint similarity.

use crate::keypoint::{Keypoints, Pose, oks};

/// Drops each pose that a better one resembles by more than `threshold` (OKS; 0.9 in the LPN paper's
/// evaluation), measured by the mean of their box areas. Best first
/// afterwards.
///
/// As in the published evaluation every keypoint counts, sure or not.
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

/// OKS by the mean of both areas, as the published code has it.
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
    fn the_better_of_two_alike_stays_and_strangers_do() {
        let mut poses = vec![pose(0.0, 0.5), pose(1.0, 0.9), pose(200.0, 0.3)];
        oks_nms(&mut poses, 0.9);
        assert_eq!(poses.iter().map(|p| p.score).collect::<Vec<_>>(), [0.9, 0.3]);
        oks_nms(&mut poses, 0.9);
        assert_eq!(poses.len(), 2);
    }
}
