//! How likely an observation shows a track's person: by position and pose, and by clothes where
//! people cross.

use super::body;
use super::life::{MIN_LIKENESS, Stage, Track};
use super::observations::Seen;
use super::types::Options;
use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::Pose;
use std::time::Duration;

/// Growth of the position's uncertainty, in OKS tolerances a second, and its limit.
const DOUBT_PER_S: f32 = 4.0;
const MAX_DOUBT: f32 = 6.0;
/// A pose with less agreement of keypoints belongs to another person, however well its box fits: a
/// pose that is imagined in a person's crop has a good box and nothing else.
const MIN_AGREEMENT: f32 = 0.2;
/// A pose that scores less than this share of the track's usual score is imagined. A half-hidden
/// person has fewer confident keypoints, but their scores stay as high.
const MIN_SHARE_OF_SCORE: f32 = 0.7;
/// Where people cross, a pose may show the person in front. Clothes less alike than this belong to
/// another person; above it, they count with this weight.
const MIN_CLOTHES: f32 = 0.2;
const CLOTHES_WEIGHT: f32 = 0.6;
/// For this long after a person left by the edge, a leg there is still theirs.
const LEAVING: Duration = Duration::from_millis(500);
/// Boxes that overlap less are beside each other.
const MIN_NEARNESS: f32 = 0.1;

impl Track {
    /// How likely `seen` shows this person, 0..=1. 0: it shows another.
    pub(super) fn similarity(&self, at: Mono, seen: &Seen, options: &Options) -> f32 {
        let clothes =
            if seen.crossing { self.figure.clothes.likeness(&seen.clothes).unwrap_or(1.0) } else { 1.0 };
        if clothes < MIN_CLOTHES {
            return 0.0;
        }
        let weight = 1.0 - CLOTHES_WEIGHT * (1.0 - clothes);
        weight * self.body_similarity(at, &seen.pose, &seen.bbox, options)
    }

    /// The same by pose and box alone.
    fn body_similarity(&self, at: Mono, pose: &Pose, bbox: &BBox, options: &Options) -> f32 {
        if pose.score < MIN_SHARE_OF_SCORE * self.usual_score {
            return 0.0;
        }
        let ahead = self.likeness(self.figure.moved_by(at), at, pose, bbox, options);
        if self.stage != Stage::Lost {
            // A body at the expected position has priority over one in the alternative box.
            let found = self.alternative.map_or(0.0, |found| found.iou(bbox));
            return if ahead == 0.0 && found >= MIN_LIKENESS { MIN_LIKENESS * found } else { ahead };
        }
        // A lost person may also return to where they were last seen.
        ahead.max(self.likeness([0.0; 2], at, pose, bbox, options))
    }

    /// How near `bbox` is to where this person was lost, 0..=1. Use it only if there is one track,
    /// and the frame shows one person, not counting new ones that the finder doubts: then a person
    /// beside the lost position is the same one, however different the pose. A person who left by the
    /// edge counts only shortly after.
    pub(super) fn nearness(&self, at: Mono, bbox: &BBox) -> f32 {
        let near = self.figure.bbox.iou(bbox);
        let here = !self.left || at.since(self.figure.seen_at) < LEAVING;
        if self.stage == Stage::Lost && here && near >= MIN_NEARNESS { near } else { 0.0 }
    }

    /// Likeness of `pose` to this person displaced by `moved` px since last seen. Compares the
    /// whole body: a person who comes out from behind something shows other parts than before.
    fn likeness(&self, moved: [f32; 2], at: Mono, pose: &Pose, bbox: &BBox, options: &Options) -> f32 {
        let figure = &self.figure;
        let (whole, own) = (body::moved(&figure.whole, moved), figure.bbox.moved(moved));
        let doubt = (1.0 + DOUBT_PER_S * at.since(figure.seen_at).as_secs_f32()).min(MAX_DOUBT);
        let area = own.area().max(bbox.area()) * doubt * doubt;
        let known = body::confident(&figure.keypoints, options.keypoint_score);
        let agreement = body::agreement(&whole, known, &pose.keypoints, area, options.keypoint_score);
        let likeness = 0.6 * agreement + 0.4 * own.iou(bbox);
        if agreement >= MIN_AGREEMENT && likeness >= MIN_LIKENESS { likeness } else { 0.0 }
    }
}
