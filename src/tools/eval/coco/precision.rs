//! Precision and recall of a list of verdicts.

use super::{RECALLS, Verdict};

/// Precision: the mean over [`RECALLS`]. Recall: the highest one reached.
pub(super) fn precision_recall(verdicts: &[(f64, Verdict)], wanted: f64) -> (f64, f64) {
    let (curve, recall) = precision_curve(verdicts, wanted);
    (curve.iter().sum::<f64>() / RECALLS as f64, recall)
}

/// The best precision at each of [`RECALLS`] or above, and the highest recall reached.
pub(super) fn precision_curve(verdicts: &[(f64, Verdict)], wanted: f64) -> ([f64; RECALLS], f64) {
    let (mut hits, mut misses) = (0.0, 0.0);
    let mut points = Vec::with_capacity(verdicts.len());
    for (_, verdict) in verdicts {
        match verdict {
            Verdict::Hit => hits += 1.0,
            Verdict::Miss => misses += 1.0,
            Verdict::Ignored => {}
        }
        points.push((hits / wanted, hits / (misses + hits + f64::EPSILON)));
    }
    let mut best = 0.0f64;
    for (_, precision) in points.iter_mut().rev() {
        best = best.max(*precision);
        *precision = best;
    }
    let at = |index: usize| {
        let recall = index as f64 * 0.01;
        let first = points.partition_point(|&(r, _)| r < recall);
        points.get(first).map_or(0.0, |&(_, precision)| precision)
    };
    (std::array::from_fn(at), points.last().map_or(0.0, |&(r, _)| r))
}
