//! [`Timeline`]: keeps the capture times of a camera from going back.

use crate::clock::Mono;
use crate::frame::Stamp;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Our wall clock was set back if it lost this much against the monotonic one.
const SET_BACK: Duration = Duration::from_millis(500);

/// The last capture time of a camera. It outlives the camera's connections.
#[derive(Debug, Default)]
pub struct Timeline(Mutex<Option<Latest>>);

#[derive(Clone, Copy, Debug)]
struct Latest {
    mono: Mono,
    wall: SystemTime,
    /// Our wall clock at the monotonic clock's zero: it moves when our clock is set.
    zero: SystemTime,
}

impl Timeline {
    /// `stamp`, moved so that capture times never go back. A step of our own wall clock is
    /// followed.
    pub fn follow(&self, mut stamp: Stamp, now: Mono, wall: SystemTime) -> Stamp {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let zero = wall.checked_sub(Duration::from_nanos(now.0)).unwrap_or(SystemTime::UNIX_EPOCH);
        if let Some(last) = *latest {
            stamp.mono = stamp.mono.max(last.mono);
            let set_back = last.zero.duration_since(zero).is_ok_and(|back| back > SET_BACK);
            if !set_back {
                // At half speed, time still goes on while a clock that is behind catches up.
                stamp.wall = stamp.wall.max(last.wall + stamp.mono.since(last.mono) / 2);
            }
        }
        *latest = Some(Latest { mono: stamp.mono, wall: stamp.wall, zero });
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::ClockLabel;

    #[test]
    fn a_step_of_our_own_clock_is_followed() {
        let timeline = Timeline::default();
        let at = |s| SystemTime::UNIX_EPOCH + Duration::from_secs(s);
        let stamp = |s: u64, wall| Stamp {
            mono: Mono(s * 1_000_000_000),
            wall,
            clock: ClockLabel::Receive,
            pts: None,
        };
        timeline.follow(stamp(10, at(9000)), Mono(10_000_000_000), at(9000));
        let set_back = timeline.follow(stamp(11, at(5401)), Mono(11_000_000_000), at(5401));
        assert_eq!(set_back.wall, at(5401));
        let next = timeline.follow(stamp(12, at(5402)), Mono(12_000_000_000), at(5402));
        assert_eq!(next.wall, at(5402));
    }
}
