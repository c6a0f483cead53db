//! [`StreamProgress`]: how far a pipeline has come.

use crate::clock::Mono;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Written by the pipeline's streaming thread, read by the supervisor.
#[derive(Debug, Default)]
pub struct StreamProgress {
    frames: AtomicU64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
    /// The source runs by the pipeline's clock: a buffer's timestamp says when it was captured.
    pub live: AtomicBool,
    /// How often a looped file has started again.
    pub pass: AtomicU32,
}

impl StreamProgress {
    pub fn count(&self, now: Mono) {
        // Only the streaming thread writes. It writes the count last.
        if self.frames() == 0 {
            self.first_ns.store(now.0, Ordering::Release);
        }
        self.last_ns.store(now.0, Ordering::Release);
        self.frames.fetch_add(1, Ordering::AcqRel);
    }

    /// Usable frames so far.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Acquire)
    }

    /// When the last usable frame came, if one has.
    pub fn last(&self) -> Option<Mono> {
        (self.frames() > 0).then(|| Mono(self.last_ns.load(Ordering::Acquire)))
    }

    /// From the first usable frame to the last.
    pub fn span(&self) -> Duration {
        self.last().map_or(Duration::ZERO, |last| last.since(Mono(self.first_ns.load(Ordering::Acquire))))
    }
}
