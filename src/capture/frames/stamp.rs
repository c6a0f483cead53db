//! When a frame was captured, by one clock for a connection.

use super::timeline::Timeline;
use crate::clock::Clock;
use crate::frame::{ClockLabel, Stamp};
use gstreamer as gst;
use std::time::{Duration, SystemTime};

/// Seconds from the epoch of NTP to that of Unix.
const NTP_TO_UNIX_S: u64 = 2_208_988_800;
/// A timestamp that is older than this is wrong, not late.
const PLAUSIBLE: Duration = Duration::from_secs(30);
/// How far a camera's time may be before the arrival: encoder, network and jitter buffer take this
/// long.
const BEHIND: Duration = Duration::from_secs(2);
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

/// What is thought of the camera's own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sender {
    /// It has not reported.
    Unknown,
    /// It agrees with ours. Its time at presentation time zero, if presentation times are known.
    Used(Option<SystemTime>),
    /// It was found wrong, and is not used until the next connection.
    Refused,
}

/// Stamps the frames of one connection. The published time is the camera's from its first report
/// on, if it is plausible; until then, and otherwise, it is the time of arrival.
#[derive(Debug)]
pub struct Stamper {
    camera: String,
    label: ClockLabel,
    sender: Sender,
}

impl Stamper {
    /// For `camera`, whose buffers are stamped by the clock that `label` names.
    pub fn new(camera: String, label: ClockLabel) -> Stamper {
        Stamper { camera, label, sender: Sender::Unknown }
    }

    /// The stamp of a frame. Its monotonic time never comes from the camera's clock: ages, tracks
    /// and smoothing run on ours.
    pub fn stamp(&mut self, clock: &dyn Clock, times: Times, timeline: &Timeline) -> Stamp {
        let (now, wall) = (clock.now(), clock.wall());
        let age = times.age.filter(|age| *age <= PLAUSIBLE);
        let label = age.map_or(ClockLabel::Receive, |_| self.label);
        let age = age.unwrap_or_default();
        let arrival = wall.checked_sub(age).unwrap_or(wall);
        let (wall_time, label) = match self.sent(times, arrival) {
            Some(sent) => (sent, ClockLabel::Rtcp),
            None => (arrival, label),
        };
        let stamp = Stamp { mono: now.less(age), wall: wall_time, clock: label, pts: times.pts };
        timeline.follow(stamp, now, wall)
    }

    /// The camera's capture time of a frame that arrived at `arrival`, if the camera's clock is
    /// used.
    fn sent(&mut self, times: Times, arrival: SystemTime) -> Option<SystemTime> {
        // GStreamer 1.22 loses the reference of key frames, so it is carried on by presentation
        // time.
        let carried = match self.sender {
            Sender::Used(zero) => zero.zip(times.pts).and_then(|(zero, pts)| zero.checked_add(pts)),
            _ => None,
        };
        let sent = times.reference.or(carried).filter(|_| self.sender != Sender::Refused)?;
        let off = match arrival.duration_since(sent) {
            Ok(behind) => (behind > BEHIND).then(|| format!("{:.1} s behind", behind.as_secs_f64())),
            Err(ahead) => (ahead.duration() > AHEAD)
                .then(|| format!("{:.1} s ahead of", ahead.duration().as_secs_f64())),
        };
        if let Some(off) = off {
            self.sender = Sender::Refused;
            tracing::warn!(
                "{}: the camera's clock is {off} ours and is not used: set the camera's time server (NTP)",
                self.camera
            );
            return None;
        }
        let zero = times.pts.and_then(|pts| sent.checked_sub(pts));
        self.sender = Sender::Used(zero);
        Some(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;

    const MS: Duration = Duration::from_millis(1);

    /// Stamps one frame of a stream of 25 frames a second.
    struct Stream {
        clock: FakeClock,
        stamper: Stamper,
        timeline: Timeline,
        pts: Duration,
    }

    impl Stream {
        fn new() -> Stream {
            let clock = FakeClock::default();
            clock.advance(Duration::from_secs(100));
            let stamper = Stamper::new("c".into(), ClockLabel::Receive);
            Stream { clock, stamper, timeline: Timeline::default(), pts: Duration::ZERO }
        }

        /// `off_ms`: the camera's clock minus ours, if the frame has a reference.
        fn frame(&mut self, off_ms: Option<i64>) -> Stamp {
            self.clock.advance(40 * MS);
            self.pts += 40 * MS;
            let off = |ms: i64| Duration::from_millis(ms.unsigned_abs());
            let wall = self.clock.wall();
            let reference = off_ms.map(|ms| if ms < 0 { wall - off(ms) } else { wall + off(ms) });
            let times = Times { pts: Some(self.pts), age: Some(7 * MS), reference };
            self.stamper.stamp(&self.clock, times, &self.timeline)
        }
    }

    #[test]
    fn a_plausible_clock_is_used_on_frames_without_a_reference_too() {
        let mut stream = Stream::new();
        assert_eq!(stream.frame(None).clock, ClockLabel::Receive);
        let mut last = stream.frame(Some(-80));
        for n in 0..50 {
            // Every tenth is a key frame, which comes without a reference.
            let stamp = stream.frame((n % 10 > 0).then_some(-80));
            assert_eq!(stamp.clock, ClockLabel::Rtcp);
            assert!(stamp.wall > last.wall && stamp.mono > last.mono);
            last = stamp;
        }
        assert_eq!(last.wall, stream.clock.wall() - 80 * MS);
        assert_eq!(stream.clock.now().since(last.mono), 7 * MS, "ages are ours");
    }

    #[test]
    fn an_implausible_clock_is_not_used_for_the_rest_of_the_connection() {
        for off in [-5000, -3_600_000, 900, 60_000] {
            let mut stream = Stream::new();
            let mut last = stream.frame(None);
            for n in 0..50 {
                let stamp = stream.frame((n % 10 > 0).then_some(off));
                assert_eq!(stamp.clock, ClockLabel::Receive, "{off}");
                assert!(stamp.wall > last.wall);
                last = stamp;
            }
            assert_eq!(last.wall, stream.clock.wall() - 7 * MS);
        }
    }

    #[test]
    fn a_clock_that_is_set_wrong_later_is_given_up_and_time_does_not_go_back() {
        let mut stream = Stream::new();
        let before = stream.frame(Some(400));
        let after = stream.frame(Some(-9000));
        assert_eq!((before.clock, after.clock), (ClockLabel::Rtcp, ClockLabel::Receive));
        assert!(after.wall > before.wall);
        assert_eq!(stream.frame(Some(400)).clock, ClockLabel::Receive, "once refused, refused");
    }

    #[test]
    fn an_implausible_timestamp_is_replaced_by_now() {
        let clock = FakeClock::default();
        clock.advance(Duration::from_secs(1000));
        let aged = |age| {
            let mut stamper = Stamper::new("c".into(), ClockLabel::V4l2);
            stamper.stamp(&clock, Times { age, ..Times::default() }, &Timeline::default())
        };
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
