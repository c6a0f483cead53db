//! What is remembered of one person: how large they are while they stand, and how they were held
//! during the last seconds.

use super::emit::Who;
use super::posture::{self, Posture, Scores};
use super::shape::Shape;
use super::types::{Moment, Person, SEEN};
use crate::clock::Mono;
use std::collections::VecDeque;
use std::time::Duration;

/// A posture is judged over this time.
const JUDGED: Duration = Duration::from_millis(500);
/// Looks are kept for this long, and at most this many.
const KEPT: Duration = Duration::from_secs(4);
const MOST: usize = 128;
/// A look fits a posture clearly from this score on.
const CLEAR: f32 = 0.5;
/// How fast the remembered size follows a person who stands.
const SIZE_FOLLOWS: Duration = Duration::from_secs(1);
/// Standing hip height in lengths of the torso, for people who have not been seen standing.
const LEGS_PER_TORSO: f32 = 1.7;
/// Hips this far above the feet are on a seat, not on the floor, in standing hip heights.
const ON_SEAT: f32 = 0.27;
/// Somebody sits whose looks fitted this well for so long, and whose hips moved by no more than
/// this share of their standing height.
const SAT_FOR: Duration = Duration::from_millis(1500);
const SAT_SCORE: f32 = 0.5;
const SAT_STILL: f32 = 0.15;
/// Hips move no faster, in hip heights a second, and no further at once: a track that jumps more
/// has changed its person.
const FASTEST: f32 = 5.0;
const JUMP: f32 = 0.4;

/// A person's size while they stood, in px.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stood {
    /// Length of the torso.
    pub(super) torso: f32,
    /// How far the hips were above the ankles.
    pub(super) legs: f32,
}

/// How a person was held in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) at: Mono,
    /// The posture of this frame alone, if it is clear.
    pub(super) posture: Posture,
    /// Standing, or sitting well above the floor.
    pub(super) upright: bool,
    scores: Scores,
    /// Middle of the hips and of the shoulders, in px.
    pub(super) hips: Option<[f32; 2]>,
    pub(super) shoulders: Option<[f32; 2]>,
    /// How far the hips are above the floor on which the person last stood, in standing hip
    /// heights.
    pub(super) above_floor: Option<f32>,
}

/// The memory of one person.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) looks: VecDeque<Look>,
    stood: Option<Stood>,
    /// The least torso length that the looks so far allow; for people who never stood.
    torso: f32,
    /// Row of the feet when the person was last upright.
    floor_y: Option<f32>,
    pub(super) posture: Posture,
    pub(super) certainty: f32,
}

impl Memory {
    /// Takes a new pose of the person.
    pub(super) fn see(&mut self, person: &Person, moment: &Moment) {
        let shape = Shape::of(&person.keypoints, &person.bbox, Some(moment.size));
        let mut look = Look {
            at: moment.at,
            posture: Posture::Unknown,
            upright: false,
            scores: Scores::default(),
            hips: shape.map(|s| s.hips),
            shoulders: shape.map(|s| s.shoulders).or_else(|| shoulders(person)),
            above_floor: None,
        };
        if self.jumped(&look) {
            // Another person took over this track: what is remembered is not theirs.
            *self = Memory::default();
        }
        if let Some(shape) = shape {
            look.scores = posture::scores(&shape, self.stood.map(|s| s.torso));
            look.posture = clear(&look.scores);
            self.measure(&shape, &look);
            self.place(&shape, &mut look);
        }
        let old = |first: &Look| moment.at.since(first.at) > KEPT;
        while self.looks.len() >= MOST || self.looks.front().is_some_and(old) {
            self.looks.pop_front();
        }
        self.looks.push_back(look);
        (self.posture, self.certainty) = self.judge(moment.at);
    }

    /// Standing hip height in px: measured, or guessed from the torso.
    pub(super) fn legs_px(&self) -> f32 {
        self.stood.map_or(self.torso * LEGS_PER_TORSO, |stood| stood.legs).max(1.0)
    }

    /// `person`, whose memory this is, with their posture.
    pub(super) fn who<'a>(&self, person: &'a Person) -> Who<'a> {
        Who { person, posture: self.posture, certainty: self.certainty }
    }

    /// Middle of the hips as last seen.
    pub(super) fn hips(&self) -> Option<[f32; 2]> {
        self.looks.back()?.hips
    }

    /// Forgets the looks, so that they are not judged twice.
    pub(super) fn forget_looks(&mut self) {
        self.looks.clear();
    }

    fn jumped(&self, look: &Look) -> bool {
        let Some(before) = self.looks.back() else { return false };
        let legs = self.legs_px();
        let reach = legs * (JUMP + FASTEST * look.at.since(before.at).as_secs_f32());
        let far = |a: Option<[f32; 2]>, b: Option<[f32; 2]>| match (a, b) {
            (Some(a), Some(b)) => (a[0] - b[0]).hypot(a[1] - b[1]) > reach,
            _ => false,
        };
        legs > 1.0 && far(before.hips, look.hips)
    }

    /// Remembers the size of somebody who stands.
    fn measure(&mut self, shape: &Shape, look: &Look) {
        self.torso = self.torso.max(shape.scale());
        let Some((_, legs)) = shape.ankle_drop().filter(|_| look.posture == Posture::Standing) else {
            return;
        };
        let now = Stood { torso: shape.scale(), legs };
        let Some(stood) = &mut self.stood else {
            self.stood = Some(now);
            return;
        };
        let since = self.looks.back().map_or(Duration::ZERO, |before| look.at.since(before.at));
        let follow = (since.as_secs_f32() / SIZE_FOLLOWS.as_secs_f32()).clamp(0.0, 1.0);
        stood.torso += follow * (now.torso - stood.torso);
        stood.legs += follow * (now.legs - stood.legs);
    }

    /// Tells whether the person is upright, and remembers where their feet are if so.
    fn place(&mut self, shape: &Shape, look: &mut Look) {
        let legs = self.legs_px();
        let feet_y = shape.ankle_drop().map(|(_, most)| shape.hips[1] + most);
        look.above_floor = self.floor_y.or(feet_y).map(|y| (y - shape.hips[1]) / legs);
        look.upright = match look.posture {
            Posture::Standing => true,
            Posture::Sitting => {
                self.has_sat(look.at) && look.above_floor.is_some_and(|height| height > ON_SEAT)
            }
            _ => false,
        };
        if look.upright && look.posture == Posture::Standing || self.floor_y.is_none() {
            self.floor_y = feet_y.or(self.floor_y);
        }
    }

    /// Whether the person has sat still for a while: people who crouch pass for it in between.
    fn has_sat(&self, now: Mono) -> bool {
        let before = || self.looks.iter().rev().take_while(|look| now.since(look.at) <= SAT_FOR);
        let hips = || before().filter_map(|look| look.hips).map(|hips| hips[1]);
        let (low, high) = hips().fold((f32::MAX, f32::MIN), |(low, high), y| (low.min(y), high.max(y)));
        let (sum, n) = before().fold((0.0, 0.0), |(sum, n), look| (sum + look.scores[1], n + 1.0));
        let whole = self.looks.front().is_some_and(|look| now.since(look.at) >= SAT_FOR);
        whole && n > 0.0 && sum / n >= SAT_SCORE && high - low < SAT_STILL * self.legs_px()
    }

    /// The posture that fits best over the last half second.
    fn judge(&self, now: Mono) -> (Posture, f32) {
        let recent = self.looks.iter().rev().take_while(|look| now.since(look.at) <= JUDGED);
        let (mut sum, mut n) = (Scores::default(), 0.0);
        for look in recent {
            sum.iter_mut().zip(look.scores).for_each(|(sum, score)| *sum += score);
            n += 1.0;
        }
        if n == 0.0 { (Posture::Unknown, 0.0) } else { posture::best(&sum.map(|s| s / n)) }
    }
}

fn clear(scores: &Scores) -> Posture {
    let (posture, score) = posture::best(scores);
    if score >= CLEAR { posture } else { Posture::Unknown }
}

/// Middle of the shoulders that are seen.
fn shoulders(person: &Person) -> Option<[f32; 2]> {
    let [a, b] = [5, 6].map(|i| &person.keypoints[i]);
    match (a.score >= SEEN, b.score >= SEEN) {
        (true, true) => Some([(a.x_px + b.x_px) / 2.0, (a.y_px + b.y_px) / 2.0]),
        (true, false) => Some([a.x_px, a.y_px]),
        (false, true) => Some([b.x_px, b.y_px]),
        (false, false) => None,
    }
}
