//! The events of one camera: people in, events and states out.

use super::emit::{Emitter, Who};
use super::event::Event;
use super::evidence;
use super::fall::{self, Fall};
use super::id::EventIds;
use super::kept::{Kept, OpenFall};
use super::known::Known;
use super::line::Counts;
use super::lost::{FORGET_LYING, predecessor};
use super::options::Options;
use super::posture::Posture;
use super::presence::{self, Presence};
use super::snapshot::{LineState, Snapshot, ZoneState};
use super::types::{Kind, Moment, Person, State};
use std::sync::Arc;
use std::time::Duration;

/// When a person that the tracker no longer publishes is gone. It gives no id back after two
/// seconds.
const GONE: Duration = Duration::from_secs(3);
/// A person who is missing for this long may have fallen where the camera does not see them.
const MISSING: Duration = Duration::from_secs(1);

/// Finds the events of one camera. Buffers are kept from frame to frame.
#[derive(Debug)]
pub struct Engine {
    options: Options,
    people: Vec<Known>,
    falls: Vec<Fall>,
    /// Falls of an earlier run, until the first frame.
    resumed: Vec<OpenFall>,
    presence: Presence,
    /// In the order of the options' zones.
    occupancy: Vec<Presence>,
    /// In the order of the options' lines.
    counts: Vec<Counts>,
    out: Emitter,
    snapshot: Snapshot,
}

impl Engine {
    /// An engine that has seen no one yet. `ids` are shared by all cameras of the session.
    pub fn new(options: Options, ids: EventIds) -> Engine {
        let zone = |name: &Arc<str>| ZoneState { name: name.clone(), people: 0, occupancy: false };
        let line = |name: &Arc<str>| LineState { name: name.clone(), counts: Counts::default() };
        Engine {
            people: Vec::new(),
            falls: Vec::new(),
            resumed: Vec::new(),
            presence: Presence::default(),
            occupancy: vec![Presence::default(); options.zones.len()],
            counts: vec![Counts::default(); options.lines.len()],
            out: Emitter::new(options.camera.clone(), ids),
            snapshot: Snapshot {
                zones: options.zones.iter().map(|z| zone(&z.name)).collect(),
                lines: options.lines.iter().map(|l| line(&l.name)).collect(),
                ..Snapshot::default()
            },
            options,
        }
    }

    /// Takes the people of a frame, possibly none; returns what happened. Frames must come in the
    /// order of their times. While a camera gives no frames, call [`Engine::idle`].
    pub fn update(&mut self, moment: &Moment, people: &[Person]) -> &[Event] {
        self.out.events.clear();
        if self.options.fall.is_some() {
            self.falls.extend(self.resumed.iter().map(|open| Fall::resume(open, moment)));
        }
        self.resumed.clear();
        self.counts.iter_mut().for_each(|counts| _ = counts.turn_day(moment));
        self.see(moment, people);
        self.find_falls(moment);
        self.follow_falls(moment);
        self.forget(moment);
        self.see_presence(moment);
        self.take_snapshot();
        &self.out.events
    }

    /// While a camera gives no frames, call this once a second instead of [`Engine::update`], so that
    /// what has to end does. A fall does not: nobody sees whether its person is still there.
    pub fn idle(&mut self, moment: &Moment) -> &[Event] {
        self.falls.iter_mut().for_each(|fall| fall.wait(moment));
        self.update(moment, &[])
    }

    /// What happened in the last update.
    pub fn events(&self) -> &[Event] {
        &self.out.events
    }

    /// What is, as of the last update.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Posture and certainty of a person, as of the last update.
    pub fn posture(&self, person: u64) -> (Posture, f32) {
        let known = self.people.iter().find(|known| known.person.id == person);
        known.map_or((Posture::Unknown, 0.0), |known| (known.memory.posture, known.memory.certainty))
    }

    /// What must be kept over a restart. It changes when a line is crossed, when a day begins, and
    /// with each event of a fall.
    pub fn kept(&self) -> Kept {
        let names = self.options.lines.iter().map(|line| line.name.to_string());
        let lines = names.zip(self.counts.iter().copied()).collect();
        Kept { lines, falls: self.falls.iter().map(Fall::open).chain(self.resumed.clone()).collect() }
    }

    /// Goes on from what an earlier run kept, before the first update.
    pub fn restore(&mut self, kept: &Kept) {
        self.resumed.clone_from(&kept.falls);
        for (line, counts) in self.options.lines.iter().zip(&mut self.counts) {
            *counts = kept.lines.get(&*line.name).copied().unwrap_or_default();
        }
        self.take_snapshot();
    }

    fn see(&mut self, moment: &Moment, people: &[Person]) {
        let Engine { options, people: known, counts, out, .. } = self;
        known.iter_mut().for_each(|known| known.present = false);
        for person in people {
            let index = known.iter().position(|known| known.person.id == person.id).unwrap_or_else(|| {
                let mut new = Known::new(person, moment, options);
                if let Some(old) = predecessor(known, person, people, moment) {
                    new.inherit(old);
                }
                known.push(new);
                known.len() - 1
            });
            known[index].see(person, moment, options, counts, out);
        }
    }

    fn find_falls(&mut self, moment: &Moment) {
        let Some(options) = &self.options.fall else { return };
        for known in &mut self.people {
            let person = known.person;
            let gone = !known.present && !known.missed && moment.at.since(known.seen_at) > MISSING;
            known.missed |= gone;
            let evidence = match known.present {
                true => evidence::seen(&known.memory),
                false if gone => evidence::vanished(&known.memory, &person.bbox, moment.size),
                false => None,
            };
            let Some(evidence) = evidence else { continue };
            known.memory.forget_looks();
            let told = self.falls.iter().any(|fall| !fall.resumed && fall.person.id == person.id);
            if told || fall::is_ignored(&person, moment, &self.options.zones, &options.ignore_zones) {
                continue;
            }
            let fall = Fall::new(self.out.begin(moment), evidence, known.who(), moment, &self.options.zones);
            fall.emit(State::Suspected, moment, &mut self.out);
            self.falls.push(fall);
        }
    }

    fn follow_falls(&mut self, moment: &Moment) {
        let Some(options) = &self.options.fall else { return };
        for index in 0..self.falls.len() {
            let Some(known) = self.person_of(index, moment) else { continue };
            let (person, memory) = (known.person, &known.memory);
            let (posture, certainty) = (memory.posture, memory.certainty);
            let now = fall::Now { hips: memory.hips(), on_floor: memory.on_floor(), down: memory.down() };
            let who = Who { person: &person, posture, certainty };
            self.falls[index].see(who, &now, moment);
        }
        let out = &mut self.out;
        self.falls.retain_mut(|fall| {
            let Some(state) = fall.step(moment, options) else { return true };
            fall.emit(state, moment, out);
            state == State::Confirmed
        });
    }

    /// The person of a fall: by their id, or the one who has just appeared where a lost person
    /// fell. A helper appears elsewhere and walks up.
    fn person_of(&self, index: usize, moment: &Moment) -> Option<&Known> {
        let fall = &self.falls[index];
        let mut present = self.people.iter().filter(|known| known.present);
        let own = |known: &&Known| !fall.resumed && known.person.id == fall.person.id;
        if let Some(own) = present.clone().find(own) {
            return Some(own);
        }
        let taken = |id: u64| self.falls.iter().any(|fall| !fall.resumed && fall.person.id == id);
        present.find(|known| {
            let new = moment.at.since(known.first_at) < MISSING;
            new && fall.is_at(&known.person.bbox) && !taken(known.person.id)
        })
    }

    /// Ends what people did who are gone, and forgets them.
    fn forget(&mut self, moment: &Moment) {
        let Engine { options, people, out, .. } = self;
        people.retain_mut(|known| {
            let gone = moment.at.since(known.seen_at);
            if known.present || gone < GONE {
                return true;
            }
            known.leave(moment, options, out);
            if known.may_be_there(moment.size) && gone < FORGET_LYING {
                return true;
            }
            known.end(moment, out);
            false
        });
    }

    fn see_presence(&mut self, moment: &Moment) {
        let Engine { options, people, presence, occupancy, out, .. } = self;
        let present = people.iter().filter(|known| known.present).count();
        if let Some(edge) = presence.update(moment.at, present, &options.presence) {
            let state = presence.turn(edge, moment, out);
            if let (true, Some((state, span))) = (options.presence_events, state) {
                out.push(Kind::Presence, state, span, moment, None);
            }
        }
        for (index, (zone, presence)) in options.zones.iter().zip(occupancy).enumerate() {
            let inside = people.iter().filter(|known| known.is_in(index)).count();
            let delays = presence::Options { on_after: Duration::ZERO, off_after: zone.empty_after };
            let Some(edge) = presence.update(moment.at, inside, &delays) else { continue };
            if let Some((state, span)) = presence.turn(edge, moment, out) {
                out.push(Kind::Occupancy, state, span, moment, None).zone = Some(zone.name.clone());
            }
        }
    }

    fn take_snapshot(&mut self) {
        let Engine { people, falls, resumed, snapshot, .. } = self;
        let present = || people.iter().filter(|known| known.present);
        snapshot.people = present().count();
        snapshot.occupancy = self.presence.is_on();
        snapshot.fall = falls.iter().any(|fall| fall.confirmed) || resumed.iter().any(|open| open.confirmed);
        snapshot.fall_suspected = !falls.is_empty() || !resumed.is_empty();
        snapshot.help = people.iter().any(Known::asks_for_help);
        snapshot.postures = Default::default();
        present().for_each(|known| snapshot.postures.add(known.memory.posture));
        for (index, (zone, presence)) in snapshot.zones.iter_mut().zip(&self.occupancy).enumerate() {
            zone.people = people.iter().filter(|known| known.is_in(index)).count();
            zone.occupancy = presence.is_on();
        }
        for (line, &counts) in snapshot.lines.iter_mut().zip(&self.counts) {
            line.counts = counts;
        }
    }
}
