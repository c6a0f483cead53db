//! Words that the terminal and the plain lines share.

use super::camera::Part;
use crate::publish::Link;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A time of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime(u64);

impl LocalTime {
    /// The time of the day at `wall`, where the local time is `utc_offset_s` ahead of UTC.
    pub fn of(wall: SystemTime, utc_offset_s: i32) -> LocalTime {
        let seconds = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        LocalTime(seconds.saturating_add_signed(utc_offset_s.into()) % 86_400)
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0 / 3600, self.0 / 60 % 60, self.0 % 60)
    }
}

/// The state of the connection to the broker.
pub fn link(link: &Link) -> String {
    match link {
        Link::Connecting => "connecting".into(),
        Link::Connected => "connected".into(),
        Link::Away(why) => format!("away: {}; retrying", super::heard::clean(why)),
    }
}

/// `online` or `offline`.
pub fn online(online: bool) -> &'static str {
    if online { "online" } else { "offline" }
}

/// `occupied` or `empty`.
pub fn occupied(occupied: bool) -> &'static str {
    if occupied { "occupied" } else { "empty" }
}

/// A count of people.
pub fn people(count: u64) -> String {
    match count {
        0 => "nobody".into(),
        1 => "1 person".into(),
        n => format!("{n} people"),
    }
}

/// A zone with its people, or a line with its counts; `None` if nothing is known of it.
pub fn part(name: &str, part: &Part) -> Option<String> {
    match (part.crossed, part.people, part.occupied) {
        (Some(crossed), _, _) => Some(format!("{name} in {} out {}", crossed.inward, crossed.outward)),
        (None, Some(people), _) => Some(format!("{name} {people}")),
        (None, None, Some(is_occupied)) => Some(format!("{name} {}", occupied(is_occupied))),
        (None, None, None) => None,
    }
}

/// A duration in one number.
pub fn duration(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{s} s"),
        120..7200 => format!("{} min", s / 60),
        7200..172_800 => format!("{} h", s / 3600),
        _ => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_is_that_of_the_place() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + 3661);
        assert_eq!(LocalTime::of(wall, 0).to_string(), "01:01:01");
        assert_eq!(LocalTime::of(wall, -2 * 3600).to_string(), "23:01:01");
        assert_eq!(LocalTime::of(SystemTime::UNIX_EPOCH, -3600).to_string(), "00:00:00");
    }

    #[test]
    fn durations_have_one_number() {
        for (s, want) in
            [(0.25, "0.2 s"), (59.0, "59 s"), (600.0, "10 min"), (7200.0, "2 h"), (1e6, "11 days")]
        {
            assert_eq!(duration(Duration::from_secs_f64(s)), want);
        }
    }
}
