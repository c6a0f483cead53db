//! Whether anybody is there: in front of the camera, or in a zone.

use super::emit::{Emitter, Span};
use super::lasting::{Edge, Lasting};
use super::types::{Moment, State};
use crate::clock::Mono;
use std::time::Duration;

/// Delays against flapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long people must be there.
    pub on_after: Duration,
    /// How long the view must be empty.
    pub off_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { on_after: Duration::from_millis(500), off_after: Duration::from_secs(5) }
    }
}

/// First in, last out.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence {
    lasting: Lasting,
    span: Option<Span>,
}

impl Presence {
    /// Takes the number of people at `now`.
    pub(super) fn update(&mut self, now: Mono, people: usize, options: &Options) -> Option<Edge> {
        self.lasting.update(now, people > 0, options.on_after, options.off_after)
    }

    /// The state after `edge`, and the span that its event belongs to.
    pub(super) fn turn(&mut self, edge: Edge, moment: &Moment, out: &Emitter) -> Option<(State, Span)> {
        match edge {
            Edge::On => {
                let span = out.begin(moment);
                self.span = Some(span);
                Some((State::Started, span))
            }
            Edge::Off => Some((State::Ended, self.span.take()?)),
        }
    }

    /// Whether people are there.
    pub(super) fn is_on(&self) -> bool {
        self.lasting.is_on()
    }
}
