//! How steady the one-euro filter is and how much it lags.

use crate::scene::{SIZE, figure, gauss};
use posed::clock::Mono;
use posed::geometry::BBox;
use posed::keypoint::{Keypoints, Pose};
use posed::track::{Ids, Observation, Options, Tracker};
use std::f32::consts::TAU;

const HEIGHT: f32 = 400.0;
const WRIST: usize = 9;

/// Raw and smoothed keypoints of a person. `truth` returns the true keypoints at a time in s;
/// `noise` is in body heights.
fn follow(fps: f32, frames: u64, noise: f32, truth: impl Fn(f32) -> Keypoints) -> Vec<[Keypoints; 2]> {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let mut seen = Vec::new();
    for frame in 0..frames {
        let t = frame as f32 / fps;
        let mut pose =
            Pose { bbox: BBox { x: 500.0, y: 200.0, w: 160.0, h: HEIGHT }, score: 0.9, keypoints: truth(t) };
        for k in &mut pose.keypoints {
            k.x_px += noise * HEIGHT * gauss(&mut rng);
            k.y_px += noise * HEIGHT * gauss(&mut rng);
            k.score = 0.8;
        }
        let at = Mono((f64::from(t) * 1e9) as u64);
        let people = tracker.update(at, SIZE, &[Observation::new(pose, None)]);
        seen.extend(people.first().map(|p| [p.keypoints, p.smoothed]));
    }
    seen
}

/// Standard deviation.
fn jitter(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let count = values.clone().count() as f32;
    let mean = values.clone().sum::<f32>() / count;
    (values.map(|v| (v - mean).powi(2)).sum::<f32>() / count).sqrt()
}

#[test]
fn smoothing_leaves_a_quarter_of_the_jitter_of_a_still_person() {
    for fps in [10.0, 15.0, 25.0, 30.0] {
        for noise in [0.003, 0.006, 0.012] {
            let seen = follow(fps, 20 * fps as u64, noise, |_| figure((640.0, 600.0), HEIGHT, 0.1));
            let settled = &seen[(2.0 * fps) as usize..];
            let [raw, smooth] = [0, 1]
                .map(|which| (0..17).map(|k| jitter(settled.iter().map(|s| s[which][k].x_px))).sum::<f32>());
            let share = smooth / raw;
            println!("{fps} fps, noise {noise} heights: {:.1} % of the jitter is left", 100.0 * share);
            assert!(share <= 0.25, "{fps} fps, noise {noise}: {share}");
        }
    }
}

/// Lag in frames of the smoothed wrist behind the truth, a sine of `hz` with an amplitude of
/// `reach` body heights: the delay at which the two correlate best.
fn wrist_lag(fps: f32, hz: f32, reach: f32) -> f32 {
    let wave = |t: f32| {
        let mut body = figure((640.0, 600.0), HEIGHT, 0.1);
        body[WRIST].x_px += reach * HEIGHT * (TAU * hz * t).sin();
        body
    };
    let seen = follow(fps, 12 * fps as u64, 0.006, wave);
    let correlation = |lag: f32| -> f32 {
        let settled = seen.iter().enumerate().skip(2 * fps as usize);
        // A person is published from the third frame on.
        settled.map(|(i, s)| s[1][WRIST].x_px * (TAU * hz * (i as f32 + 2.0 - lag) / fps).sin()).sum()
    };
    let lags = (-20..100).map(|i| i as f32 / 20.0);
    lags.max_by(|a, b| correlation(*a).total_cmp(&correlation(*b))).unwrap()
}

#[test]
fn a_fast_wrist_lags_two_frames_at_most() {
    for fps in [10.0, 15.0, 25.0, 30.0] {
        for (hz, reach) in [(1.0, 0.25), (2.0, 0.2)] {
            let lag = wrist_lag(fps, hz, reach);
            println!("{fps} fps, {hz} Hz: the wrist lags {lag:.2} frames");
            assert!(lag <= 2.0, "{fps} fps, {hz} Hz: {lag} frames");
        }
    }
}

#[test]
fn a_slow_lean_is_not_left_behind() {
    // 5 cm/s for a height of 1.75 m: as slow as noise, but the lag stays below 4 %.
    let lean = |t: f32| figure((640.0 + 0.03 * HEIGHT * t, 600.0), HEIGHT, 0.1);
    let seen = follow(15.0, 150, 0.003, lean);
    let off = |s: &[Keypoints; 2]| (s[1][0].x_px - s[0][0].x_px) / HEIGHT;
    let mean = seen[75..].iter().map(off).sum::<f32>() / (seen.len() - 75) as f32;
    println!("{:.1} % of the body height behind", -100.0 * mean);
    assert!(mean.abs() < 0.04, "{mean}");
}
