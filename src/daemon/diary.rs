//! One camera's part in the history: frames become a row a second.

use super::Shared;
use super::happenings::Happenings;
use crate::events::{self, Event, Kind, Postures, State};
use crate::frame::Frame;
use crate::geometry::View;
use crate::history::{Entry, Gather, Keeper, Mark, Motion, Seen};
use crate::http;
use crate::scene::Scene;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Writes what one camera sees into the history.
pub struct Diary {
    keeper: Arc<Keeper>,
    open: Mutex<Open>,
}

struct Open {
    gather: Gather,
    motion: Motion,
    /// Whose feet count in this second: a row has room for one person's.
    turn: usize,
}

impl Diary {
    /// Nothing is seen yet.
    pub fn new(camera: &str, keeper: Arc<Keeper>) -> Diary {
        let open = Open { gather: Gather::new(camera.into()), motion: Motion::default(), turn: 0 };
        Diary { keeper, open: Mutex::new(open) }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the people and events of `frame`. Allocates nothing.
    pub fn frame(&self, frame: &Frame, view: &View, scene: &Scene, happenings: &Happenings) {
        let (people, snapshot) = (scene.present(), scene.snapshot());
        let (size, events_on) = ((view.width, view.height), happenings.is_enabled());
        let Postures { standing, sitting, lying, crouching, .. } = snapshot.postures;
        let mut open = self.lock();
        let moving = people.iter().map(|person| (person.id, person.bbox, &person.keypoints));
        let activity = open.motion.frame(frame.stamp.mono, moving);
        let stands = people.get(open.turn % people.len().max(1)).filter(|person| person.age.is_zero());
        let seen = Seen {
            size,
            people: snapshot.people,
            postures: [standing, sitting, lying, crouching],
            activity,
            feet: stands.and_then(|person| events::feet(person, size)),
            marks: scene.events().iter().filter(|_| events_on).filter_map(mark).collect(),
        };
        if let Some(entry) = open.gather.frame(frame.stamp.wall, &seen) {
            open.turn = open.turn.wrapping_add(1);
            drop(open);
            self.push(entry);
        }
    }

    /// Ends the present second: no further frame comes soon.
    pub fn finish(&self) {
        let entry = self.lock().gather.finish();
        entry.into_iter().for_each(|entry| self.push(entry));
    }

    fn push(&self, entry: Entry) {
        self.keeper.push(entry);
    }
}

/// The mark of an event that begins something.
fn mark(event: &Event) -> Option<Mark> {
    Some(match (event.kind, event.state) {
        (Kind::Fall, State::Suspected) => Mark::Fall,
        (Kind::Fall, State::Confirmed) => Mark::FallConfirmed,
        (Kind::LyingLong, State::Started) => Mark::LyingLong,
        (Kind::NoMovement, State::Started) => Mark::NoMovement,
        (Kind::HandRaised, State::Started) => Mark::HandRaised,
        (Kind::Help, State::Started) => Mark::Help,
        (Kind::Posture, State::Changed) => Mark::Posture,
        (Kind::Zone, State::Entered | State::Dwelling) => Mark::Zone,
        (Kind::Occupancy, State::Started) => Mark::Occupancy,
        (Kind::Line, State::Crossed) => Mark::Line,
        (Kind::Presence, State::Started) => Mark::Presence,
        _ => return None,
    })
}

/// The history's counters, for the metrics.
pub(super) fn census(shared: &Shared) -> Option<http::HistoryCensus> {
    let (stats, fault) = shared.history.as_ref()?.keeper.stats();
    Some(http::HistoryCensus {
        written: stats.written,
        dropped: [("overflow", stats.overflow), ("no_time", stats.no_time), ("failed", stats.failed)],
        on_disk: fault.is_none(),
    })
}
