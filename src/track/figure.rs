//! Position, motion and clothes of a tracked body, as of the frame in which it was last seen.

use super::body;
use super::clothes::Clothes;
use super::observations::Seen;
use super::one_euro::OneEuro;
use super::types::Options;
use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::{KEYPOINTS, Keypoint, Keypoints, Pose, bounding_box};

/// Time constant of the velocity estimate.
const VELOCITY_S: f32 = 0.4;
/// Time constant of a shrinking box: keypoints that flicker must not cut the crop.
const SHRINK_S: f32 = 0.3;
/// Velocities above this many box sizes a second are errors.
const MAX_SIZES_PER_S: f32 = 4.0;
/// Weight of one frame in what is known of the clothes.
const CLOTHES_GAIN: f32 = 0.1;

#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) seen_at: Mono,
    /// Frames it was seen in.
    pub(super) hits: u32,
    pub(super) bbox: BBox,
    pub(super) velocity_px_s: [f32; 2],
    /// As seen at `seen_at`.
    pub(super) keypoints: Keypoints,
    /// The whole body: a keypoint that is hidden now keeps its last position relative to the rest.
    pub(super) whole: Keypoints,
    pub(super) smoothed: Keypoints,
    filters: [OneEuro; KEYPOINTS],
    pub(super) clothes: Clothes,
}

impl Figure {
    /// A body that starts at `pose` and has no hits; [`Figure::follow`] takes the first pose.
    pub(super) fn new(at: Mono, pose: &Pose, options: &Options) -> Figure {
        Figure {
            seen_at: at,
            hits: 0,
            bbox: bounding_box(&pose.keypoints, options.keypoint_score).unwrap_or(pose.bbox),
            velocity_px_s: [0.0; 2],
            keypoints: pose.keypoints,
            whole: pose.keypoints,
            smoothed: pose.keypoints,
            filters: [OneEuro::default(); KEYPOINTS],
            clothes: Clothes::default(),
        }
    }

    /// Where the box is at `at` if the velocity stays the same.
    pub(super) fn box_at(&self, at: Mono) -> BBox {
        self.bbox.moved(self.moved_by(at))
    }

    /// Displacement in px from `seen_at` to `at`.
    pub(super) fn moved_by(&self, at: Mono) -> [f32; 2] {
        let dt_s = at.since(self.seen_at).as_secs_f32();
        self.velocity_px_s.map(|v| v * dt_s)
    }

    /// Takes the box in which the finder sees the body at `at`.
    pub(super) fn reframe(&mut self, at: Mono, bbox: &BBox) {
        self.bbox = bbox.moved(self.moved_by(at).map(|v| -v));
    }

    /// Takes the observation `seen` at `at`. If the track was `astray`, its keypoints so far
    /// belonged to something else and say nothing about its motion.
    pub(super) fn follow(&mut self, at: Mono, seen: &Seen, astray: bool, options: &Options) {
        let pose = &seen.pose;
        let dt_s = at.since(self.seen_at).as_secs_f32();
        self.hits = self.hits.saturating_add(1);
        self.follow_clothes(seen);
        if astray {
            self.velocity_px_s = [0.0; 2];
        } else if !seen.crossing {
            // Where people cross, a pose can mix two bodies and says nothing about either's motion.
            self.follow_velocity(at, pose, dt_s, options);
        }
        self.follow_box(pose, dt_s, options);
        let restart = astray || dt_s > options.hold.as_secs_f32().max(0.5);
        for index in 0..KEYPOINTS {
            self.smooth(index, &pose.keypoints, dt_s, restart, options);
        }
        self.remember(at, &pose.keypoints, astray, options.keypoint_score);
        self.keypoints = pose.keypoints;
        self.seen_at = at;
    }

    fn follow_clothes(&mut self, seen: &Seen) {
        // Where people cross, the colours may be those of the person in front.
        let own = if seen.crossing { self.clothes.likeness(&seen.clothes).unwrap_or(1.0) } else { 1.0 };
        self.clothes.follow(&seen.clothes, CLOTHES_GAIN * own);
    }

    /// Corrects the velocity by the distance between the expected and the seen body. The first few
    /// displacements are averaged, later ones decay exponentially.
    fn follow_velocity(&mut self, at: Mono, pose: &Pose, dt_s: f32, options: &Options) {
        if dt_s < 1e-3 {
            return;
        }
        let expected = body::moved(&self.keypoints, self.moved_by(at));
        let Some((off, share)) = body::shift(&expected, &pose.keypoints, options.keypoint_score) else {
            return;
        };
        let gain = (1.0 - (-dt_s / VELOCITY_S).exp()).max(1.0 / self.hits.max(1) as f32) * share;
        let limit = MAX_SIZES_PER_S * self.size_px();
        for (velocity, off) in self.velocity_px_s.iter_mut().zip(off) {
            *velocity = (*velocity + gain * off / dt_s).clamp(-limit, limit);
        }
    }

    /// Follows the box: it grows at once and shrinks slowly.
    fn follow_box(&mut self, pose: &Pose, dt_s: f32, options: &Options) {
        let now = bounding_box(&pose.keypoints, options.keypoint_score).unwrap_or(pose.bbox);
        let gain = 1.0 - (-dt_s / SHRINK_S).exp();
        let follow = |old: f32, new: f32| if new > old { new } else { old + gain * (new - old) };
        let (cx, cy) = now.centre();
        let (w, h) = (follow(self.bbox.w, now.w), follow(self.bbox.h, now.h));
        self.bbox = BBox { x: cx - w / 2.0, y: cy - h / 2.0, w, h };
    }

    fn smooth(&mut self, index: usize, raw: &Keypoints, dt_s: f32, restart: bool, options: &Options) {
        let size_px = self.size_px();
        let (Some(filter), Some(raw), Some(out)) =
            (self.filters.get_mut(index), raw.get(index), self.smoothed.get_mut(index))
        else {
            return;
        };
        // A guessed or an old position is no start to smooth from.
        if restart || raw.score < options.keypoint_score || out.score < options.keypoint_score {
            filter.reset();
        }
        let [x_px, y_px] = filter.step(&options.smoothing, [raw.x_px, raw.y_px], dt_s, size_px);
        *out = Keypoint { x_px, y_px, score: raw.score };
    }

    /// Updates the whole body: keypoints that `seen` lacks move with the rest. If the track was
    /// `astray`, the known keypoints are dropped.
    fn remember(&mut self, at: Mono, seen: &Keypoints, astray: bool, min_score: f32) {
        let shift = body::shift(&self.keypoints, seen, min_score);
        let shift = shift.map_or_else(|| self.moved_by(at), |(shift, _)| shift);
        self.whole = body::moved(&self.whole, shift);
        for (known, seen) in self.whole.iter_mut().zip(seen) {
            if astray || seen.score >= min_score || known.score < min_score {
                *known = *seen;
            }
        }
    }

    fn size_px(&self) -> f32 {
        self.bbox.area().sqrt().max(1.0)
    }
}
