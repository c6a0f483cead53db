//! [`StreamProgress`]: how far a pipeline has come.

use crate::clock::Mono;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// A stream may miss this many frames that its caps promise before it has stalled.
const MISSED_FRAMES: u32 = 3;
/// Longest silence that a frame rate in the caps excuses.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);
/// The same before a second frame has shown whether the rate is true.
const UNPROVEN_SILENCE: Duration = Duration::from_secs(30);

/// A moment that other threads read; none before the first.
#[derive(Debug, Default)]
struct Moment(AtomicU64);

impl Moment {
    fn set(&self, at: Mono) {
        // Zero stands for none; the clock's first nanosecond is not missed.
        self.0.store(at.0.max(1), Ordering::Release);
    }

    fn get(&self) -> Option<Mono> {
        Some(Mono(self.0.load(Ordering::Acquire))).filter(|at| at.0 > 0)
    }
}

/// Written by the pipeline's streaming threads, read by the supervisor.
#[derive(Debug, Default)]
pub struct StreamProgress {
    frames: AtomicU64,
    first: Moment,
    last: Moment,
    damaged: Moment,
    data: Moment,
    key_frame: Moment,
    interval_ns: AtomicU64,
    /// First frame with these caps.
    first_of_caps: Moment,
    frames_of_caps: AtomicU64,
    /// The source runs by the pipeline's clock: a buffer's timestamp says when it was captured.
    pub live: AtomicBool,
    /// How often a looped file has started again.
    pub pass: AtomicU32,
    pass_frames: AtomicU64,
}

impl StreamProgress {
    pub fn count(&self, now: Mono) {
        // Only the streaming thread writes. It writes the count last.
        if self.frames() == 0 {
            self.first.set(now);
        }
        if self.frames_of_caps.fetch_add(1, Ordering::AcqRel) == 0 {
            self.first_of_caps.set(now);
        }
        self.last.set(now);
        self.pass_frames.fetch_add(1, Ordering::AcqRel);
        self.frames.fetch_add(1, Ordering::AcqRel);
    }

    /// A damaged frame came: the stream is alive.
    pub fn damaged(&self, now: Mono) {
        self.damaged.set(now);
    }

    /// A network source gave data.
    pub fn data(&self, now: Mono) {
        self.data.set(now);
    }

    /// The decoder got its first key frame.
    pub fn key_frame(&self, now: Mono) {
        self.key_frame.set(now);
    }

    /// The caps say that a frame comes this often; zero if they do not.
    pub fn expect(&self, interval: Duration) {
        self.frames_of_caps.store(0, Ordering::Release);
        self.interval_ns.store(u64::try_from(interval.as_nanos()).unwrap_or(0), Ordering::Release);
    }

    /// A looped file starts again.
    pub fn next_pass(&self) {
        self.pass_frames.store(0, Ordering::Release);
        self.pass.fetch_add(1, Ordering::AcqRel);
    }

    /// Usable frames so far.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Acquire)
    }

    /// Usable frames since the start, or since a looped file started again.
    pub fn pass_frames(&self) -> u64 {
        self.pass_frames.load(Ordering::Acquire)
    }

    /// When the last usable or damaged frame came, if a usable one has.
    pub fn last(&self) -> Option<Mono> {
        (self.frames() > 0).then(|| self.last.get().max(self.damaged.get()).unwrap_or_default())
    }

    /// When the last data of a network source came that no decoder can use before a key frame.
    pub fn data_before_key_frame(&self) -> Option<Mono> {
        self.data.get().filter(|_| self.key_frame.get().is_none())
    }

    /// When a decoder was first able to work, or last gave a damaged frame.
    pub fn decodable(&self) -> Option<Mono> {
        self.key_frame.get().max(self.damaged.get())
    }

    /// The longest silence that the frame rate in the caps excuses; zero if they have none. A rate
    /// that the frames belie excuses nothing: damaged data can hold any rate.
    pub fn excused_silence(&self) -> Duration {
        let interval = Duration::from_nanos(self.interval_ns.load(Ordering::Acquire));
        let silence = interval.saturating_mul(MISSED_FRAMES);
        let gaps = self.frames_of_caps.load(Ordering::Acquire).saturating_sub(1);
        let Ok(gaps @ 1..) = u32::try_from(gaps) else { return silence.min(UNPROVEN_SILENCE) };
        let time = self.last.get().zip(self.first_of_caps.get()).map(|(last, first)| last.since(first));
        let is_true = time.is_some_and(|time| time / gaps >= interval / 2);
        if is_true { silence.min(LONGEST_SILENCE) } else { Duration::ZERO }
    }

    /// From the first usable frame to the last.
    pub fn span(&self) -> Duration {
        self.last.get().zip(self.first.get()).map_or(Duration::ZERO, |(last, first)| last.since(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_frame_rate_excuses_silence_unless_the_frames_belie_it() {
        let (progress, mut now) = (StreamProgress::default(), Mono(0));
        let mut frames = |step: Duration, n: u32| {
            for _ in 0..n {
                now = now + step;
                progress.count(now);
            }
        };
        assert_eq!(progress.excused_silence(), Duration::ZERO);
        progress.expect(8 * S);
        frames(8 * S, 1);
        assert_eq!(progress.excused_silence(), 24 * S);
        frames(8 * S, 5);
        assert_eq!(progress.excused_silence(), 24 * S);
        // Damaged data: a frame in an hour, and frames that come faster.
        progress.expect(3600 * S);
        frames(S / 15, 1);
        assert_eq!(progress.excused_silence(), UNPROVEN_SILENCE);
        frames(S / 15, 1);
        assert_eq!(progress.excused_silence(), Duration::ZERO);
        progress.expect(S / 15);
        frames(S / 15, 20);
        assert_eq!(progress.excused_silence(), S / 15 * 3);
    }
}
