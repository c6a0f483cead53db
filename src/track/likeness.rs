//! How likely what was seen is a track's person: by place, pose and, where people cross, clothes.

use super::body;
use super::life::{MIN_LIKENESS, Stage, Track};
use super::observations::Seen;
use super::types::Options;
use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::Pose;
use std::time::Duration;

/// How fast the doubt about a position grows, in OKS tolerances a second, and where it ends.
const DOUBT_PER_S: f32 = 4.0;
const MAX_DOUBT: f32 = 6.0;

/// Below either, a pose is somebody else's. The keypoints have a say of their own, for a pose that
/// is imagined into a person's crop has a good box and nothing else.
const MIN_AGREEMENT: f32 = 0.2;
/// A pose that scores less than this share of what the track's usually do is imagined: of somebody
/// half hidden fewer keypoints are sure, but those as much as ever.
const MIN_SHARE_OF_SCORE: f32 = 0.7;
/// Where people cross a pose is as easily that of the one in front. Whose clothes are less alike than this is
/// somebody else then, and above it they count for so much of how alike two are.
const MIN_CLOTHES: f32 = 0.2;
const CLOTHES_WEIGHT: f32 = 0.6;
/// So long after somebody left by the border, a leg there is theirs and not the next one's.
const LEAVING: Duration = Duration::from_millis(500);
/// Boxes with less in common are beside each other.
const MIN_NEARNESS: f32 = 0.1;

impl Track {
    /// How likely what was `seen` is this person, 0..=1; zero: it is not.
    pub(super) fn similarity(&self, at: Mono, seen: &Seen, options: &Options) -> f32 {
        let clothes = if seen.crossing { self.clothes.likeness(&seen.clothes).unwrap_or(1.0) } else { 1.0 };
        if clothes < MIN_CLOTHES {
            return 0.0;
        }
        let weight = 1.0 - CLOTHES_WEIGHT * (1.0 - clothes);
        weight * self.body_similarity(at, &seen.pose, &seen.bbox, options)
    }

    /// The same, by the pose and its box alone.
    fn body_similarity(&self, at: Mono, pose: &Pose, bbox: &BBox, options: &Options) -> f32 {
        if pose.score < MIN_SHARE_OF_SCORE * self.usual_score {
            return 0.0;
        }
        let ahead = self.likeness(self.moved_by(at), at, pose, bbox, options);
        if self.stage != Stage::Lost {
            // Whatever is where the track believes itself to be goes first.
            let found = self.elsewhere.map_or(0.0, |found| found.iou(bbox));
            return if ahead == 0.0 && found >= MIN_LIKENESS { MIN_LIKENESS * found } else { ahead };
        }
        // Who left and comes back does so where they were last seen.
        ahead.max(self.likeness([0.0; 2], at, pose, bbox, options))
    }

    /// How near to where somebody was lost `bbox` is, 0..=1, for pictures of nobody else: who disappears in the
    /// midst of one and turns up beside it is the same, however little the poses have in common.
    /// So is, shortly after, what is still to be seen of who left.
    pub(super) fn nearness(&self, at: Mono, bbox: &BBox) -> f32 {
        let near = self.bbox.iou(bbox);
        let here = !self.left || at.since(self.seen_at) < LEAVING;
        if self.stage == Stage::Lost && here && near >= MIN_NEARNESS { near } else { 0.0 }
    }

    /// Of `pose` to this person, if they have `moved` so far since they were seen. The whole body is
    /// compared: who comes out from behind something shows another side first than was seen last.
    fn likeness(&self, moved: [f32; 2], at: Mono, pose: &Pose, bbox: &BBox, options: &Options) -> f32 {
        let (whole, own) = (body::moved(&self.body, moved), self.bbox.moved(moved));
        let doubt = (1.0 + DOUBT_PER_S * at.since(self.seen_at).as_secs_f32()).min(MAX_DOUBT);
        let area = own.area().max(bbox.area()) * doubt * doubt;
        let known = body::trusted(&self.keypoints, options.keypoint_score);
        let agreement = body::agreement(&whole, known, &pose.keypoints, area, options.keypoint_score);
        let likeness = 0.6 * agreement + 0.4 * own.iou(bbox);
        if agreement >= MIN_AGREEMENT && likeness >= MIN_LIKENESS { likeness } else { 0.0 }
    }
}
