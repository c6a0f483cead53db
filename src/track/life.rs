//! One track: born tentative, confirmed by repeated sight, lost when looked for in vain, dead.

use super::body;
use super::clothes::Clothes;
use super::observations::Seen;
use super::one_euro::OneEuro;
use super::types::{Options, Person, TrackId};
use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::{KEYPOINTS, Keypoint, Keypoints, Pose, bounding_box};

/// Memory of the velocity estimate.
const VELOCITY_S: f32 = 0.4;
/// How slowly a box follows when its keypoints shrink: one that flickers must not cut the crop.
const SHRINK_S: f32 = 0.3;
/// Velocities beyond this many box sizes a second are mistakes.
const MAX_SIZES_PER_S: f32 = 4.0;
/// How much what is seen of the clothes in one frame changes what is known of them.
const CLOTHES_GAIN: f32 = 0.1;
/// Below this a pose is somebody else's.
pub(super) const MIN_LIKENESS: f32 = 0.4;
/// Looks in which the finder must see somebody who turns up within another person's box. Who is new
/// comes from an edge or from behind something; in the middle of a person, one look's box and what the
/// pose network imagines into it are as easily the legs of that person.
const LOOKS_WITHIN: u8 = 2;
/// Looks in vain that the finder may have at somebody new, and at somebody it has seen often. Who is
/// overlooked before they are believed in is not, until the finder sees them again.
const FIRST_TRUST: u8 = 2;
const MAX_TRUST: u8 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Seen, but not often enough to be believed.
    Tentative,
    /// Published, and asked after with crops.
    Confirmed,
    /// Not published and not asked after; revived when somebody turns up there.
    Lost,
}

#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) id: TrackId,
    pub(super) stage: Stage,
    hits: u32,
    born_at: Mono,
    /// When the pose below was seen.
    pub(super) seen_at: Mono,
    /// The turn in which a crop was last asked for.
    pub(super) served: u64,
    /// Whether the coming update is to find it.
    pub(super) asked: bool,
    /// Since when it has been looked for in vain.
    missed_since: Option<Mono>,
    /// Born within another person's box.
    within: bool,
    /// Looks in which the finder saw it, the one that it was born of among them.
    looks: u8,
    /// Where the finder has just seen a body that may be this one, if it is not where it was expected.
    pub(super) elsewhere: Option<BBox>,
    /// How often more the finder may overlook it.
    trust: u8,
    score: f32,
    pub(super) usual_score: f32,
    /// Lost by walking out of the picture.
    pub(super) left: bool,
    pub(super) bbox: BBox,
    pub(super) keypoints: Keypoints,
    /// The body as far as it was ever seen: what is out of sight goes where the rest goes.
    pub(super) body: Keypoints,
    pub(super) clothes: Clothes,
    smoothed: Keypoints,
    filters: [OneEuro; KEYPOINTS],
    velocity_px_s: [f32; 2],
}

impl Track {
    pub(super) fn new(
        id: TrackId,
        turn: u64,
        at: Mono,
        seen: &Seen,
        within: bool,
        options: &Options,
    ) -> Track {
        let pose = &seen.pose;
        let mut track = Track {
            id,
            stage: Stage::Tentative,
            hits: 0,
            born_at: at,
            seen_at: at,
            served: turn,
            asked: false,
            missed_since: None,
            within,
            looks: 1,
            elsewhere: None,
            trust: FIRST_TRUST,
            score: pose.score,
            usual_score: pose.score,
            left: false,
            bbox: bounding_box(&pose.keypoints, options.keypoint_score).unwrap_or(pose.bbox),
            keypoints: pose.keypoints,
            body: pose.keypoints,
            clothes: Clothes::default(),
            smoothed: pose.keypoints,
            filters: [OneEuro::default(); KEYPOINTS],
            velocity_px_s: [0.0; 2],
        };
        track.see(at, seen, options);
        track
    }

    /// Where the box is at `at`, if the body moves on as it did.
    pub(super) fn box_at(&self, at: Mono) -> BBox {
        self.bbox.moved(self.moved_by(at))
    }

    pub(super) fn moved_by(&self, at: Mono) -> [f32; 2] {
        let dt_s = at.since(self.seen_at).as_secs_f32();
        self.velocity_px_s.map(|v| v * dt_s)
    }

    fn size_px(&self) -> f32 {
        self.bbox.area().sqrt().max(1.0)
    }

    /// Takes what was `seen` at `at` as this person's.
    pub(super) fn see(&mut self, at: Mono, seen: &Seen, options: &Options) {
        let pose = &seen.pose;
        // What hides somebody is not what they wear.
        let own = if seen.crossing { self.clothes.likeness(&seen.clothes).unwrap_or(1.0) } else { 1.0 };
        self.clothes.follow(&seen.clothes, CLOTHES_GAIN * own);
        let dt_s = at.since(self.seen_at).as_secs_f32();
        self.hits = self.hits.saturating_add(1);
        // Keypoints that were of something else say nothing of how the body moves.
        let now = bounding_box(&pose.keypoints, options.keypoint_score).unwrap_or(pose.bbox);
        let astray = self.elsewhere.take().is_some() && self.box_at(at).iou(&now) < MIN_LIKENESS;
        if astray {
            self.velocity_px_s = [0.0; 2];
        } else if !seen.crossing {
            // Where people cross a pose may be made of two, and tells nothing of how either moves.
            self.follow_velocity(at, pose, dt_s, options);
        }
        self.follow_box(pose, dt_s, options);
        let rested = astray || dt_s > options.hold.as_secs_f32().max(0.5);
        for index in 0..KEYPOINTS {
            self.smooth(index, &pose.keypoints, dt_s, rested, options);
        }
        self.remember(at, &pose.keypoints, astray, options.keypoint_score);
        self.keypoints = pose.keypoints;
        self.score = pose.score;
        self.usual_score += 0.1 * (pose.score - self.usual_score);
        self.seen_at = at;
        self.missed_since = None;
        self.asked = false;
        let found = self.trust >= FIRST_TRUST && (!self.within || self.looks >= LOOKS_WITHIN);
        let believed = self.hits >= options.birth_hits && found;
        if self.stage == Stage::Lost || believed {
            self.stage = Stage::Confirmed;
        }
    }

    /// Keeps of the body what `seen` does not show of it; nothing if what was seen before was not it.
    fn remember(&mut self, at: Mono, seen: &Keypoints, astray: bool, min_score: f32) {
        let shift = body::shift(&self.keypoints, seen, min_score);
        let shift = shift.map_or_else(|| self.moved_by(at), |(shift, _)| shift);
        self.body = body::moved(&self.body, shift);
        for (known, seen) in self.body.iter_mut().zip(seen) {
            if astray || seen.score >= min_score || known.score < min_score {
                *known = *seen;
            }
        }
    }

    /// Corrects the velocity by how far the body is from where it was expected: the plain mean of
    /// the first few displacements, an exponential one later.
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

    /// Takes the finder's word for where the body is and how large.
    pub(super) fn reframe(&mut self, at: Mono, bbox: &BBox) {
        self.bbox = bbox.moved(self.moved_by(at).map(|v| -v));
    }

    fn follow_box(&mut self, pose: &Pose, dt_s: f32, options: &Options) {
        let now = bounding_box(&pose.keypoints, options.keypoint_score).unwrap_or(pose.bbox);
        let gain = 1.0 - (-dt_s / SHRINK_S).exp();
        let follow = |old: f32, new: f32| if new > old { new } else { old + gain * (new - old) };
        let (cx, cy) = now.centre();
        let (w, h) = (follow(self.bbox.w, now.w), follow(self.bbox.h, now.h));
        self.bbox = BBox { x: cx - w / 2.0, y: cy - h / 2.0, w, h };
    }

    fn smooth(&mut self, index: usize, raw: &Keypoints, dt_s: f32, rested: bool, options: &Options) {
        let size_px = self.size_px();
        let (Some(filter), Some(raw), Some(out)) =
            (self.filters.get_mut(index), raw.get(index), self.smoothed.get_mut(index))
        else {
            return;
        };
        // A guess is no past to lean on, nor is a place of long ago.
        if rested || raw.score < options.keypoint_score || out.score < options.keypoint_score {
            filter.reset();
        }
        let [x_px, y_px] = filter.step(&options.smoothing, [raw.x_px, raw.y_px], dt_s, size_px);
        *out = Keypoint { x_px, y_px, score: raw.score };
    }

    /// Looked for in vain in the frame of `at`, which has `size` px. Returns whether that is news: the first
    /// time, or the last.
    pub(super) fn miss(&mut self, at: Mono, size: (u32, u32), options: &Options) -> bool {
        self.elsewhere = None;
        let first = self.missed_since.is_none();
        let since = *self.missed_since.get_or_insert(at);
        if self.stage != Stage::Confirmed {
            return false;
        }
        // Who was walking out is not behind somebody: they are out.
        let left = body::is_leaving(&self.box_at(at), self.velocity_px_s, size);
        let given_up = left || at.since(since) >= options.hold;
        if given_up {
            self.left = left;
            self.stage = Stage::Lost;
        }
        first || given_up
    }

    /// The finder looked, and did or did not see this person (`seen`), who would be at the edge of the
    /// picture or not. A track that it keeps overlooking and whose pose is not sure of itself is
    /// imagined: the pose network finds a body in any crop.
    pub(super) fn looked(&mut self, seen: bool, at_edge: bool, options: &Options) {
        if seen {
            self.looks = self.looks.saturating_add(1);
            self.trust = (self.trust + 2).min(MAX_TRUST);
        } else if self.within && self.stage == Stage::Tentative {
            self.trust = 0;
        } else if self.score < options.sure_score && self.stage != Stage::Lost {
            // At the edge they have more likely walked out than been overlooked.
            self.trust = self.trust.saturating_sub(if at_edge { 2 } else { 1 });
        }
    }

    /// Publishes somebody seen at `at` however new, unless they may be a part of somebody else.
    pub(super) fn believe(&mut self, at: Mono) {
        if self.stage == Stage::Tentative && self.seen_at == at && !self.within {
            self.stage = Stage::Confirmed;
        }
    }

    /// Whether it is beyond revival: imagined, gone before anybody believed in it, or lost for long.
    pub(super) fn is_dead(&self, at: Mono, options: &Options) -> bool {
        if self.trust == 0 {
            return true;
        }
        match (self.stage, self.missed_since) {
            (_, None) | (Stage::Confirmed, _) => false,
            (Stage::Tentative, Some(_)) => true,
            (Stage::Lost, Some(since)) => at.since(since) > options.keep_lost,
        }
    }

    pub(super) fn person(&self, at: Mono, size: (u32, u32)) -> Person {
        Person {
            id: self.id,
            bbox: body::clamped(&self.box_at(at), size).unwrap_or(self.bbox),
            score: self.score,
            keypoints: self.keypoints,
            smoothed: self.smoothed,
            age: at.since(self.seen_at),
            track_age: at.since(self.born_at),
            velocity_px_s: self.velocity_px_s,
        }
    }
}
