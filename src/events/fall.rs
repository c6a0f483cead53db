//! Falls: a person who was upright is on the floor a moment later.
//!
//! The hips drop by half of the standing hip height within 1.5 s, and the body ends lying or with
//! its hips on the floor. A body that lies down slowly passes postures between, which take longer.
//! A fall goes on while the tracker loses the person: people on the floor are hard to see. A person
//! who then appears at the same place is the one who fell.

use super::emit::{Emitter, Span, Who};
use super::event::Event;
use super::evidence::Evidence;
use super::kept::OpenFall;
use super::posture::Posture;
use super::types::{Kind, Moment, Person, State};
use super::zone::{Zone, is_cut_off};
use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::Keypoints;
use std::sync::Arc;
use std::time::Duration;

/// Somebody who seems to lie for a moment and then surely sits or crouches, within this time, went
/// down on purpose.
const SETTLES: Duration = Duration::from_secs(3);
const SURELY_SITS: f32 = 0.85;
const SURELY_CROUCHES: f32 = 0.55;
/// Who is more likely than this on the floor has not settled.
const MAY_SETTLE: f32 = 0.5;
/// Who was less likely down than this over the last seconds, on average, is not down any more.
const MAY_BE_DOWN: f32 = 0.4;
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

/// How the person who fell is seen now.
pub(super) struct Now {
    /// Middle of the hips in px.
    pub(super) hips: Option<[f32; 2]>,
    /// The probability that they are on the floor.
    pub(super) on_floor: f32,
    /// How likely they were down, lying or on the floor, over the last seconds.
    pub(super) down: Option<f32>,
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
    /// How likely the person was down over the last seconds in which they were seen.
    down: Option<f32>,
    pub(super) confirmed: bool,
    risen_y: f32,
    /// Whether it began with lying.
    lay: bool,
    certainty: f32,
    /// An earlier run saw it, so its person has another id now.
    pub(super) resumed: bool,
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
            down: None,
            confirmed: false,
            risen_y: evidence.risen_y,
            lay: who.posture != Posture::Sitting,
            certainty: evidence.certainty,
            resumed: false,
        }
    }

    /// Goes on with a fall of an earlier run. Its person may be found again where they were.
    pub(super) fn resume(open: &OpenFall, moment: &Moment) -> Fall {
        let [x, y, w, h] = open.bbox;
        let bbox = BBox { x, y, w, h };
        Fall {
            span: Span { id: open.id, started_at: open.started_at },
            person: Person { id: open.person, bbox, keypoints: Keypoints::default(), age: Duration::ZERO },
            posture: Posture::Unknown,
            zone: open.zone.as_deref().map(Arc::from),
            began: moment.at,
            seen_at: moment.at,
            upright_since: None,
            down: None,
            confirmed: open.confirmed,
            risen_y: f32::MIN,
            lay: false,
            certainty: open.certainty,
            resumed: true,
        }
    }

    /// What must be kept of it over a restart.
    pub(super) fn open(&self) -> OpenFall {
        let BBox { x, y, w, h } = self.person.bbox;
        OpenFall {
            id: self.span.id,
            started_at: self.span.started_at,
            confirmed: self.confirmed,
            person: self.person.id,
            zone: self.zone.as_deref().map(str::to_owned),
            certainty: self.certainty,
            bbox: [x, y, w, h],
        }
    }

    /// The camera gives no frames, so whether the person is still there is unknown.
    pub(super) fn wait(&mut self, moment: &Moment) {
        self.seen_at = moment.at;
    }

    /// Whether `bbox` is where this fall's person was last seen.
    pub(super) fn is_at(&self, bbox: &BBox) -> bool {
        self.person.bbox.share_in(bbox).max(bbox.share_in(&self.person.bbox)) > SAME_PLACE
    }

    /// Takes the person who fell, as seen now. Standing is up, and so is sitting on a seat: hips
    /// that have risen.
    pub(super) fn see(&mut self, who: Who<'_>, now: &Now, moment: &Moment) {
        let risen = now.hips.is_some_and(|hips| hips[1] < self.risen_y);
        let settles = |surely: f32| now.on_floor < MAY_SETTLE && self.settles(who.certainty, surely, moment);
        let upright = match who.posture {
            Posture::Standing => true,
            Posture::Sitting => risen || settles(SURELY_SITS),
            Posture::Crouching => settles(SURELY_CROUCHES),
            _ => false,
        };
        self.person = *who.person;
        self.posture = who.posture;
        self.down = now.down;
        self.seen_at = moment.at;
        self.resumed = false;
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
        if self.seen_at == now && self.down.is_some_and(|likely| likely < MAY_BE_DOWN) {
            return Some(State::Cleared);
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
