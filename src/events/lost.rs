//! Finds people again that the tracker lost and gave a new id.

use super::known::Known;
use super::types::{Moment, Person};
use crate::geometry::BBox;
use std::time::Duration;

/// How long a lying person is remembered: they are hard to see.
pub(super) const FORGET_LYING: Duration = Duration::from_secs(60);
/// A new person may be one who was lost for less than this, if their boxes overlap by this share.
const INHERITED: Duration = Duration::from_millis(1200);
const SAME_PLACE: f32 = 0.3;
/// Or for less than this, if the new box is lower by this share of the old one's height and beside
/// it: they fell.
const FALLS_UNSEEN: Duration = Duration::from_millis(3000);
const FALLEN: f32 = 0.3;
const BESIDE: f32 = 0.3;

/// Somebody who was lost where `person` appears: the tracker may lose a person who falls or lies,
/// and find them under a new id.
pub(super) fn predecessor<'a>(
    known: &'a mut [Known],
    person: &Person,
    people: &[Person],
    moment: &Moment,
) -> Option<&'a mut Known> {
    let lost = known.iter_mut().filter(|known| !people.iter().any(|p| p.id == known.person.id));
    let mut same = lost.filter(|known| {
        let (old, new, gone) = (&known.person.bbox, &person.bbox, moment.at.since(known.seen_at));
        let same_place = old.share_in(new).max(new.share_in(old)) > SAME_PLACE;
        // A body that falls ends beside the place where it stood, and is lower than it was.
        let fell = new.y > old.y + FALLEN * old.h && gap(old, new) < BESIDE * old.h;
        let window = match (known.may_be_there(moment.size), fell) {
            (true, _) if same_place => FORGET_LYING,
            (_, true) => FALLS_UNSEEN,
            _ if same_place => INHERITED,
            _ => Duration::ZERO,
        };
        gone < window
    });
    same.next()
}

/// Distance between the nearest points of two boxes; 0 if they overlap.
fn gap(a: &BBox, b: &BBox) -> f32 {
    let between = |a: f32, a_size: f32, b: f32, b_size: f32| (b - a - a_size).max(a - b - b_size).max(0.0);
    between(a.x, a.w, b.x, b.w).hypot(between(a.y, a.h, b.y, b.h))
}
