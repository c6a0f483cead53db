//! Selects the observations worth matching: finite poses of people, each person once.

use super::body;
use super::clothes::Clothes;
use super::types::{Observation, Options, Stats};
use crate::geometry::BBox;
use crate::keypoint::{Pose, bounding_box, oks};

/// Two poses of a frame with a higher OKS are the same person, seen twice ...
const DUPLICATE_OKS: f32 = 0.6;
/// ... with tolerances this much wider than OKS has against ground truth: both are estimates.
const DUPLICATE_DOUBT: f32 = 2.0;
/// Positions farther out are invalid. The bound also keeps every product finite.
const FAR_PX: f32 = 1e6;

/// An observation worth matching.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) pose: Pose,
    /// Box around the keypoints, unlike `pose.bbox`, which is the crop's.
    pub(super) bbox: BBox,
    pub(super) clothes: Clothes,
    /// Seen only in crops of no track.
    pub(super) newcomer: bool,
    /// As in [`Observation::doubtful`].
    pub(super) doubtful: bool,
    /// Whether more than one track is expected there.
    pub(super) crossing: bool,
    /// Whether a track took it.
    pub(super) matched: bool,
}

impl Seen {
    /// Whether it may be a thing instead of a new person.
    pub(super) fn may_be_a_thing(&self) -> bool {
        self.newcomer && self.doubtful
    }
}

/// Replaces `seen` with the observations that are people, each person once, the fullest pose first.
pub(super) fn select(all: &[Observation], options: &Options, seen: &mut Vec<Seen>, stats: &mut Stats) {
    seen.clear();
    for Observation { pose, track, clothes, doubtful } in all {
        if !is_sane(pose) {
            stats.rejected += 1;
        } else if is_person(pose, options) {
            let bbox = bounding_box(&pose.keypoints, options.keypoint_score).unwrap_or(pose.bbox);
            let (pose, clothes) = (*pose, *clothes);
            let (newcomer, doubtful) = (track.is_none(), *doubtful);
            seen.push(Seen { pose, bbox, clothes, newcomer, doubtful, crossing: false, matched: false });
        }
    }
    // Not by score, which is a mean: half a body seen well would come before a whole one.
    let fullness = |seen: &Seen| -> f32 {
        seen.pose.keypoints.iter().map(|k| k.score).filter(|&s| s >= options.keypoint_score).sum()
    };
    seen.sort_unstable_by(|a, b| fullness(b).total_cmp(&fullness(a)));
    merge_duplicates(seen, options.keypoint_score, stats);
}

fn is_sane(pose: &Pose) -> bool {
    let BBox { x, y, w, h } = pose.bbox;
    let near = |v: f32| v.abs() <= FAR_PX;
    pose.is_valid()
        && [x, y, w, h].into_iter().all(near)
        && pose.keypoints.iter().all(|k| near(k.x_px) && near(k.y_px))
}

fn is_person(pose: &Pose, options: &Options) -> bool {
    pose.score >= options.min_score
        && body::confident(&pose.keypoints, options.keypoint_score) >= options.min_keypoints
}

/// Non-maximum suppression by OKS over `seen`, sorted best first.
fn merge_duplicates(seen: &mut Vec<Seen>, keypoint_score: f32, stats: &mut Stats) {
    let mut kept = 0;
    for index in 0..seen.len() {
        let (better, rest) = seen.split_at_mut(kept);
        let Some(&this) = rest.get(index - kept) else { break };
        let twin = better.iter_mut().find(|other| {
            let area = (other.bbox.area() + this.bbox.area()) / 2.0 * DUPLICATE_DOUBT * DUPLICATE_DOUBT;
            let oks = oks(&other.pose.keypoints, &this.pose.keypoints, area, keypoint_score);
            oks.is_some_and(|oks| oks > DUPLICATE_OKS)
        });
        if let Some(twin) = twin {
            twin.newcomer &= this.newcomer;
            twin.doubtful &= this.doubtful;
            stats.duplicates += 1;
        } else {
            seen.swap(kept, index);
            kept += 1;
        }
    }
    seen.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypoint::{KEYPOINTS, Keypoint};
    use crate::track::types::TrackId;

    fn pose(x: f32, score: f32) -> Pose {
        let mut pose = Pose { bbox: BBox { x, y: 0.0, w: 60.0, h: 170.0 }, score, ..Pose::default() };
        for (index, keypoint) in pose.keypoints.iter_mut().enumerate() {
            *keypoint = Keypoint { x_px: x + 20.0 * (index % 2) as f32, y_px: 10.0 * index as f32, score };
        }
        pose
    }

    fn take(all: &[(Pose, Option<u64>)]) -> (Vec<Seen>, Stats) {
        let all: Vec<Observation> =
            all.iter().map(|&(pose, id)| Observation::new(pose, id.map(TrackId))).collect();
        let (mut seen, mut stats) = (Vec::new(), Stats::default());
        select(&all, &Options::default(), &mut seen, &mut stats);
        (seen, stats)
    }

    #[test]
    fn a_person_in_several_crops_is_selected_once_and_is_not_new() {
        let all = [(pose(0.0, 0.8), None), (pose(300.0, 0.7), None), (pose(1.0, 0.9), Some(2))];
        let (seen, stats) = take(&all);
        assert_eq!(stats.duplicates, 1);
        let taken: Vec<_> = seen.iter().map(|s| (s.pose.score, s.newcomer)).collect();
        assert_eq!(taken, [(0.9, false), (0.7, true)]);
    }

    #[test]
    fn the_fuller_of_two_poses_is_kept() {
        let mut half = pose(0.0, 0.9);
        half.keypoints[9..].iter_mut().for_each(|k| k.score = 0.1);
        assert_eq!(take(&[(half, Some(1)), (pose(0.0, 0.7), None)]).0[0].pose.score, 0.7);
    }

    #[test]
    fn invalid_and_unconfident_poses_are_dropped() {
        for index in 0..KEYPOINTS {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
                let mut broken = pose(0.0, 0.9);
                broken.keypoints[index].y_px = bad;
                let (seen, stats) = take(&[(broken, None)]);
                assert_eq!((seen.len(), stats.rejected), (0, 1));
            }
        }
        let mut boxless = pose(0.0, 0.9);
        boxless.bbox.w = f32::NAN;
        assert_eq!(take(&[(boxless, None), (pose(0.0, f32::NAN), None)]).1.rejected, 2);
        assert!(take(&[(pose(0.0, 0.05), None)]).0.is_empty());
        let mut guessed = pose(0.0, 0.9);
        guessed.keypoints[4..].iter_mut().for_each(|k| k.score = 0.1);
        assert!(take(&[(guessed, None)]).0.is_empty());
    }
}
