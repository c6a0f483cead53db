//! What is remembered of one person: how large they are while they stand, and how they were held
//! during the last seconds.

use super::emit::Who;
use super::look::{Stood, features, of_known};
use super::net;
use super::net::Scores;
use super::posture::{self, Posture};
use super::shape::Shape;
use super::types::{Moment, Person, SEEN};
use crate::clock::Mono;
use crate::geometry::BBox;
use std::collections::VecDeque;
use std::time::Duration;

/// A posture is judged over this time.
const JUDGED: Duration = Duration::from_millis(500);
/// Looks are kept for this long, and at most this many.
const KEPT: Duration = Duration::from_secs(4);
const MOST: usize = 128;
/// A look fits a posture clearly from this score on.
const CLEAR: f32 = 0.5;
/// From this probability on a person is on the floor, whatever is seen of them.
const SURELY_ON_FLOOR: f32 = 0.6;
/// One look is judged with those of this time before it: single poses may be wrong.
const STEADY: Duration = Duration::from_millis(260);
/// A body whose top drops by this much within a moment starts to fall, and is not measured.
const SINKS: f32 = 0.06;
/// How fast the remembered size and the row of the feet follow a person who stands.
const SIZE_FOLLOWS: Duration = Duration::from_millis(1500);
const FEET_FOLLOW: Duration = Duration::from_millis(300);
/// Standing hip height in lengths of the torso, for people who have not been seen standing.
const LEGS_PER_TORSO: f32 = 1.7;
/// Hips this far above the feet are on a seat, not on the floor, in standing hip heights.
const ON_SEAT: f32 = 0.27;
/// Who is on the floor with at least this probability is not on a seat.
const NOT_ON_FLOOR: f32 = 0.35;
/// Somebody sits whose looks fitted this well for so long, and whose hips moved by no more than
/// this share of their standing height.
const SAT_FOR: Duration = Duration::from_millis(1500);
const SAT_SCORE: f32 = 0.5;
const SAT_STILL: f32 = 0.15;
/// Bodies move no faster, in hip heights a second, and no further at once: a track that jumps more
/// has changed its person.
const FASTEST: f32 = 5.0;
const JUMP: f32 = 0.4;

/// How a person was held in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) at: Mono,
    /// The posture at this moment, if it is clear.
    pub(super) posture: Posture,
    /// Standing, or sitting well above the floor.
    pub(super) upright: bool,
    /// Those of this frame alone, if hips and legs are seen.
    scores: Option<Scores>,
    /// Middle of the hips and of the shoulders, in px.
    pub(super) hips: Option<[f32; 2]>,
    pub(super) shoulders: Option<[f32; 2]>,
    /// Box around the person.
    pub(super) bbox: BBox,
    /// How far the hips are above the floor on which the person last stood, in standing hip
    /// heights.
    pub(super) above_floor: Option<f32>,
    /// The probability that the person sits or lies on the floor; 0 for people who never stood.
    pub(super) on_floor: f32,
    /// That of this frame alone.
    pub(super) floor_now: f32,
}

impl Look {
    /// How likely this frame alone shows somebody who lies.
    pub(super) fn lies(&self) -> f32 {
        self.scores.map_or(0.0, |scores| scores[2])
    }

    /// Whether this frame alone shows somebody who stands.
    pub(super) fn stands(&self) -> bool {
        self.scores.is_some_and(|scores| clear(&scores) == Posture::Standing)
    }
}

/// The memory of one person.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) looks: VecDeque<Look>,
    /// Size and place of the person while they stood.
    stood: Option<Stood>,
    /// The least torso length that the looks so far allow; for people who never stood.
    torso: f32,
    /// Row of the feet when the person last stood, or of those first seen.
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
            scores: None,
            hips: shape.map(|s| s.hips),
            shoulders: shape.map(|s| s.shoulders).or_else(|| shoulders(person)),
            bbox: person.bbox,
            above_floor: None,
            on_floor: 0.0,
            floor_now: 0.0,
        };
        if self.jumped(&look) {
            // Another person took over this track: what is remembered is not theirs.
            *self = Memory::default();
        }
        self.judge_now(shape.as_ref(), &mut look);
        if let Some(shape) = shape {
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

    /// Judges this frame, alone and with the looks just before it.
    fn judge_now(&self, shape: Option<&Shape>, look: &mut Look) {
        let still = shape.map(|shape| features(shape, self.stood.map(|stood| stood.torso)));
        look.scores = still.as_ref().map(net::of_still);
        if let Some(stood) = &self.stood {
            let body = of_known(shape.zip(still.as_ref()), &look.bbox, stood);
            look.floor_now = net::on_floor(&body);
            // The box alone tells enough of a person on the floor.
            let told = look.scores.is_some() || look.floor_now > SURELY_ON_FLOOR;
            look.scores = told.then(|| net::of_known(&body, look.scores));
        }
        let steady = || self.looks.iter().rev().take_while(|before| look.at.since(before.at) <= STEADY);
        let (sum, n) = steady().fold((look.floor_now, 1.0), |(sum, n), look| (sum + look.floor_now, n + 1.0));
        look.on_floor = sum / n;
        let scores = steady().filter_map(|before| before.scores).chain(look.scores);
        look.posture = mean(scores).map_or(Posture::Unknown, |mean| clear(&mean));
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

    /// How likely the person is on the floor now.
    pub(super) fn on_floor(&self) -> f32 {
        self.looks.back().map_or(0.0, |look| look.on_floor)
    }

    /// How likely the person has been down, lying or on the floor, on average over the last seconds.
    /// `None` if they have not been seen, or never stood.
    pub(super) fn down(&self) -> Option<f32> {
        self.stood?;
        let down = self.looks.iter().map(|look| look.lies().max(look.floor_now));
        down.reduce(|a, b| a + b).map(|sum| sum / self.looks.len() as f32)
    }

    /// Forgets the looks, so that they are not judged twice.
    pub(super) fn forget_looks(&mut self) {
        self.looks.clear();
    }

    fn jumped(&self, look: &Look) -> bool {
        let Some(before) = self.looks.back() else { return false };
        let legs = self.legs_px();
        // A camera that looks down sees short legs, but bodies that fall as far as others.
        let size = self.stood.map_or(legs, |stood| legs.max(stood.torso * LEGS_PER_TORSO));
        let reach = size * (JUMP + FASTEST * look.at.since(before.at).as_secs_f32());
        let far = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) > reach;
        // Keypoints alone may jump when the network errs, the box alone when furniture hides a part.
        let hips = before.hips.zip(look.hips).is_none_or(|(a, b)| far(a, b));
        legs > 1.0 && hips && far(before.bbox.centre().into(), look.bbox.centre().into())
    }

    /// Remembers size and place of somebody who stands.
    fn measure(&mut self, shape: &Shape, look: &Look) {
        self.torso = self.torso.max(shape.scale());
        let stands = look.posture == Posture::Standing && look.stands() && !self.sinks(look);
        let Some(legs) = shape.ankle_drop().filter(|_| stands) else { return };
        let now = Stood { torso: shape.scale(), legs: legs.max(1.0), feet_y: shape.hips[1] + legs };
        let Some(stood) = &mut self.stood else {
            self.stood = Some(now);
            return;
        };
        let since = self.looks.back().map_or(Duration::ZERO, |before| look.at.since(before.at));
        let follow = |time: Duration| (since.as_secs_f32() / time.as_secs_f32()).clamp(0.0, 1.0);
        stood.torso += follow(SIZE_FOLLOWS) * (now.torso - stood.torso);
        stood.legs += follow(SIZE_FOLLOWS) * (now.legs - stood.legs);
        stood.feet_y += follow(FEET_FOLLOW) * (now.feet_y - stood.feet_y);
    }

    fn sinks(&self, look: &Look) -> bool {
        let recent = self.looks.iter().rev().take_while(|before| look.at.since(before.at) <= STEADY);
        recent.last().is_some_and(|before| look.bbox.y - before.bbox.y > SINKS * self.legs_px())
    }

    /// Tells whether the person is upright, and where their feet are if they never stood.
    fn place(&mut self, shape: &Shape, look: &mut Look) {
        let legs = self.legs_px();
        let feet_y = shape.ankle_drop().map(|drop| shape.hips[1] + drop);
        self.floor_y = self.stood.map(|stood| stood.feet_y).or(self.floor_y).or(feet_y);
        look.above_floor = self.floor_y.map(|y| (y - shape.hips[1]) / legs);
        look.upright = match look.posture {
            Posture::Standing => true,
            Posture::Sitting => {
                let on_seat = look.above_floor.is_some_and(|height| height > ON_SEAT);
                on_seat && look.on_floor < NOT_ON_FLOOR && self.has_sat(look.at)
            }
            _ => false,
        };
    }

    /// Whether the person has sat still for a while: people who crouch pass for it in between.
    fn has_sat(&self, now: Mono) -> bool {
        let before = || self.looks.iter().rev().take_while(|look| now.since(look.at) <= SAT_FOR);
        let hips = || before().filter_map(|look| look.hips).map(|hips| hips[1]);
        let (low, high) = hips().fold((f32::MAX, f32::MIN), |(low, high), y| (low.min(y), high.max(y)));
        let sat = mean(before().filter_map(|look| look.scores)).map_or(0.0, |mean| mean[1]);
        let whole = self.looks.front().is_some_and(|look| now.since(look.at) >= SAT_FOR);
        whole && sat >= SAT_SCORE && high - low < SAT_STILL * self.legs_px()
    }

    /// The posture that fits best over the last half second.
    fn judge(&self, now: Mono) -> (Posture, f32) {
        let recent = self.looks.iter().rev().take_while(|look| now.since(look.at) <= JUDGED);
        let scores = recent.filter_map(|look| look.scores);
        mean(scores).map_or((Posture::Unknown, 0.0), |mean| posture::best(&mean))
    }
}

fn mean(scores: impl Iterator<Item = Scores>) -> Option<Scores> {
    let (mut sum, mut n) = (Scores::default(), 0.0);
    for scores in scores {
        sum.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
        n += 1.0;
    }
    (n > 0.0).then(|| sum.map(|score| score / n))
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
