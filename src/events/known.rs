//! Everything that the engine knows of one person.

use super::emit::{Emitter, Who};
use super::fall::is_ignored;
use super::gestures::{Rest, Spell, hands_up};
use super::line::{Counts, Side};
use super::memory::Memory;
use super::options::{Options, Watch};
use super::places::{Visit, follow};
use super::posture::Posture;
use super::types::{Kind, Moment, Person, State};
use super::zone::is_cut_off;
use crate::clock::Mono;

/// One person, from the first frame until they are forgotten.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) person: Person,
    pub(super) memory: Memory,
    pub(super) first_at: Mono,
    pub(super) seen_at: Mono,
    /// Whether the tracker published the person in this frame.
    pub(super) present: bool,
    /// Whether their disappearance was looked into.
    pub(super) missed: bool,
    visits: Vec<Visit>,
    sides: Vec<Side>,
    rest: Rest,
    hand_raised: Spell,
    help: Spell,
    lying_long: Spell,
    no_movement: Spell,
    /// The posture that was last told, and the one that may follow, and since when.
    told: Posture,
    next: (Posture, Mono),
}

impl Known {
    pub(super) fn new(person: &Person, moment: &Moment, options: &Options) -> Known {
        Known {
            person: *person,
            memory: Memory::default(),
            first_at: moment.at,
            seen_at: moment.at,
            present: true,
            missed: false,
            visits: vec![Visit::default(); options.zones.len()],
            sides: vec![Side::default(); options.lines.len()],
            rest: Rest::default(),
            hand_raised: Spell::default(),
            help: Spell::default(),
            lying_long: Spell::default(),
            no_movement: Spell::default(),
            told: Posture::Unknown,
            next: (Posture::Unknown, moment.at),
        }
    }

    /// Continues `old`, a person that the tracker lost and gave a new id.
    pub(super) fn inherit(&mut self, old: &mut Known) {
        self.memory = std::mem::take(&mut old.memory);
        self.rest = std::mem::take(&mut old.rest);
        self.lying_long = std::mem::take(&mut old.lying_long);
        self.no_movement = std::mem::take(&mut old.no_movement);
    }

    /// Whether the person is hard to see, and so may still be there.
    pub(super) fn may_be_there(&self, size: (u32, u32)) -> bool {
        self.memory.posture == Posture::Lying && !is_cut_off(&self.person.bbox, size)
    }

    /// The person for an event.
    pub(super) fn who(&self) -> Who<'_> {
        self.memory.who(&self.person)
    }

    /// Whether the person is in the zone of this index.
    pub(super) fn is_in(&self, zone: usize) -> bool {
        self.visits.get(zone).is_some_and(Visit::is_on)
    }

    /// Whether the person holds up both hands.
    pub(super) fn asks_for_help(&self) -> bool {
        self.help.is_on()
    }

    /// Takes the person as the tracker gives them now.
    pub(super) fn see(
        &mut self,
        person: &Person,
        moment: &Moment,
        options: &Options,
        counts: &mut [Counts],
        out: &mut Emitter,
    ) {
        (self.person, self.present, self.seen_at, self.missed) = (*person, true, moment.at, false);
        if person.age.is_zero() {
            self.memory.see(person, moment);
            self.tell_posture(moment, options, out);
            self.watch(moment, options, out);
            let who = self.memory.who(person);
            for ((line, side), counts) in options.lines.iter().zip(&mut self.sides).zip(counts) {
                follow(line, side, counts, who, moment, out);
            }
        }
        let who = self.memory.who(person);
        for (zone, visit) in options.zones.iter().zip(&mut self.visits) {
            visit.update(zone, zone.holds(person, moment), who, moment, out);
        }
    }

    /// Ends what somebody did who has not been seen for some seconds, and where they were.
    pub(super) fn leave(&mut self, moment: &Moment, options: &Options, out: &mut Emitter) {
        let who = self.memory.who(&self.person);
        for (zone, visit) in options.zones.iter().zip(&mut self.visits) {
            visit.end(zone, who, moment, out);
        }
        self.hand_raised.end(Kind::HandRaised, who, moment, out);
        self.help.end(Kind::Help, who, moment, out);
    }

    /// Ends the rest, because the person will be forgotten.
    pub(super) fn end(&mut self, moment: &Moment, out: &mut Emitter) {
        let who = self.memory.who(&self.person);
        self.lying_long.end(Kind::LyingLong, who, moment, out);
        self.no_movement.end(Kind::NoMovement, who, moment, out);
    }

    fn watch(&mut self, moment: &Moment, options: &Options, out: &mut Emitter) {
        let posture = self.memory.posture;
        let who = self.memory.who(&self.person);
        let counts = |watch: &Watch| !is_ignored(who.person, moment, &options.zones, &watch.ignore_zones);
        let hands = hands_up(who.person, posture);
        if let Some(watch) = &options.hand_raised {
            let met = hands == 1 && counts(watch);
            self.hand_raised.update(Kind::HandRaised, met, watch.after, who, moment, out);
        }
        if let Some(watch) = &options.help {
            let met = hands == 2 && counts(watch);
            self.help.update(Kind::Help, met, watch.after, who, moment, out);
        }
        if let Some(watch) = &options.lying_long {
            let met = posture == Posture::Lying && counts(watch);
            self.lying_long.update(Kind::LyingLong, met, watch.after, who, moment, out);
        }
        if let Some(watch) = &options.no_movement {
            let met = self.rest.update(who.person, moment.at) >= watch.after && counts(watch);
            // The rest has lasted already.
            self.no_movement.update(Kind::NoMovement, met, std::time::Duration::ZERO, who, moment, out);
        }
    }

    /// Tells of a new posture once it has held.
    fn tell_posture(&mut self, moment: &Moment, options: &Options, out: &mut Emitter) {
        let (posture, certainty) = (self.memory.posture, self.memory.certainty);
        let Some(watch) = &options.posture else { return };
        if posture != self.next.0 {
            self.next = (posture, moment.at);
        }
        let held = moment.at.since(self.next.1) >= watch.after;
        if posture == Posture::Unknown || posture == self.told || !held {
            return;
        }
        let first = std::mem::replace(&mut self.told, posture) == Posture::Unknown;
        let who = self.memory.who(&self.person);
        if first || is_ignored(&self.person, moment, &options.zones, &watch.ignore_zones) {
            return;
        }
        let span = out.begin(moment);
        out.push(Kind::Posture, State::Changed, span, moment, Some(who)).certainty = certainty;
    }
}
