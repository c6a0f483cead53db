//! Which zones a person is in, and which lines they cross.

use super::emit::{Emitter, Span, Who};
use super::lasting::{Edge, Lasting};
use super::line::{Counts, Line, Side};
use super::types::{Kind, Moment, State};
use super::zone::Zone;
use crate::clock::Mono;

/// One person's visit to one zone.
#[derive(Clone, Debug, Default)]
pub(super) struct Visit {
    inside: Lasting,
    span: Option<Span>,
    since: Mono,
    dwells: bool,
}

impl Visit {
    /// Whether the person is in the zone.
    pub(super) fn is_on(&self) -> bool {
        self.inside.is_on()
    }

    /// Takes where the person is now; `None`: they were not seen, or their feet were not.
    pub(super) fn update(
        &mut self,
        zone: &Zone,
        inside: Option<bool>,
        who: Who<'_>,
        moment: &Moment,
        out: &mut Emitter,
    ) {
        let edge = self.inside.update(moment.at, inside == Some(true), zone.enter_after, zone.leave_after);
        match edge {
            Some(Edge::On) => {
                (self.span, self.since, self.dwells) = (Some(out.begin(moment)), moment.at, false);
                self.push(State::Entered, zone, who, moment, out);
            }
            Some(Edge::Off) => self.push(State::Left, zone, who, moment, out),
            None => {}
        }
        let long = zone.dwell_after.is_some_and(|after| moment.at.since(self.since) >= after);
        if long && self.is_on() && !self.dwells {
            self.dwells = true;
            self.push(State::Dwelling, zone, who, moment, out);
        }
    }

    /// Ends the visit because the person is gone.
    pub(super) fn end(&mut self, zone: &Zone, who: Who<'_>, moment: &Moment, out: &mut Emitter) {
        if self.is_on() {
            self.push(State::Left, zone, who, moment, out);
        }
        *self = Visit::default();
    }

    fn push(&self, state: State, zone: &Zone, who: Who<'_>, moment: &Moment, out: &mut Emitter) {
        if let Some(span) = self.span {
            out.push(Kind::Zone, state, span, moment, Some(who)).zone = Some(zone.name.clone());
        }
    }
}

/// Follows a person along a line; counts them if they cross it.
pub(super) fn follow(
    line: &Line,
    side: &mut Side,
    counts: &mut Counts,
    who: Who<'_>,
    moment: &Moment,
    out: &mut Emitter,
) {
    let Some(direction) = line.follow(side, who.person, moment) else { return };
    counts.add(direction);
    let span = out.begin(moment);
    let event = out.push(Kind::Line, State::Crossed, span, moment, Some(who));
    (event.line, event.direction) = (Some(line.name.clone()), Some(direction));
}
