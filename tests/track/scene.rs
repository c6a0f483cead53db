//! Synthetic truth: people who walk, stand, wave and hide each other, and what a finder and a pose
//! network of a given quality see of them.

use super::mot::Truth;
use posed::geometry::BBox;
use posed::keypoint::{KEYPOINTS, Keypoint, Keypoints, Pose};
use std::f32::consts::TAU;

pub const SIZE: (u32, u32) = (1280, 720);

/// Where a person's feet are (px) and how tall they are (px) at a time in s; `None`: not there.
pub type Path = Box<dyn Fn(f32) -> Option<(f32, f32, f32)>>;

/// Walks from `a` to `b` between the times `from` and `to`; stands before and after.
pub fn walk(a: (f32, f32), b: (f32, f32), height: f32, from: f32, to: f32) -> Path {
    Box::new(move |t| {
        let part = ((t - from) / (to - from)).clamp(0.0, 1.0);
        Some((a.0 + part * (b.0 - a.0), a.1 + part * (b.1 - a.1), height))
    })
}

/// Walks from `outside` to `inside`, stays, and walks back, between 1 s and 9 s.
pub fn call(outside: (f32, f32), inside: (f32, f32), height: f32) -> Path {
    let (come, go) = (walk(outside, inside, height, 1.0, 4.0), walk(inside, outside, height, 6.0, 9.0));
    Box::new(move |t| match t {
        1.0..5.0 => come(t),
        5.0..9.0 => go(t),
        _ => None,
    })
}

/// A walking stick figure with its feet at `feet`.
pub fn figure(feet: (f32, f32), height: f32, phase: f32) -> Keypoints {
    let swing = 0.09 * (TAU * phase).sin();
    // x, and y above the feet, in body heights.
    let at = [
        (0.0, 0.93),
        (0.012, 0.95),
        (-0.012, 0.95),
        (0.03, 0.945),
        (-0.03, 0.945),
        (0.1, 0.82),
        (-0.1, 0.82),
        (0.12 + 0.3 * swing, 0.64),
        (-0.12 - 0.3 * swing, 0.64),
        (0.13 + swing, 0.49),
        (-0.13 - swing, 0.49),
        (0.06, 0.5),
        (-0.06, 0.5),
        (0.06 - 0.6 * swing, 0.27),
        (-0.06 + 0.6 * swing, 0.27),
        (0.06 - swing, 0.04),
        (-0.06 + swing, 0.04),
    ];
    at.map(|(x, y)| Keypoint { x_px: feet.0 + x * height, y_px: feet.1 - y * height, score: 1.0 })
}

/// The truth of one person at one time.
pub struct Body {
    pub name: usize,
    pub keypoints: Keypoints,
    pub hidden: [bool; KEYPOINTS],
    pub bbox: BBox,
    feet: f32,
    height: f32,
}

impl Body {
    pub fn visible(&self) -> usize {
        self.hidden.iter().filter(|h| !**h).count()
    }
}

/// The people in the frame at `t` s. A keypoint behind a nearer person (lower feet) is hidden.
pub fn bodies(paths: &[Path], t: f32) -> Vec<Body> {
    let (width, height) = (SIZE.0 as f32, SIZE.1 as f32);
    let mut all: Vec<Body> = Vec::new();
    for (name, path) in paths.iter().enumerate() {
        let Some((x, y, tall)) = path(t) else { continue };
        let keypoints = figure((x, y), tall, 1.1 * t + 0.37 * name as f32);
        let bbox = BBox { x: x - 0.17 * tall, y: y - tall, w: 0.34 * tall, h: tall };
        let hidden = keypoints.map(|k| !(0.0..width).contains(&k.x_px) || !(0.0..height).contains(&k.y_px));
        all.push(Body { name, keypoints, hidden, bbox, feet: y, height: tall });
    }
    for index in 0..all.len() {
        let nearer: Vec<(BBox, f32)> = all.iter().map(|b| (b.bbox, b.feet)).collect();
        let body = &mut all[index];
        for (bbox, feet) in nearer {
            if feet <= body.feet {
                continue;
            }
            let (left, right) = (bbox.x + 0.15 * bbox.w, bbox.x + 0.85 * bbox.w);
            for (keypoint, hidden) in body.keypoints.iter().zip(&mut body.hidden) {
                let inside = (left..right).contains(&keypoint.x_px)
                    && (bbox.y..bbox.y + bbox.h).contains(&keypoint.y_px);
                *hidden |= inside;
            }
        }
    }
    all
}

/// The people of a recorded truth (format: models/demo/walk.json) by frame number.
pub fn recorded(json: &str) -> impl Fn(usize) -> Vec<Body> + use<> {
    let truth: serde_json::Value = serde_json::from_str(json).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f32> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
    };
    let body = move |person: &serde_json::Value| {
        let (b, k) = (numbers(&person["box"]), numbers(&person["keypoints"]));
        let at = |i: usize| Keypoint { x_px: k[3 * i], y_px: k[3 * i + 1], score: 1.0 };
        Body {
            name: person["id"].as_u64().unwrap() as usize,
            keypoints: std::array::from_fn(at),
            hidden: std::array::from_fn(|i| k[3 * i + 2] < 1.5),
            bbox: BBox { x: b[0], y: b[1], w: b[2], h: b[3] },
            feet: b[1] + b[3],
            height: b[3],
        }
    };
    move |frame| truth["frames"][frame]["people"].as_array().into_iter().flatten().map(body).collect()
}

/// What should be reported of `body`: the box inside the frame; optional while mostly hidden.
pub fn truth(body: &Body) -> Truth {
    let BBox { x, y, w, h } = body.bbox;
    let (left, top) = (x.max(0.0), y.max(0.0));
    let (right, bottom) = ((x + w).min(SIZE.0 as f32), (y + h).min(SIZE.1 as f32));
    let bbox = BBox { x: left, y: top, w: (right - left).max(0.1), h: (bottom - top).max(0.1) };
    Truth { name: body.name, bbox, optional: body.visible() < 9 }
}

/// How well the simulated finder and pose network see.
#[derive(Clone, Copy)]
pub struct Quality {
    /// Share of people that the finder finds.
    pub recall: f32,
    /// Mean number of false boxes in a search.
    pub false_boxes: f32,
    /// Standard deviation of a box edge in box sizes, of a keypoint in body heights.
    pub box_noise: f32,
    pub noise: f32,
    /// Share of crops with a person in which the pose network sees none.
    pub blind: f32,
}

pub const FAIR: Quality =
    Quality { recall: 0.9, false_boxes: 0.3, box_noise: 0.04, noise: 0.012, blind: 0.05 };

pub fn gauss(rng: &mut fastrand::Rng) -> f32 {
    (-2.0 * (1.0 - rng.f32()).ln()).sqrt() * (TAU * rng.f32()).cos()
}

/// The boxes of a simulated search.
pub fn find(bodies: &[Body], quality: &Quality, rng: &mut fastrand::Rng) -> Vec<BBox> {
    let mut found = Vec::new();
    for body in bodies.iter().filter(|b| b.visible() >= 7) {
        if rng.f32() < quality.recall {
            let BBox { x, y, w, h } = truth(body).bbox;
            let mut off = |size: f32| quality.box_noise * size * gauss(rng);
            found.push(BBox { x: x + off(w), y: y + off(h), w: w + off(w), h: h + off(h) });
        }
    }
    if rng.f32() < quality.false_boxes {
        let (x, y) = (rng.f32() * SIZE.0 as f32, rng.f32() * SIZE.1 as f32 * 0.6);
        found.push(BBox { x, y, w: 60.0, h: 150.0 });
    }
    found
}

/// The pose of a simulated network in the crop of `bbox`: that of the person who fills it best.
pub fn estimate(bodies: &[Body], bbox: BBox, quality: &Quality, rng: &mut fastrand::Rng) -> Pose {
    let inside = |body: &Body, index: usize| {
        let k = body.keypoints[index];
        let (dx, dy) = (0.125 * bbox.w.max(bbox.h * 0.75), 0.125 * bbox.h);
        !body.hidden[index]
            && (bbox.x - dx..bbox.x + bbox.w + dx).contains(&k.x_px)
            && (bbox.y - dy..bbox.y + bbox.h + dy).contains(&k.y_px)
    };
    let weight =
        |body: &Body| (0..KEYPOINTS).filter(|&i| inside(body, i)).count() as f32 * body.bbox.iou(&bbox);
    let best = bodies.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)));
    let best = best.filter(|body| weight(body) > 1.5 && rng.f32() >= quality.blind);
    let mut keypoints = [Keypoint::default(); KEYPOINTS];
    for (index, keypoint) in keypoints.iter_mut().enumerate() {
        *keypoint = match best {
            Some(body) if inside(body, index) => {
                let (k, noise) = (body.keypoints[index], quality.noise * body.height);
                let score = 0.5 + 0.4 * rng.f32();
                Keypoint { x_px: k.x_px + noise * gauss(rng), y_px: k.y_px + noise * gauss(rng), score }
            }
            // Imagined anywhere in the crop, sometimes with some confidence.
            _ => Keypoint {
                x_px: bbox.x + bbox.w * rng.f32(),
                y_px: bbox.y + bbox.h * rng.f32(),
                score: 0.35 * rng.f32() * rng.f32(),
            },
        };
    }
    let sure: Vec<f32> = keypoints.iter().map(|k| k.score).filter(|&s| s > 0.2).collect();
    let score = if sure.is_empty() { 0.0 } else { sure.iter().sum::<f32>() / sure.len() as f32 };
    Pose { bbox, score, keypoints }
}
