//! Lines across the picture, who crosses them, and how many did.

use super::types::{Direction, Moment, Person};
use super::zone::{By, feet, middle};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How far past a line somebody must be to be on its other side, as a share of their box's height:
/// a person who stands on a line does not cross it over and over.
const MARGIN: f32 = 0.04;
/// No person is faster, in box heights a second: a track that jumps further has changed its person.
const FASTEST: f32 = 5.0;
/// 2020-01-01. A wall clock before this was not set, so it says nothing about the day.
const CLOCK_SET_S: u64 = 1_577_836_800;

/// A line from one point of the picture to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name: a topic level.
    pub name: Arc<str>,
    /// Where it starts, as a fraction of the upright picture.
    pub from: [f32; 2],
    /// Where it ends.
    pub to: [f32; 2],
    /// Which point of a person crosses it.
    pub by: By,
}

/// How many people crossed a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// In, ever.
    #[serde(rename = "in")]
    pub in_total: u64,
    /// Out, ever.
    #[serde(rename = "out")]
    pub out_total: u64,
    /// In, since local midnight.
    pub in_today: u64,
    /// Out, since local midnight.
    pub out_today: u64,
    /// The day of `in_today` and `out_today`, in days since 1970.
    pub day: i64,
}

impl Counts {
    /// Starts the day of `moment` at zero. Returns whether a new day has begun.
    pub(super) fn turn_day(&mut self, moment: &Moment) -> bool {
        let Some(day) = local_day(moment) else { return false };
        if day == self.day {
            return false;
        }
        *self = Counts { day, in_today: 0, out_today: 0, ..*self };
        true
    }

    pub(super) fn add(&mut self, direction: Direction) {
        let (total, today) = match direction {
            Direction::In => (&mut self.in_total, &mut self.in_today),
            Direction::Out => (&mut self.out_total, &mut self.out_today),
        };
        *total = total.saturating_add(1);
        *today = today.saturating_add(1);
    }
}

fn local_day(moment: &Moment) -> Option<i64> {
    let utc_s = moment.wall.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (utc_s >= CLOCK_SET_S).then(|| (utc_s as i64 + i64::from(moment.utc_offset_s)).div_euclid(24 * 3600))
}

/// Where one person is in relation to one line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    /// The last point in px, and its time.
    last: Option<([f32; 2], Duration)>,
    /// The last point in px that was clearly on one side, and whether that is the line's right.
    clear: Option<([f32; 2], bool)>,
}

impl Line {
    /// Follows `person` along the line; returns the direction if they have just crossed it.
    pub(super) fn follow(&self, side: &mut Side, person: &Person, moment: &Moment) -> Option<Direction> {
        let point = match self.by {
            By::Feet => feet(person, moment.size)?,
            By::Body => middle(person),
        };
        let height = person.bbox.h.max(1.0);
        let now = Duration::from_nanos(moment.at.0);
        if let Some((before, at)) = side.last.replace((point, now)) {
            let reach = height * (0.5 + FASTEST * now.saturating_sub(at).as_secs_f32());
            if (point[0] - before[0]).hypot(point[1] - before[1]) > reach {
                side.clear = None;
            }
        }
        let distance = self.distance_px(point, moment.size);
        if distance.abs() < MARGIN * height {
            return None;
        }
        let right = distance > 0.0;
        let (before, was_right) = side.clear.replace((point, right))?;
        let crossed = was_right != right && self.is_between(before, point, moment.size);
        crossed.then_some(if right { Direction::In } else { Direction::Out })
    }

    fn ends_px(&self, size: (u32, u32)) -> [[f32; 2]; 2] {
        let (width, height) = (size.0 as f32, size.1 as f32);
        [self.from, self.to].map(|[x, y]| [x * width - 0.5, y * height - 0.5])
    }

    /// Distance from the line without ends; positive at its right.
    fn distance_px(&self, point: [f32; 2], size: (u32, u32)) -> f32 {
        let [from, to] = self.ends_px(size);
        cross(from, to, point) / (to[0] - from[0]).hypot(to[1] - from[1]).max(1e-3)
    }

    /// Whether the way from `a` to `b` passes between the line's ends.
    fn is_between(&self, a: [f32; 2], b: [f32; 2], size: (u32, u32)) -> bool {
        let [from, to] = self.ends_px(size);
        (cross(a, b, from) > 0.0) != (cross(a, b, to) > 0.0)
    }

    /// Whether its ends differ.
    pub fn has_length(&self) -> bool {
        self.from != self.to
    }
}

/// Twice the area of a triangle; positive if `c` lies at the right of the way from `a` to `b` (y
/// points down).
fn cross(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}
