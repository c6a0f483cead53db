//! The angles and proportions of a body that tell how it is held.

use super::types::SEEN;
use crate::geometry::BBox;
use crate::keypoint::Keypoints;

/// Keypoints this close to the border (a share of the picture's side) may be guesses of what lies
/// outside.
const BORDER: f32 = 0.008;
/// Keypoints further outside the box than this share of its side are guesses.
const OUTSIDE: f32 = 0.15;
/// Length of the torso in widths of the shoulders, in lengths of a thigh and of a shin.
const TORSO_PER_SHOULDERS: f32 = 1.25;
const TORSO_PER_THIGH: f32 = 1.1;
const TORSO_PER_SHIN: f32 = 1.1;

/// A point or a vector in px.
pub(super) type Point = [f32; 2];

/// What a body's keypoints say about how it is held, in px of the display frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// Middle of the shoulders; without shoulders the head.
    pub(super) shoulders: Point,
    /// Middle of the hips.
    pub(super) hips: Point,
    /// The middle of the keypoints of the head.
    pub(super) head: Option<Point>,
    /// The legs, left and right.
    pub(super) legs: [Leg; 2],
    /// Distance between the shoulders.
    pub(super) width: f32,
}

/// A leg, in px from the middle of the hips to the knee and to the ankle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Leg {
    pub(super) knee: Option<Point>,
    pub(super) ankle: Option<Point>,
}

impl Shape {
    /// The shape of a body, if shoulders (or head), hips and a leg are seen.
    pub(super) fn of(keypoints: &Keypoints, bbox: &BBox, picture: Option<(u32, u32)>) -> Option<Shape> {
        let seen = |i: usize| -> Option<Point> {
            let k = &keypoints[i];
            let point = [k.x_px, k.y_px];
            (k.score >= SEEN && is_inside(point, bbox, picture)).then_some(point)
        };
        let middle = |points: [Option<Point>; 2]| match points {
            [Some(a), Some(b)] => Some([(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]),
            [a, b] => a.or(b),
        };
        let head = mean((0..5).filter_map(seen));
        let hips = middle([seen(11), seen(12)])?;
        let shoulders = middle([seen(5), seen(6)]).or(head)?;
        let from_hips = |p: Point| [p[0] - hips[0], p[1] - hips[1]];
        let leg =
            |side: usize| Leg { knee: seen(13 + side).map(from_hips), ankle: seen(15 + side).map(from_hips) };
        let legs = [leg(0), leg(1)];
        let width = match (seen(5), seen(6)) {
            (Some(a), Some(b)) => (a[0] - b[0]).hypot(a[1] - b[1]),
            _ => 0.0,
        };
        let any = legs.iter().any(|leg| leg.knee.is_some() || leg.ankle.is_some());
        any.then_some(Shape { shoulders, hips, head, legs, width })
    }

    /// Length of the torso as it appears.
    pub(super) fn torso(&self) -> f32 {
        let [x, y] = self.spine();
        x.hypot(y)
    }

    /// From the shoulders to the hips.
    pub(super) fn spine(&self) -> Point {
        [self.hips[0] - self.shoulders[0], self.hips[1] - self.shoulders[1]]
    }

    /// The least length that the torso can have in truth: foreshortening makes everything shorter,
    /// nothing longer.
    pub(super) fn scale(&self) -> f32 {
        let parts =
            self.legs.iter().flat_map(|leg| [leg.thigh() * TORSO_PER_THIGH, leg.shin() * TORSO_PER_SHIN]);
        parts.fold(self.torso().max(self.width * TORSO_PER_SHOULDERS), f32::max)
    }

    /// Angle of the torso in degrees: 0 upright, 90 horizontal, 180 head down.
    pub(super) fn tilt(&self) -> f32 {
        let [x, y] = self.spine();
        x.abs().atan2(y).to_degrees()
    }

    /// How far the knees are below the hips: mean and most, in px. A knee that is not seen is half
    /// way to its ankle.
    pub(super) fn knee_drop(&self) -> Option<(f32, f32)> {
        let drop = |leg: &Leg| leg.knee.map(|k| k[1]).or(leg.ankle.map(|a| a[1] / 2.0));
        mean_and_most(self.legs.iter().filter_map(drop))
    }

    /// How far the ankles are below the hips: mean and most, in px.
    pub(super) fn ankle_drop(&self) -> Option<(f32, f32)> {
        mean_and_most(self.legs.iter().filter_map(|leg| leg.ankle).map(|a| a[1]))
    }

    /// How far the ankles are below the knees of their legs, in px.
    pub(super) fn shin_drop(&self) -> Option<f32> {
        let drop = |leg: &Leg| Some(leg.ankle?[1] - leg.knee?[1]);
        mean_and_most(self.legs.iter().filter_map(drop)).map(|(mean, _)| mean)
    }

    /// How much lower one knee is than the other, and the smaller of the heights of the shins, in
    /// px; `None` unless both legs are seen whole.
    pub(super) fn stride(&self) -> Option<(f32, f32)> {
        let [a, b] = self.legs.map(|leg| Some((leg.knee?[1], leg.ankle?[1])));
        let ((a_knee, a_ankle), (b_knee, b_ankle)) = a.zip(b)?;
        Some(((a_knee - b_knee).abs(), (a_ankle - a_knee).min(b_ankle - b_knee)))
    }

    /// How far the ankles are beside the hips, in px.
    pub(super) fn reach(&self) -> Option<f32> {
        let aside = |leg: &Leg| leg.ankle.map(|a| a[0].abs());
        mean_and_most(self.legs.iter().filter_map(aside)).map(|(mean, _)| mean)
    }

    /// How straight the legs appear, 0 to 1, also if they point at the camera: thigh and shin are
    /// in one line and equally long. `None` if no leg is seen whole.
    pub(super) fn straightness(&self) -> Option<(f32, f32)> {
        let measure = |leg: &Leg| {
            let (thigh, shin) = (leg.thigh(), leg.shin());
            let [x, y] = leg.ankle?;
            let whole = thigh + shin;
            (thigh > 0.0 && shin > 0.0).then(|| (x.hypot(y) / whole, thigh.min(shin) / thigh.max(shin)))
        };
        let better = |a: (f32, f32), b: (f32, f32)| if b.0 > a.0 { b } else { a };
        self.legs.iter().filter_map(measure).reduce(better)
    }

    /// Width and height of the whole body, in px.
    pub(super) fn extent(&self) -> Point {
        let [hx, hy] = self.hips;
        let legs = self.legs.iter().flat_map(|leg| [leg.knee, leg.ankle]).flatten();
        let points = legs.map(|p| [p[0] + hx, p[1] + hy]).chain([self.shoulders, self.hips]).chain(self.head);
        let (low, high) = points.fold(([f32::MAX; 2], [f32::MIN; 2]), |(low, high), p| {
            ([low[0].min(p[0]), low[1].min(p[1])], [high[0].max(p[0]), high[1].max(p[1])])
        });
        [high[0] - low[0], high[1] - low[1]]
    }
}

impl Leg {
    /// Length of the thigh; 0 if the knee is not seen.
    fn thigh(&self) -> f32 {
        self.knee.map_or(0.0, |k| k[0].hypot(k[1]))
    }

    /// Length of the shin; 0 if one of its ends is not seen.
    fn shin(&self) -> f32 {
        match (self.knee, self.ankle) {
            (Some(k), Some(a)) => (a[0] - k[0]).hypot(a[1] - k[1]),
            _ => 0.0,
        }
    }
}

fn is_inside([x, y]: Point, bbox: &BBox, picture: Option<(u32, u32)>) -> bool {
    let in_picture = picture.is_none_or(|(width, height)| {
        let (w, h) = (width as f32, height as f32);
        x > BORDER * w && x < (1.0 - BORDER) * w && y > BORDER * h && y < (1.0 - BORDER) * h
    });
    let reach = OUTSIDE * bbox.w.max(bbox.h);
    let in_box = x > bbox.x - reach
        && x < bbox.x + bbox.w + reach
        && y > bbox.y - reach
        && y < bbox.y + bbox.h + reach;
    in_picture && in_box
}

fn mean(points: impl Iterator<Item = Point>) -> Option<Point> {
    let (sum, n) = points.fold(([0.0, 0.0], 0.0), |([x, y], n), p| ([x + p[0], y + p[1]], n + 1.0));
    (n > 0.0).then(|| [sum[0] / n, sum[1] / n])
}

fn mean_and_most(values: impl Iterator<Item = f32>) -> Option<(f32, f32)> {
    let (sum, most, n) = values.fold((0.0, f32::MIN, 0.0), |(s, m, n), v| (s + v, v.max(m), n + 1.0));
    (n > 0.0).then(|| (sum / n, most))
}
