//! What one person does for a while: holds up hands, does not move, lies.

use super::emit::{Emitter, Span, Who};
use super::lasting::{Edge, Lasting};
use super::posture::Posture;
use super::types::{Kind, Moment, Person, SEEN, State};
use crate::clock::Mono;
use crate::keypoint::Keypoints;
use std::time::Duration;

/// A condition ends after it was not met for this long.
const OVER_AFTER: Duration = Duration::from_secs(1);
/// A condition that has to last is not interrupted by gaps of this share of that time, within
/// these limits: one frame in which a posture is misjudged must not start ten minutes anew.
const GAP: f32 = 0.1;
const GAPS_S: (f32, f32) = (0.2, 10.0);
/// A keypoint that moves less than this share of the box's longer side does not move.
const STILL: f32 = 0.06;
/// So many of the keypoints that are seen must move.
const MOVING: usize = 2;

/// Something about one person that lasts, and the event that tells of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Spell {
    /// Whether the condition is met, without short gaps.
    met: Lasting,
    lasting: Lasting,
    span: Option<Span>,
}

impl Spell {
    /// Takes whether the condition is met; it counts from `after` on.
    pub(super) fn update(
        &mut self,
        kind: Kind,
        met: bool,
        after: Duration,
        who: Who<'_>,
        moment: &Moment,
        out: &mut Emitter,
    ) {
        let gap = Duration::from_secs_f32((after.as_secs_f32() * GAP).clamp(GAPS_S.0, GAPS_S.1));
        self.met.update(moment.at, met, Duration::ZERO, gap);
        let met = self.met.is_on();
        let Some(edge) = self.lasting.update(moment.at, met, after, OVER_AFTER.min(after)) else { return };
        if edge == Edge::On {
            self.span = Some(out.begin(moment));
        }
        let state = if edge == Edge::On { State::Started } else { State::Ended };
        let Some(span) = self.span else { return };
        out.push(kind, state, span, moment, Some(who));
    }

    /// Ends it because the person is gone.
    pub(super) fn end(&mut self, kind: Kind, who: Who<'_>, moment: &Moment, out: &mut Emitter) {
        if let (true, Some(span)) = (self.is_on(), self.span.take()) {
            out.push(kind, State::Ended, span, moment, Some(who));
        }
        (self.met, self.lasting) = (Lasting::default(), Lasting::default());
    }

    /// Whether it goes on.
    pub(super) fn is_on(&self) -> bool {
        self.lasting.is_on()
    }
}

/// How many hands are above the head; 0 for a lying person.
pub(super) fn hands_up(person: &Person, posture: Posture) -> usize {
    let k = &person.keypoints;
    let head = k[..5].iter().filter(|k| k.score >= SEEN).map(|k| k.y_px).reduce(f32::min);
    let shoulders = k[5..7].iter().filter(|k| k.score >= SEEN).map(|k| k.y_px).reduce(f32::max);
    let (Some(head), Some(shoulders)) = (head, shoulders) else { return 0 };
    if posture == Posture::Lying || head >= shoulders {
        return 0;
    }
    // Eyes and ears are below the top of the head by about a third of their height over the
    // shoulders.
    let top = head - 0.35 * (shoulders - head);
    k[9..11].iter().filter(|k| k.score >= SEEN && k.y_px < top).count()
}

/// Where a person's keypoints rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Rest {
    anchor: Option<Keypoints>,
    since: Mono,
}

impl Rest {
    /// Takes a pose; returns for how long the person has not moved.
    pub(super) fn update(&mut self, person: &Person, now: Mono) -> Duration {
        let far = STILL * person.bbox.w.max(person.bbox.h);
        let rests = self.anchor.is_some_and(|anchor| {
            let moved = anchor.iter().zip(&person.keypoints).filter(|(a, b)| {
                a.score >= SEEN && b.score >= SEEN && (a.x_px - b.x_px).hypot(a.y_px - b.y_px) > far
            });
            moved.count() < MOVING
        });
        if !rests {
            self.anchor = Some(person.keypoints);
            self.since = now;
        }
        now.since(self.since)
    }
}
