//! Conditions that must hold for some time before they count, and be over for some time before they
//! end: this keeps a value that flickers from making events.

use crate::clock::Mono;
use std::time::Duration;

/// A condition with delays.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lasting {
    on: bool,
    /// Since when the raw value differs from `on`.
    differs_since: Option<Mono>,
}

/// A change of a [`Lasting`] condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// It holds.
    On,
    /// It is over.
    Off,
}

impl Lasting {
    /// Takes the raw `value` at `now`. It turns on after the value was true for `on_after`, and off
    /// after it was false for `off_after`.
    pub(super) fn update(
        &mut self,
        now: Mono,
        value: bool,
        on_after: Duration,
        off_after: Duration,
    ) -> Option<Edge> {
        if value == self.on {
            self.differs_since = None;
            return None;
        }
        let since = *self.differs_since.get_or_insert(now);
        if now.since(since) < if value { on_after } else { off_after } {
            return None;
        }
        self.on = value;
        self.differs_since = None;
        Some(if value { Edge::On } else { Edge::Off })
    }

    /// Whether it holds.
    pub(super) fn is_on(&self) -> bool {
        self.on
    }
}
