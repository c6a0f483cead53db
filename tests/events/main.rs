//! Events of drawn people: figures in three dimensions before a pinhole camera, and a clock of the
//! test's own.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests print what they measure and may panic"
)]

mod clips;
#[path = "../common/mod.rs"]
mod common;
mod cost;
mod falls;
mod figure;
mod film;
mod gestures;
mod judge;
mod message;
mod places;
mod postures;
mod restart;
mod scenes;
mod stances;

use posed::events::{Engine, Event, EventIds, Kind, Options, State};

/// An engine for the camera `hall`.
fn engine(change: impl FnOnce(&mut Options)) -> Engine {
    let mut options = Options::new("hall");
    change(&mut options);
    Engine::new(options, EventIds::new(7))
}

/// The states of the events of one kind, in order.
fn states(events: &[Event], kind: Kind) -> Vec<State> {
    events.iter().filter(|event| event.kind == kind).map(|event| event.state).collect()
}

/// Seconds since the start of the clip.
fn at_s(event: &Event) -> f64 {
    event.at.duration_since(film::moment(0.0, (1, 1)).wall).unwrap().as_secs_f64()
}
