//! Falls: somebody who was upright is on the floor a moment later.
//!
//! The hips drop by half of the standing hip height within 1.5 s, and the body ends lying or with
//! its hips on the floor. A body that lies down slowly passes postures between, which take longer.
//! A fall goes on while the tracker loses the person: people on the floor are hard to see. A person
//! who then appears at the same place is the one who fell.

use super::emit::{Emitter, Span, Who};
use super::event::Event;
use super::memory::{Look, Memory};
use super::posture::Posture;
use super::types::{Kind, Moment, Person, State};
use super::zone::{Zone, is_cut_off};
use crate::clock::Mono;
use crate::geometry::BBox;
use std::sync::Arc;
use std::time::Duration;

/// Longest time from upright to down, with an allowance for the smoothing of keypoints.
const FALLS_WITHIN: Duration = Duration::from_millis(1500);
/// How long somebody must be down before a fall is suspected.
const DOWN_FOR: Duration = Duration::from_millis(400);
/// Drop of the hips in standing hip heights: from standing to the floor, from a seat to the floor,
/// and from standing to lying. A body that falls away from the camera appears to drop less.
const DROP_STANDING: f32 = 0.5;
const DROP_SITTING: f32 = 0.24;
const DROP_LYING: f32 = 0.33;
/// Hips this near the height of the feet are on the floor, in standing hip heights.
const ON_FLOOR: f32 = 0.18;
/// Shoulders that dropped by this much are near the floor, whatever hides the hips.
const SHOULDERS_DROP: f32 = 0.85;
/// Somebody who seems to lie for a moment and then surely sits or crouches, within this time, went
/// down on purpose.
const SETTLES: Duration = Duration::from_secs(3);
const SURELY_SITS: f32 = 0.85;
const SURELY_CROUCHES: f32 = 0.55;
/// Share of a person's box at the place of a fall that makes them the one who fell.
const SAME_PLACE: f32 = 0.3;
/// How long a person who is not seen is missed: at the border they have left.
const GONE: Duration = Duration::from_secs(60);
const GONE_AT_BORDER: Duration = Duration::from_secs(10);

/// What counts as a fall.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Still down after this long: confirmed.
    pub confirm_after: Duration,
    /// Upright for this long: cleared.
    pub clear_after: Duration,
    /// Zones where lying is no fall, by name.
    pub ignore_zones: Vec<Arc<str>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            confirm_after: Duration::from_secs(20),
            clear_after: Duration::from_secs(2),
            ignore_zones: Vec::new(),
        }
    }
}

/// A fall that has not ended.
#[derive(Clone, Debug)]
pub(super) struct Fall {
    pub(super) span: Span,
    /// The person who fell, as they were last seen.
    pub(super) person: Person,
    posture: Posture,
    /// The zone in which it happened.
    zone: Option<Arc<str>>,
    began: Mono,
    seen_at: Mono,
    upright_since: Option<Mono>,
    pub(super) confirmed: bool,
    risen_y: f32,
    /// Whether it began with lying.
    lay: bool,
    certainty: f32,
}

/// What a person's memory says about a fall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    /// When the person was down.
    pub(super) since: Mono,
    pub(super) certainty: f32,
    /// Hips above this row, in px, have risen by half of the drop.
    pub(super) risen_y: f32,
}

/// Looks for a fall that ends now.
pub(super) fn seen(memory: &Memory) -> Option<Evidence> {
    let looks = &memory.looks;
    let last = looks.back()?;
    let legs = memory.legs_px();
    let upright = || looks.iter().filter(|look| look.upright);
    let still_up = upright().next_back()?;
    let before = upright().find(|look| still_up.at.since(look.at) <= FALLS_WITHIN)?;
    let run = looks.iter().rev().take_while(|look| look.at > still_up.at && is_down(look, before, legs));
    let (first, count) = run.fold((None, 0), |(_, n), look| (Some(look.at), n + 1));
    let first = first?;
    if first.since(still_up.at) > FALLS_WITHIN || count < 2 || last.at.since(first) < DOWN_FOR {
        return None;
    }
    let from = || upright().filter(|look| first.since(look.at) <= FALLS_WITHIN);
    let dropped = drop_of(from(), last, legs)?;
    let stood = from().any(|look| look.posture == Posture::Standing);
    let enough = match (stood, last.posture) {
        (_, Posture::Lying) => DROP_LYING,
        (true, _) => DROP_STANDING,
        (false, _) => DROP_SITTING,
    };
    let certainty = (0.5 + 0.5 * (dropped / enough - 1.0)).clamp(0.5, 1.0) * memory.certainty.max(0.5);
    let risen_y = risen(last, dropped, legs);
    (dropped >= enough).then_some(Evidence { since: first, certainty, risen_y })
}

/// Looks for a fall of somebody who was just lost: their last looks drop, and nothing hid them at
/// the border.
pub(super) fn vanished(memory: &Memory, bbox: &BBox, size: (u32, u32)) -> Option<Evidence> {
    let last = memory.looks.back().filter(|_| !is_cut_off(bbox, size))?;
    if last.upright {
        return None;
    }
    let recent = |look: &&Look| look.posture == Posture::Standing && last.at.since(look.at) <= FALLS_WITHIN;
    let legs = memory.legs_px();
    let dropped = drop_of(memory.looks.iter().filter(recent), last, legs)?;
    let risen_y = risen(last, dropped, legs);
    (dropped >= DROP_STANDING).then_some(Evidence { since: last.at, certainty: 0.5, risen_y })
}

fn risen(last: &Look, dropped: f32, legs: f32) -> f32 {
    last.hips.map_or(f32::MIN, |hips| hips[1] - 0.5 * dropped * legs)
}

/// How far the hips of `last` (or its shoulders, if the hips are hidden) are below the highest ones
/// of `looks`, in standing hip heights.
fn drop_of<'a>(looks: impl Iterator<Item = &'a Look>, last: &Look, legs: f32) -> Option<f32> {
    let fallen = |look: &Look| match (look.hips, last.hips, look.shoulders, last.shoulders) {
        (Some(before), Some(now), ..) => Some(now[1] - before[1]),
        (.., Some(before), Some(now)) => Some((now[1] - before[1]) * DROP_STANDING / SHOULDERS_DROP),
        _ => None,
    };
    looks.filter_map(fallen).reduce(f32::max).map(|px| px / legs)
}

/// Whether somebody lies, or has their hips on the floor, or is hidden but for low shoulders.
/// `before` is how they were before that.
fn is_down(look: &Look, before: &Look, legs: f32) -> bool {
    if look.hips.is_none() {
        let dropped = look.shoulders.zip(before.shoulders).map(|(now, then)| now[1] - then[1]);
        return dropped.is_some_and(|px| px > SHOULDERS_DROP * legs);
    }
    let from_seat = before.posture == Posture::Sitting;
    match look.posture {
        Posture::Lying => true,
        // Nothing but the floor is so far below a seat.
        Posture::Sitting | Posture::Unknown if from_seat => {
            drop_of(std::iter::once(before), look, legs).is_some_and(|drop| drop > DROP_SITTING)
        }
        Posture::Sitting | Posture::Unknown => look.above_floor.is_some_and(|height| height < ON_FLOOR),
        Posture::Standing | Posture::Crouching => false,
    }
}

impl Fall {
    pub(super) fn new(span: Span, evidence: Evidence, who: Who<'_>, moment: &Moment, zones: &[Zone]) -> Fall {
        let zone = zones.iter().find(|zone| zone.holds(who.person, moment) == Some(true));
        Fall {
            span,
            person: *who.person,
            posture: who.posture,
            zone: zone.map(|zone| zone.name.clone()),
            began: evidence.since,
            seen_at: moment.at,
            upright_since: None,
            confirmed: false,
            risen_y: evidence.risen_y,
            lay: who.posture != Posture::Sitting,
            certainty: evidence.certainty,
        }
    }

    /// Whether `bbox` is where this fall's person was last seen.
    pub(super) fn is_at(&self, bbox: &BBox) -> bool {
        self.person.bbox.share_in(bbox).max(bbox.share_in(&self.person.bbox)) > SAME_PLACE
    }

    /// Takes the person who fell, as seen now. Standing is up, and so is sitting on a seat: hips
    /// that have risen.
    pub(super) fn see(&mut self, who: Who<'_>, hips: Option<[f32; 2]>, moment: &Moment) {
        let risen = hips.is_some_and(|hips| hips[1] < self.risen_y);
        let upright = match who.posture {
            Posture::Standing => true,
            Posture::Sitting => risen || self.settles(who.certainty, SURELY_SITS, moment),
            Posture::Crouching => self.settles(who.certainty, SURELY_CROUCHES, moment),
            _ => false,
        };
        self.person = *who.person;
        self.posture = who.posture;
        self.seen_at = moment.at;
        self.upright_since = upright.then(|| self.upright_since.unwrap_or(moment.at));
    }

    /// Whether what looked like lying was a crouch, perhaps on the way to sitting on the floor.
    fn settles(&self, certainty: f32, surely: f32, moment: &Moment) -> bool {
        let soon = moment.at.since(self.began) < SETTLES && certainty >= surely;
        self.lay && (soon || self.upright_since.is_some())
    }

    /// Moves the fall on; returns its new state. It is over after `Cleared` and `Ended`.
    pub(super) fn step(&mut self, moment: &Moment, options: &Options) -> Option<State> {
        let now = moment.at;
        if self.upright_since.is_some_and(|since| now.since(since) >= options.clear_after) {
            return Some(State::Cleared);
        }
        let at_border = is_cut_off(&self.person.bbox, moment.size);
        if now.since(self.seen_at) > if at_border { GONE_AT_BORDER } else { GONE } {
            return Some(State::Ended);
        }
        let due = now.since(self.began) >= options.confirm_after;
        if self.confirmed || !due || self.upright_since.is_some() {
            return None;
        }
        self.confirmed = true;
        Some(State::Confirmed)
    }

    /// Adds the event of `state`.
    pub(super) fn emit(&self, state: State, moment: &Moment, out: &mut Emitter) {
        let who = Who { person: &self.person, posture: self.posture, certainty: self.certainty };
        let event: &mut Event = out.push(Kind::Fall, state, self.span, moment, Some(who));
        event.certainty = self.certainty;
        event.zone.clone_from(&self.zone);
    }
}

/// Whether the person lies where lying is no fall.
pub(super) fn is_ignored(person: &Person, moment: &Moment, zones: &[Zone], ignore: &[Arc<str>]) -> bool {
    let mut ignored = zones.iter().filter(|zone| ignore.contains(&zone.name));
    ignored.any(|zone| zone.has_body(person, moment))
}
