//! Builds events into a buffer that is reused.

use super::event::{Event, SCHEMA};
use super::id::{EventId, EventIds};
use super::posture::Posture;
use super::types::{Kind, Moment, Person, State};
use std::sync::Arc;
use std::time::SystemTime;

/// The person an event is about, as they are at that moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub(super) person: &'a Person,
    pub(super) posture: Posture,
    /// Of the posture.
    pub(super) certainty: f32,
}

/// The start of something that goes on: its end carries the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) id: EventId,
    pub(super) started_at: SystemTime,
}

/// The events of one frame.
#[derive(Debug)]
pub(super) struct Emitter {
    camera: Arc<str>,
    ids: EventIds,
    pub(super) events: Vec<Event>,
}

impl Emitter {
    pub(super) fn new(camera: Arc<str>, ids: EventIds) -> Emitter {
        Emitter { camera, ids, events: Vec::new() }
    }

    /// A new thing that starts now.
    pub(super) fn begin(&self, moment: &Moment) -> Span {
        Span { id: self.ids.fresh(moment.wall), started_at: moment.wall }
    }

    /// Adds the event that `span` is now in `state`. The caller adds zone, line and certainty.
    pub(super) fn push(
        &mut self,
        kind: Kind,
        state: State,
        span: Span,
        moment: &Moment,
        who: Option<Who<'_>>,
    ) -> &mut Event {
        let over =
            matches!(state, State::Ended | State::Cleared | State::Left | State::Changed | State::Crossed);
        let index = self.events.len();
        self.events.push(Event {
            schema: SCHEMA,
            id: span.id,
            kind,
            state,
            camera: self.camera.clone(),
            person: who.map(|w| w.person.id),
            zone: None,
            line: None,
            direction: None,
            posture: who.map(|w| w.posture),
            started_at: span.started_at,
            at: moment.wall,
            ended_at: over.then_some(moment.wall),
            certainty: 1.0,
            bbox: who.map(|w| w.person.bbox),
            keypoints: who.map(|w| w.person.keypoints),
        });
        &mut self.events[index]
    }
}
