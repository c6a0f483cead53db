//! The books of one camera: what its stream does, what becomes of its frames, and its rates.
//!
//! Every decoded frame ends as published or dropped. Once [`Ledger::report_last`] has run, the
//! numbers add up and no message of the camera follows.

use super::stream::Stream;
use crate::capture::Event;
use crate::clock::{Mono, SharedClock};
use crate::frame::Frame;
use crate::publish::CameraStatus;
use crate::slot::Removed;
use crate::telemetry::stats::{CameraStats, DropReason, FrameCounts, FrameTimes, Percentiles, Skipped};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Rates and times over the last period.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// Frames per second out of the decoder.
    pub decoded_fps: f64,
    /// Messages per second.
    pub published_fps: f64,
    /// Ages and inference times of the published frames.
    pub times: FrameTimes<Option<Percentiles>>,
}

/// A frame with poses to publish.
#[derive(Clone, Copy, Debug, Default)]
pub struct Published {
    /// People in its message.
    pub people: usize,
    /// Its age and inference times.
    pub times: FrameTimes<Option<Duration>>,
    /// Poses of the camera that were not estimated so far.
    pub skipped: Skipped,
}

/// Everything that a state message says about a camera.
#[derive(Clone, Debug)]
pub struct Report {
    /// The stream now.
    pub stream: Stream,
    /// Rates over the last period.
    pub rates: Rates,
    /// People in the last published frame.
    pub people: usize,
    /// Frames since the camera was added.
    pub counts: FrameCounts,
}

/// Frames that workers have taken, and whether messages may still go out.
#[derive(Default)]
struct Account {
    /// The last message is out.
    closed: bool,
    /// Frames that workers took; known once the camera has no slot any more.
    taken: u64,
    /// How many of them are published or counted as dropped.
    settled: u64,
}

/// The counters at the start of a period, and the rates of the period before.
struct Meter {
    at: Mono,
    counts: FrameCounts,
    rates: Rates,
}

/// One camera's bookkeeping. All threads share it.
pub struct Ledger {
    clock: SharedClock,
    stats: CameraStats,
    stream: Mutex<Stream>,
    /// Locked while a message is handed to the publisher: none can overtake the last one.
    account: Mutex<Account>,
    meter: Mutex<Meter>,
    people: AtomicUsize,
    /// Wakes the state thread. If the channel is full, that thread wakes anyway.
    changed: SyncSender<()>,
}

impl Ledger {
    /// Empty books. A message goes to `changed` at every change of the stream.
    pub fn new(clock: SharedClock, changed: SyncSender<()>) -> Ledger {
        let now = clock.now();
        Ledger {
            clock,
            stats: CameraStats::default(),
            stream: Mutex::new(Stream::new(now)),
            account: Mutex::default(),
            meter: Mutex::new(Meter { at: now, counts: FrameCounts::default(), rates: Rates::default() }),
            people: AtomicUsize::new(0),
            changed,
        }
    }

    /// Counts a frame that left the decoder.
    pub fn decoded(&self) {
        self.stats.decoded();
    }

    /// Counts a frame that capture dropped before a worker took it.
    pub fn dropped(&self, reason: DropReason) {
        self.stats.dropped(reason);
    }

    /// Counts a worker's frame and hands its message over with `send`. Returns false, and does
    /// neither, if the camera's last message is out: that one has counted the frame.
    pub fn publish(&self, frame: &Published, send: impl FnOnce()) -> bool {
        let mut account = lock(&self.account);
        if account.closed {
            return false;
        }
        account.settled += 1;
        send();
        self.people.store(frame.people, Ordering::Relaxed);
        self.stats.skipped(frame.skipped);
        self.stats.published(&frame.times);
        true
    }

    /// Counts a worker's frame that gave no poses. Returns how many did so far; `None` if the
    /// camera's last message is out.
    pub fn fail(&self) -> Option<u64> {
        let mut account = lock(&self.account);
        if account.closed {
            return None;
        }
        account.settled += 1;
        Some(self.stats.dropped(DropReason::Inference) + 1)
    }

    /// Hands a state message over with `send`, unless the camera's last message is out.
    pub fn report(&self, send: impl FnOnce(&Report)) {
        let account = lock(&self.account);
        if !account.closed {
            send(&self.read(self.rates()));
        }
    }

    /// Counts what `removed` tells of the camera's slot.
    pub fn close(&self, removed: &Removed<Frame>) {
        if removed.waiting.is_some() {
            self.stats.dropped(DropReason::Stopped);
        }
        lock(&self.account).taken = removed.taken;
    }

    /// Hands the camera's last message over with `send`. It counts as dropped the frames that
    /// workers still hold. Further calls report again, with the counters of that time.
    pub fn report_last(&self, send: impl FnOnce(&Report)) {
        let mut account = lock(&self.account);
        for _ in account.settled..account.taken {
            self.stats.dropped(DropReason::Stopped);
        }
        account.settled = account.taken;
        account.closed = true;
        self.note(&Event::Stopped);
        send(&self.read(Rates::default()));
    }

    /// Takes the rates since the last call.
    pub fn measure(&self, now: Mono) {
        let mut meter = lock(&self.meter);
        let counts = self.stats.snapshot();
        let seconds = now.since(meter.at).as_secs_f64().max(1e-3);
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let rates = Rates {
            decoded_fps: rate(counts.decoded, meter.counts.decoded),
            published_fps: rate(counts.published, meter.counts.published),
            times: self.stats.take_times(),
        };
        *meter = Meter { at: now, counts, rates };
    }

    /// Rates as last measured.
    pub fn rates(&self) -> Rates {
        lock(&self.meter).rates
    }

    /// What the stream is doing.
    pub fn status(&self) -> CameraStatus {
        lock(&self.stream).status
    }

    /// Takes in an event of the stream. Returns whether its status or reason changed.
    pub fn note(&self, event: &Event) -> bool {
        let changed = lock(&self.stream).apply(event, self.clock.now());
        self.wake();
        changed
    }

    /// Wakes the state thread, which writes to disk for the workers.
    pub fn wake(&self) {
        let _ = self.changed.try_send(());
    }

    fn read(&self, rates: Rates) -> Report {
        Report {
            stream: lock(&self.stream).clone(),
            rates,
            people: self.people.load(Ordering::Relaxed),
            counts: self.stats.snapshot(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, FakeClock};
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn rates_are_of_the_last_period() {
        let clock = Arc::new(FakeClock::default());
        let ledger = Ledger::new(clock.clone(), sync_channel(1).0);
        (0..10).for_each(|_| ledger.decoded());
        clock.advance(Duration::from_secs(5));
        ledger.measure(clock.now());
        assert_eq!(ledger.rates().decoded_fps, 2.0);
        clock.advance(Duration::from_secs(5));
        ledger.measure(clock.now());
        assert_eq!(ledger.rates().decoded_fps, 0.0);
    }
}
