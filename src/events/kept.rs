//! What must be kept over a restart: counts, and falls that have not ended.

use super::event::Event;
use super::id::EventId;
use super::line::Counts;
use super::types::{Kind, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What must be kept over a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Counts of the lines, by name.
    pub lines: BTreeMap<String, Counts>,
    /// Falls that have not ended.
    pub falls: Vec<OpenFall>,
}

/// A fall that has not ended, as its last event told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenFall {
    /// Of all its events.
    pub id: EventId,
    /// When the person fell.
    pub started_at: SystemTime,
    /// Whether it was confirmed.
    pub confirmed: bool,
    /// The person who fell, as an earlier run called them.
    pub person: u64,
    /// The zone in which they fell.
    pub zone: Option<String>,
    /// How sure it was.
    pub certainty: f32,
    /// Where the person was: x, y, width, height in px.
    pub bbox: [f32; 4],
}

impl OpenFall {
    /// Takes an event into the list of falls that have not ended; returns whether it changed.
    pub fn note(falls: &mut Vec<OpenFall>, event: &Event) -> bool {
        if event.kind != Kind::Fall {
            return false;
        }
        falls.retain(|fall| fall.id != event.id);
        if matches!(event.state, State::Suspected | State::Confirmed) {
            falls.push(OpenFall {
                id: event.id,
                started_at: event.started_at,
                confirmed: event.state == State::Confirmed,
                person: event.person.unwrap_or_default(),
                zone: event.zone.as_deref().map(str::to_owned),
                certainty: event.certainty,
                bbox: event.bbox.map_or([0.0; 4], |b| [b.x, b.y, b.w, b.h]),
            });
        }
        true
    }
}
