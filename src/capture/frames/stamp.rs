//! When a frame was captured, by the best clock available.

use crate::clock::Clock;
use crate::frame::{ClockLabel, Stamp};
use gstreamer as gst;
use std::time::{Duration, SystemTime};

/// Seconds from the epoch of NTP to that of Unix.
const NTP_TO_UNIX_S: u64 = 2_208_988_800;
/// A capture time farther off than this comes from a wrong clock, not from a late frame.
const PLAUSIBLE: Duration = Duration::from_secs(30);
/// How far ahead of ours a camera's clock may be and still count as correct.
const AHEAD: Duration = Duration::from_millis(500);

/// What is known about one sample's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Presentation time. It counts on when a file loops.
    pub pts: Option<Duration>,
    /// Time since the buffer's timestamp, by the pipeline's clock. Only live sources have it.
    pub age: Option<Duration>,
    /// The sender's wall clock.
    pub reference: Option<SystemTime>,
}

/// The sender's capture time, which the jitter buffer derives from RTCP sender reports.
pub fn reference(buffer: &gst::BufferRef) -> Option<SystemTime> {
    buffer.iter_meta::<gst::ReferenceTimestampMeta>().find_map(|meta| {
        let since_epoch = Duration::from_nanos(meta.timestamp().nseconds());
        let since_unix = match meta.reference().structure(0)?.name().as_str() {
            "timestamp/x-ntp" => since_epoch.checked_sub(Duration::from_secs(NTP_TO_UNIX_S))?,
            "timestamp/x-unix" => since_epoch,
            _ => return None,
        };
        SystemTime::UNIX_EPOCH.checked_add(since_unix)
    })
}

/// Uses the sender's clock if it agrees with ours, else the buffer's timestamp (`label` says which
/// clock that is), else now.
pub fn stamp(clock: &dyn Clock, times: Times, label: ClockLabel) -> Stamp {
    let (now, wall) = (clock.now(), clock.wall());
    let at = |age: Duration, label| Stamp {
        mono: crate::clock::Mono(now.0.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX))),
        wall: wall.checked_sub(age).unwrap_or(wall),
        clock: label,
        pts: times.pts,
    };
    if let Some(sent) = times.reference {
        match wall.duration_since(sent) {
            Ok(age) if age <= PLAUSIBLE => return at(age, ClockLabel::Rtcp),
            Err(ahead) if ahead.duration() <= AHEAD => {
                return Stamp { wall: sent, ..at(Duration::ZERO, ClockLabel::Rtcp) };
            }
            _ => {}
        }
    }
    match times.age {
        Some(age) if age <= PLAUSIBLE => at(age, label),
        _ => at(Duration::ZERO, ClockLabel::Receive),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_senders_clock_is_used_while_it_agrees_with_ours() {
        let clock = FakeClock::default();
        clock.advance(Duration::from_secs(100));
        let wall = clock.wall();
        let sent = |at| Times { reference: Some(at), age: Some(7 * MS), ..Times::default() };
        let s = stamp(&clock, sent(wall - 80 * MS), ClockLabel::Receive);
        assert_eq!((s.clock, s.wall, clock.now().since(s.mono)), (ClockLabel::Rtcp, wall - 80 * MS, 80 * MS));
        let s = stamp(&clock, sent(wall + 20 * MS), ClockLabel::Receive);
        assert_eq!((s.clock, s.wall, s.mono), (ClockLabel::Rtcp, wall + 20 * MS, clock.now()));
        for wrong in [wall + 2000 * MS, wall - 3600 * 1000 * MS] {
            let s = stamp(&clock, sent(wrong), ClockLabel::Receive);
            assert_eq!((s.clock, s.wall), (ClockLabel::Receive, wall - 7 * MS));
        }
    }

    #[test]
    fn an_implausible_timestamp_is_replaced_by_now() {
        let clock = FakeClock::default();
        clock.advance(Duration::from_secs(1000));
        let aged = |age| stamp(&clock, Times { age, ..Times::default() }, ClockLabel::V4l2);
        assert_eq!(aged(Some(33 * MS)).clock, ClockLabel::V4l2);
        for age in [None, Some(500_000 * MS)] {
            assert_eq!((aged(age).clock, aged(age).mono), (ClockLabel::Receive, clock.now()));
        }
    }

    #[test]
    fn ntp_and_unix_references_are_the_same_moment() {
        gst::init().unwrap();
        for (caps, seconds) in [("timestamp/x-ntp", NTP_TO_UNIX_S + 5), ("timestamp/x-unix", 5)] {
            let mut buffer = gst::Buffer::new();
            let caps = gst::Caps::new_empty_simple(caps);
            let at = gst::ClockTime::from_seconds(seconds);
            gst::ReferenceTimestampMeta::add(buffer.make_mut(), &caps, at, gst::ClockTime::NONE);
            assert_eq!(reference(&buffer), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(5)));
        }
    }
}
