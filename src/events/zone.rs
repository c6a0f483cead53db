//! Zones: polygons of the picture in which people are.

use super::types::{Moment, Person, SEEN};
use crate::geometry::BBox;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// A box that ends this close to the border is cut off by it: share of the frame's longer side.
const BORDER: f32 = 0.01;

/// Which point of a person must be in the zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The feet: for parts of the floor. People whose feet are cut off by the border are in no such
    /// zone.
    #[default]
    Feet,
    /// The middle of the body: for beds, sofas and windows.
    Body,
}

/// A part of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its name: a topic level.
    pub name: Arc<str>,
    /// Its corners in order, as fractions of the upright picture.
    pub polygon: Vec<[f32; 2]>,
    /// Which point of a person must be in it.
    pub by: By,
    /// How long somebody must be in it to have entered.
    pub enter_after: Duration,
    /// How long somebody must be out of it to have left.
    pub leave_after: Duration,
    /// How long somebody must be in it to dwell there; `None`: there is no dwelling.
    pub dwell_after: Option<Duration>,
    /// How long it must be empty to be unoccupied.
    pub empty_after: Duration,
}

impl Zone {
    /// A zone with the default delays.
    pub fn new(name: &str, polygon: Vec<[f32; 2]>) -> Zone {
        Zone {
            name: name.into(),
            polygon,
            by: By::default(),
            enter_after: Duration::from_millis(300),
            leave_after: Duration::from_secs(1),
            dwell_after: None,
            empty_after: Duration::from_secs(2),
        }
    }

    /// Area of the polygon as a share of the picture; zero if it is no area.
    pub fn area(&self) -> f32 {
        let after = self.polygon.iter().cycle().skip(1);
        let doubled: f32 = self.polygon.iter().zip(after).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum();
        doubled.abs() / 2.0
    }

    /// Whether `person` is in the zone; `None`: the point that decides is not in the picture.
    pub(super) fn holds(&self, person: &Person, moment: &Moment) -> Option<bool> {
        let point = match self.by {
            By::Feet => feet(person, moment.size)?,
            By::Body => middle(person),
        };
        Some(self.contains(fraction(point, moment.size)))
    }

    /// Whether the middle of the person's body is in the zone.
    pub(super) fn has_body(&self, person: &Person, moment: &Moment) -> bool {
        self.contains(fraction(middle(person), moment.size))
    }

    /// Whether the point, in fractions of the picture, is in the polygon (even-odd rule).
    pub fn contains(&self, [x, y]: [f32; 2]) -> bool {
        let after = self.polygon.iter().cycle().skip(1);
        let crossings = self.polygon.iter().zip(after).filter(|&(&[ax, ay], &[bx, by])| {
            (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax)
        });
        crossings.count() % 2 == 1
    }
}

/// Px of the display frame as a fraction of it.
fn fraction([x, y]: [f32; 2], (width, height): (u32, u32)) -> [f32; 2] {
    [(x + 0.5) / width.max(1) as f32, (y + 0.5) / height.max(1) as f32]
}

/// Where a person stands: the middle of the ankles that are seen, else the middle of the box's
/// lower edge. `None` if the border cuts the feet off.
pub fn feet(person: &Person, size: (u32, u32)) -> Option<[f32; 2]> {
    let ankles = mean(person, &[15, 16]);
    let BBox { x, y, w, h } = person.bbox;
    ankles.or_else(|| (!is_cut_off(&person.bbox, size)).then_some([x + w / 2.0, y + h]))
}

/// The middle of a person's body: of the hips that are seen, else of the box.
pub fn middle(person: &Person) -> [f32; 2] {
    mean(person, &[11, 12]).unwrap_or_else(|| person.bbox.centre().into())
}

/// Whether the left, right or lower border of the picture cuts a box off. The upper border cuts off
/// heads, not feet.
pub(super) fn is_cut_off(bbox: &BBox, size: (u32, u32)) -> bool {
    is_at_side(bbox, size) || bbox.y + bbox.h > size.1 as f32 - near(size)
}

/// Whether a box reaches the left or right border of the picture.
pub(super) fn is_at_side(bbox: &BBox, size: (u32, u32)) -> bool {
    bbox.x < near(size) || bbox.x + bbox.w > size.0 as f32 - near(size)
}

/// A box this close to the border, in px, reaches it.
fn near((width, height): (u32, u32)) -> f32 {
    BORDER * width.max(height) as f32
}

/// The mean of the keypoints `which` that are seen.
fn mean(person: &Person, which: &[usize]) -> Option<[f32; 2]> {
    let seen = which.iter().map(|&i| &person.keypoints[i]).filter(|k| k.score >= SEEN);
    let (sum, n) = seen.fold(([0.0, 0.0], 0.0), |([x, y], n), k| ([x + k.x_px, y + k.y_px], n + 1.0));
    (n > 0.0).then(|| [sum[0] / n, sum[1] / n])
}
