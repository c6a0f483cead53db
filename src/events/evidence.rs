//! What the last seconds of a person say about a fall.

use super::memory::{Look, Memory};
use super::posture::Posture;
use super::zone::{is_at_side, is_cut_off};
use crate::clock::Mono;
use crate::geometry::BBox;
use std::collections::VecDeque;
use std::time::Duration;

/// Longest time from upright to down, with an allowance for the smoothing of keypoints.
const FALLS_WITHIN: Duration = Duration::from_millis(1500);
/// Most time out of sight between upright and down.
const UNSEEN: Duration = Duration::from_secs(3);
/// A gap between looks from this length on is time out of sight.
const GAP: Duration = Duration::from_millis(400);
/// How long after the last upright look a person who was out of sight is taken to be down.
const WHILE_UNSEEN: Duration = Duration::from_millis(700);
/// How long somebody must be down before a fall is suspected.
const DOWN_FOR: Duration = Duration::from_millis(400);
/// The time over which the likelihood of being down is averaged.
const JUDGED: Duration = Duration::from_millis(550);
/// From this mean likelihood on they are down, and if they seem to crouch.
const DOWN: f32 = 0.42;
const DOWN_CROUCHED: f32 = 0.75;
/// Drop of the hips in standing hip heights: from standing to the floor, from a seat to the floor,
/// and from standing to lying. A body that falls away from the camera appears to drop less.
const DROP_STANDING: f32 = 0.4;
const DROP_SITTING: f32 = 0.24;
const DROP_LYING: f32 = 0.33;
/// How far the hips drop, if the shoulders or the top of the box drop by 1.
const HIPS_PER_SHOULDERS: f32 = 0.59;
const HIPS_PER_TOP: f32 = 0.45;
/// Shoulders that dropped by this much are near the floor, whatever hides the hips.
const SHOULDERS_DROP: f32 = 0.85;
/// Somebody who is lost while their hips drop by this much within this time is falling.
const LOST_DROP: f32 = 0.2;
const LOST_WITHIN: Duration = Duration::from_millis(500);

/// What a person's memory says about a fall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    /// When the person was down.
    pub(super) since: Mono,
    pub(super) certainty: f32,
    /// Hips above this row, in px, have risen by half of the drop.
    pub(super) risen_y: f32,
}

/// Looks for a fall that ends now.
pub(super) fn seen(memory: &Memory) -> Option<Evidence> {
    let (looks, legs) = (&memory.looks, memory.legs_px());
    let last = looks.back()?;
    let still_up = looks.iter().rposition(|look| look.upright)?;
    let up = &looks[still_up];
    let recent = || looks.range(still_up + 1..).filter(|look| last.at.since(look.at) <= JUDGED);
    let first = recent().next()?.at;
    let within = FALLS_WITHIN + unseen(looks, up.at, first);
    if last.at.since(up.at) > within || last.at.since(first) < DOWN_FOR {
        return None;
    }
    let before = |time: Duration| {
        looks.iter().filter(move |look| look.upright && look.at < first && first.since(look.at) <= time)
    };
    let (sum, n) = recent().fold((0.0, 0), |(sum, n), look| (sum + low(look, up, legs), n + 1));
    let likely = if last.posture == Posture::Crouching { DOWN_CROUCHED } else { DOWN };
    if n < 2 || sum / (n as f32) < likely {
        return None;
    }
    let dropped = drop_of(before(within), last, legs)?;
    let stood = before(within).any(|look| look.posture == Posture::Standing);
    let enough = match (stood, last.posture) {
        (_, Posture::Lying) => DROP_LYING,
        (true, _) => DROP_STANDING,
        (false, _) => DROP_SITTING,
    };
    let certainty = (0.5 + 0.5 * (dropped / enough - 1.0)).clamp(0.5, 1.0) * memory.certainty.max(0.5);
    let risen_y = risen(last, dropped, legs);
    // The person went down while out of sight.
    let since = if within > FALLS_WITHIN { up.at + WHILE_UNSEEN } else { first };
    (dropped >= enough).then_some(Evidence { since, certainty, risen_y })
}

/// Time out of sight between two looks.
fn unseen(looks: &VecDeque<Look>, from: Mono, to: Mono) -> Duration {
    let between = looks.iter().zip(looks.iter().skip(1)).filter(|(a, b)| a.at >= from && b.at <= to);
    let gaps = between.map(|(a, b)| b.at.since(a.at)).filter(|&gap| gap >= GAP);
    gaps.sum::<Duration>().min(UNSEEN)
}

/// Looks for a fall of a person who was just lost: their last looks drop, far or fast, and nothing
/// hid them at the border. Somebody who has just touched a side of the picture has left.
pub(super) fn vanished(memory: &Memory, bbox: &BBox, size: (u32, u32)) -> Option<Evidence> {
    let last = memory.looks.back().filter(|_| !is_cut_off(bbox, size))?;
    let recent = |time: Duration| memory.looks.iter().filter(move |look| last.at.since(look.at) <= time);
    if last.stands() || recent(LOST_WITHIN).any(|look| is_at_side(&look.bbox, size)) {
        return None;
    }
    let within = |time: Duration| recent(time).filter(|look| look.upright);
    let legs = memory.legs_px();
    let dropped = drop_of(within(FALLS_WITHIN).filter(|look| look.stands()), last, legs)?;
    let plunges = drop_of(within(LOST_WITHIN), last, legs).is_some_and(|drop| drop >= LOST_DROP);
    let lies = low(last, last, legs) > DOWN;
    let fell = dropped >= if lies { DROP_LYING } else { DROP_STANDING } || plunges;
    let risen_y = risen(last, dropped, legs);
    fell.then_some(Evidence { since: last.at, certainty: 0.5, risen_y })
}

fn risen(last: &Look, dropped: f32, legs: f32) -> f32 {
    last.hips.map_or(f32::MIN, |hips| hips[1] - 0.5 * dropped * legs)
}

/// How far the hips of `last` are below the highest ones of `looks`, in standing hip heights; told
/// by the shoulders if the hips are hidden, or by the top of the body.
fn drop_of<'a>(looks: impl Iterator<Item = &'a Look>, last: &Look, legs: f32) -> Option<f32> {
    let fallen = |look: &Look| {
        // Who lies down from a seat lowers the head, not the hips.
        let stood = look.posture == Posture::Standing;
        let top = if stood { (last.bbox.y - look.bbox.y) * HIPS_PER_TOP } else { f32::MIN };
        let hips = look.hips.zip(last.hips).map(|(before, now)| now[1] - before[1]);
        let shoulders = || look.shoulders.zip(last.shoulders).map(|(before, now)| now[1] - before[1]);
        hips.or_else(|| shoulders().map(|px| px * HIPS_PER_SHOULDERS)).map_or(top, |px| px.max(top))
    };
    looks.map(fallen).reduce(f32::max).map(|px| px / legs)
}

/// How likely somebody lies, or is on the floor. `up` is how they were before that.
fn low(look: &Look, up: &Look, legs: f32) -> f32 {
    let shoulders = look.shoulders.zip(up.shoulders).map_or(0.0, |(now, then)| now[1] - then[1]);
    if look.hips.is_none() && shoulders > SHOULDERS_DROP * legs {
        return 1.0;
    }
    // Nothing but the floor is so far below a seat.
    let off_seat = up.posture == Posture::Sitting
        && matches!(look.posture, Posture::Sitting | Posture::Unknown)
        && look.hips.zip(up.hips).is_some_and(|(now, then)| now[1] - then[1] > DROP_SITTING * legs);
    if off_seat { 1.0 } else { look.lies().max(look.floor_now) }
}
