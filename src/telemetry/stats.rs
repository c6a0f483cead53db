//! Counters of one camera: frames decoded, published and dropped (with the reason), poses skipped
//! (with the reason), and processing times. Capture and worker threads write them; the state thread
//! reads them.

pub use super::histogram::{Histogram, Percentiles};

use serde::Serialize;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why a decoded frame was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A newer frame replaced it before a worker was free.
    Overwritten,
    /// Above the camera's `max_fps`.
    Rate,
    /// The camera's `cpu_budget` was used up.
    Budget,
    /// It came before the first key frame, so it could not be decoded.
    NoKeyFrame,
    /// The decoder says that its picture is damaged.
    Corrupted,
    /// Its bytes do not fit its caps.
    Invalid,
    /// The pose network or the finder failed.
    Inference,
    /// Its camera was stopped first.
    Stopped,
}

const REASONS: usize = 8;

/// Counters of one camera since it was added.
#[derive(Debug, Default)]
pub struct CameraStats {
    decoded: AtomicU64,
    published: AtomicU64,
    dropped: [AtomicU64; REASONS],
    postponed: AtomicU64,
    crowded: AtomicU64,
    times: Mutex<FrameTimes<Histogram>>,
}

/// One value for each measured time.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameTimes<T> {
    /// Age: from capture to publishing.
    pub age: T,
    /// Person finder, in frames in which it ran.
    pub finder: T,
    /// From boxes to poses, in frames with boxes.
    pub pose: T,
}

/// A copy of the counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Frames that left the decoder.
    pub decoded: u64,
    /// Frames that were handed to the publisher with their poses.
    pub published: u64,
    /// Frames that were dropped, by reason.
    pub dropped: DropCounts,
    /// Poses that were not estimated although their frame was published, by reason.
    pub skipped: Skipped,
}

/// Poses that were not estimated although their frame was published, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// More people than `max_people`: their poses are estimated in turn.
    pub max_people: u64,
    /// More people than can be tracked.
    pub crowded: u64,
}

/// Dropped frames by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DropCounts {
    /// See [`DropReason::Overwritten`].
    pub overwritten: u64,
    /// See [`DropReason::Rate`].
    pub rate: u64,
    /// See [`DropReason::Budget`].
    pub budget: u64,
    /// See [`DropReason::NoKeyFrame`].
    pub no_key_frame: u64,
    /// See [`DropReason::Corrupted`].
    pub corrupted: u64,
    /// See [`DropReason::Invalid`].
    pub invalid: u64,
    /// See [`DropReason::Inference`].
    pub inference: u64,
    /// See [`DropReason::Stopped`].
    pub stopped: u64,
}

impl DropCounts {
    /// Each reason as messages and metrics name it, and how many frames it took.
    pub fn by_reason(&self) -> [(&'static str, u64); 8] {
        let DropCounts { overwritten, rate, budget, no_key_frame, corrupted, invalid, inference, stopped } =
            *self;
        [
            ("overwritten", overwritten),
            ("rate", rate),
            ("budget", budget),
            ("no_key_frame", no_key_frame),
            ("corrupted", corrupted),
            ("invalid", invalid),
            ("inference", inference),
            ("stopped", stopped),
        ]
    }

    /// The sum over all reasons.
    pub fn total(&self) -> u64 {
        self.by_reason().iter().map(|(_, count)| count).sum()
    }
}

impl CameraStats {
    /// Counts a frame that left the decoder.
    pub fn decoded(&self) {
        self.decoded.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a frame that was handed to the publisher, and its times.
    pub fn published(&self, times: &FrameTimes<Option<Duration>>) {
        self.published.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.age.into_iter().for_each(|age| kept.age.add(age));
        times.finder.into_iter().for_each(|finder| kept.finder.add(finder));
        times.pose.into_iter().for_each(|pose| kept.pose.add(pose));
    }

    /// Sets how many poses were skipped so far.
    pub fn skipped(&self, so_far: Skipped) {
        self.postponed.store(so_far.max_people, Ordering::Relaxed);
        self.crowded.store(so_far.crowded, Ordering::Relaxed);
    }

    /// Counts a decoded frame that is not published. Returns how many there were before for this
    /// reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed)
    }

    /// Percentiles of the times since the last call.
    pub fn take_times(&self) -> FrameTimes<Option<Percentiles>> {
        let mut kept = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        FrameTimes { age: kept.age.take(), finder: kept.finder.take(), pose: kept.pose.take() }
    }

    /// A copy of the counters.
    pub fn snapshot(&self) -> FrameCounts {
        let [overwritten, rate, budget, no_key_frame, corrupted, invalid, inference, stopped] =
            std::array::from_fn(|i| self.dropped[i].load(Ordering::Relaxed));
        FrameCounts {
            decoded: self.decoded.load(Ordering::Relaxed),
            published: self.published.load(Ordering::Relaxed),
            dropped: DropCounts {
                overwritten,
                rate,
                budget,
                no_key_frame,
                corrupted,
                invalid,
                inference,
                stopped,
            },
            skipped: Skipped {
                max_people: self.postponed.load(Ordering::Relaxed),
                crowded: self.crowded.load(Ordering::Relaxed),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_counter() {
        let stats = CameraStats::default();
        for reason in [
            DropReason::Overwritten,
            DropReason::Rate,
            DropReason::Budget,
            DropReason::NoKeyFrame,
            DropReason::Corrupted,
            DropReason::Invalid,
            DropReason::Inference,
            DropReason::Stopped,
        ] {
            stats.dropped(reason);
        }
        let all = DropCounts {
            overwritten: 1,
            rate: 1,
            budget: 1,
            no_key_frame: 1,
            corrupted: 1,
            invalid: 1,
            inference: 1,
            stopped: 1,
        };
        assert_eq!(stats.snapshot().dropped, all);
        assert_eq!(all.total(), 8);
    }
}
