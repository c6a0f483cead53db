//! Histograms as Prometheus counts them: since the start, with fixed upper bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in ms: from an inference on a fast machine to a camera with a long buffer.
const BOUNDS_MS: [u64; 12] = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/// Counts of durations by size. Adding one allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    counts: [AtomicU64; BOUNDS_MS.len()],
    beyond: AtomicU64,
    sum_us: AtomicU64,
}

/// A copy of the counts, as prometheus-client wants it.
#[derive(Debug)]
pub(super) struct Counted {
    /// Sum of all durations, in seconds.
    pub sum_s: f64,
    /// Number of durations.
    pub count: u64,
    /// Upper bounds in seconds with the number of durations in each bucket alone.
    pub buckets: Vec<(f64, u64)>,
}

impl Buckets {
    /// Counts one duration.
    pub(super) fn add(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS_MS.iter().position(|bound| us <= bound * 1000);
        let bucket = at.and_then(|at| self.counts.get(at)).unwrap_or(&self.beyond);
        bucket.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// A copy of the counts.
    pub(super) fn counted(&self) -> Counted {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let bounds = BOUNDS_MS.iter().map(|ms| *ms as f64 / 1e3);
        let mut buckets: Vec<_> = bounds.zip(self.counts.iter().map(load)).collect();
        buckets.push((f64::INFINITY, load(&self.beyond)));
        let count = buckets.iter().map(|(_, count)| count).sum();
        Counted { sum_s: load(&self.sum_us) as f64 / 1e6, count, buckets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_bucket_that_it_fits_in() {
        let buckets = Buckets::default();
        for ms in [0, 2, 3, 60_000] {
            buckets.add(Duration::from_millis(ms));
        }
        let counted = buckets.counted();
        let at = |bound: f64| counted.buckets.iter().find(|(le, _)| *le == bound).unwrap().1;
        assert_eq!((counted.count, at(0.002), at(0.005), at(10.0), at(f64::INFINITY)), (4, 2, 1, 0, 1));
        assert!((counted.sum_s - 60.005).abs() < 1e-9);
    }
}
