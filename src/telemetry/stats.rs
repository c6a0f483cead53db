//! Counters of one camera: what came in, what went out, what was dropped and why, and how long
//! frames took. Written by the capture and worker threads, read by the state ticker.

use serde::Serialize;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why a decoded frame was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A newer frame took its place before a worker was free.
    Overwritten,
    /// Above the camera's `max_fps`.
    Rate,
    /// Its bytes and caps do not fit together.
    Invalid,
    /// The network or the finder failed on it.
    Inference,
    /// It waited when its camera was stopped.
    Stopped,
}

const REASONS: usize = 5;

/// Counters of one camera since it was started.
#[derive(Debug, Default)]
pub struct CameraStats {
    decoded: AtomicU64,
    published: AtomicU64,
    dropped: [AtomicU64; REASONS],
    ages: Mutex<Ages>,
}

/// A copy of the counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Frames that left the decoder.
    pub decoded: u64,
    /// Frames whose poses were handed to the publisher.
    pub published: u64,
    /// Frames that were not, by reason.
    pub dropped: Dropped,
}

/// Dropped frames by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// See [`DropReason::Overwritten`].
    pub overwritten: u64,
    /// See [`DropReason::Rate`].
    pub rate: u64,
    /// See [`DropReason::Invalid`].
    pub invalid: u64,
    /// See [`DropReason::Inference`].
    pub inference: u64,
    /// See [`DropReason::Stopped`].
    pub stopped: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.overwritten + self.rate + self.invalid + self.inference + self.stopped
    }
}

impl CameraStats {
    /// A frame left the decoder.
    pub fn decoded(&self) {
        self.decoded.fetch_add(1, Ordering::Relaxed);
    }

    /// A frame's poses went to the publisher, `age` after its capture.
    pub fn published(&self, age: Duration) {
        self.published.fetch_add(1, Ordering::Relaxed);
        self.ages.lock().unwrap_or_else(PoisonError::into_inner).add(age);
    }

    /// A decoded frame will not be published.
    /// Returns how many there were before for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed)
    }

    /// Age of the poses when they were handed over, since this was asked last.
    pub fn take_ages(&self) -> Option<Percentiles> {
        self.ages.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let [overwritten, rate, invalid, inference, stopped] =
            std::array::from_fn(|i| self.dropped[i].load(Ordering::Relaxed));
        Snapshot {
            decoded: self.decoded.load(Ordering::Relaxed),
            published: self.published.load(Ordering::Relaxed),
            dropped: Dropped { overwritten, rate, invalid, inference, stopped },
        }
    }
}

/// Median and 99th percentile, in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of the values are at most this.
    pub p50_ms: f64,
    /// 99 of 100 values are at most this.
    pub p99_ms: f64,
}

/// Buckets an octave; a bucket is 9 % wide.
const SUB: f64 = 8.0;
/// From 0.1 ms over 20 octaves: to 100 s.
const BUCKETS: usize = 160;
const FIRST_MS: f64 = 0.1;

/// Histogram of ages in logarithmic buckets: constant memory for any number of frames.
#[derive(Debug)]
pub struct Ages {
    counts: [u32; BUCKETS],
    total: u64,
}

impl Default for Ages {
    fn default() -> Self {
        Ages { counts: [0; BUCKETS], total: 0 }
    }
}

impl Ages {
    /// Counts one age.
    pub fn add(&mut self, age: Duration) {
        let ms = age.as_secs_f64() * 1e3;
        let bucket = ((ms / FIRST_MS).max(1.0).log2() * SUB).floor() as usize;
        self.counts[bucket.min(BUCKETS - 1)] += 1;
        self.total += 1;
    }

    /// The percentiles of what was counted, upper edge of their bucket; starts over.
    pub fn take(&mut self) -> Option<Percentiles> {
        if self.total == 0 {
            return None;
        }
        let result = Percentiles { p50_ms: self.quantile(0.5), p99_ms: self.quantile(0.99) };
        *self = Ages::default();
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
        let mut ages = Ages::default();
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
        let mut ages = Ages::default();
        ages.add(Duration::ZERO);
        ages.add(Duration::from_secs(100_000));
        let p = ages.take().unwrap();
        assert!(p.p50_ms < 0.12 && p.p99_ms > 99_000.0, "{p:?}");
    }

    #[test]
    fn every_reason_has_its_counter() {
        let stats = CameraStats::default();
        for reason in [
            DropReason::Overwritten,
            DropReason::Rate,
            DropReason::Invalid,
            DropReason::Inference,
            DropReason::Stopped,
        ] {
            stats.dropped(reason);
        }
        let all = Dropped { overwritten: 1, rate: 1, invalid: 1, inference: 1, stopped: 1 };
        assert_eq!(stats.snapshot().dropped, all);
        assert_eq!(all.total(), 5);
    }
}
