//! Percentiles of durations, in constant memory.

use serde::Serialize;
use std::time::Duration;

/// Median and 99th percentile, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of the values are at most this.
    pub p50_ms: f64,
    /// 99 of 100 values are at most this.
    pub p99_ms: f64,
}

/// Buckets per octave: a bucket is 9 % wide.
const SUB: f64 = 8.0;
/// 20 octaves from 0.1 ms up: to 100 s.
const BUCKETS: usize = 160;
const FIRST_MS: f64 = 0.1;

/// Durations in logarithmic buckets: constant memory for any number of frames.
#[derive(Debug)]
pub struct Histogram {
    counts: [u32; BUCKETS],
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: [0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn add(&mut self, time: Duration) {
        let ms = time.as_secs_f64() * 1e3;
        let bucket = ((ms / FIRST_MS).max(1.0).log2() * SUB).floor() as usize;
        self.counts[bucket.min(BUCKETS - 1)] += 1;
        self.total += 1;
    }

    /// Percentiles of the durations counted since the last call, as the upper edges of their
    /// buckets; `None` if there were none.
    pub fn take(&mut self) -> Option<Percentiles> {
        if self.total == 0 {
            return None;
        }
        let result = Percentiles { p50_ms: self.quantile(0.5), p99_ms: self.quantile(0.99) };
        *self = Histogram::default();
        Some(result)
    }

    fn quantile(&self, q: f64) -> f64 {
        let rank = (q * self.total as f64).ceil() as u64;
        let mut seen = 0;
        let at = self.counts.iter().position(|&n| {
            seen += u64::from(n);
            seen >= rank
        });
        FIRST_MS * ((at.unwrap_or(BUCKETS - 1) + 1) as f64 / SUB).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_bucket_and_start_over() {
        let mut ages = Histogram::default();
        for ms in 1..=100 {
            ages.add(Duration::from_millis(ms));
        }
        let p = ages.take().unwrap();
        assert!((50.0..=50.0 * 1.1).contains(&p.p50_ms), "{p:?}");
        assert!((99.0..=99.0 * 1.1).contains(&p.p99_ms), "{p:?}");
        assert_eq!(ages.take(), None);
    }

    #[test]
    fn ages_beyond_the_scale_count_in_the_outer_buckets() {
        let mut ages = Histogram::default();
        ages.add(Duration::ZERO);
        ages.add(Duration::from_secs(100_000));
        let p = ages.take().unwrap();
        assert!(p.p50_ms < 0.12 && p.p99_ms > 99_000.0, "{p:?}");
    }
}
