//! Runs the networks of `table.rs`: what a body looks like in, probabilities out.

use super::look::{FEATURES, STOOD_FEATURES};
use super::table::{FLOOR, FLOOR_UNITS, STILL, STILL_UNITS, STOOD, STOOD_UNITS};

/// How likely each of [`super::Posture::KNOWN`] is; their sum is 1.
pub(super) type Scores = [f32; 4];

/// The probabilities of the postures of anybody.
pub(super) fn of_still(body: &[f32; FEATURES]) -> Scores {
    softmax(layer(&STILL, &units(&STILL_UNITS, body)))
}

/// The same of somebody who stood before; `still` is what their still says, if it says anything.
pub(super) fn of_known(body: &[f32; STOOD_FEATURES], still: Option<Scores>) -> Scores {
    let known = softmax(layer(&STOOD, &units(&STOOD_UNITS, body)));
    let Some(still) = still else { return known };
    // Geometric mean of the two opinions.
    let mut both = known;
    both.iter_mut().zip(still).for_each(|(a, b)| *a = (*a * b).sqrt());
    let sum: f32 = both.iter().sum();
    both.map(|p| p / sum.max(f32::MIN_POSITIVE))
}

/// The probability that somebody who stood before sits or lies on the floor.
pub(super) fn on_floor(body: &[f32; STOOD_FEATURES]) -> f32 {
    let [logit] = layer(&FLOOR, &units(&FLOOR_UNITS, body));
    1.0 / (1.0 + (-logit).exp())
}

fn softmax(logits: Scores) -> Scores {
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let odds = logits.map(|logit| (logit - most).exp());
    let sum: f32 = odds.iter().sum();
    odds.map(|odd| odd / sum)
}

/// A layer whose units pass what is positive.
fn units<const W: usize, const N: usize>(rows: &[[f32; W]; N], values: &[f32]) -> [f32; N] {
    layer(rows, values).map(|value| value.max(0.0))
}

/// Weighted sums of `values`, one for each row; the last weight of a row is added.
fn layer<const W: usize, const N: usize>(rows: &[[f32; W]; N], values: &[f32]) -> [f32; N] {
    rows.each_ref().map(|row| {
        let sum: f32 = row.iter().zip(values).map(|(weight, value)| weight * value).sum();
        sum + row[W - 1]
    })
}
