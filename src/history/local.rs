//! Days of the local calendar, also those of 23 or 25 hours.

pub use jiff::civil::Date;

use jiff::Span;

/// Seconds of a day without a change of the clock.
const DAY_S: i64 = 86_400;

/// A local day: its date, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalDay {
    pub date: Date,
    /// Unix time of its local midnight.
    pub starts: i64,
    /// Local time minus UTC at that moment.
    pub offset_s: i32,
}

impl LocalDay {
    /// The day of Unix time `second`. `offset_at` says how far local time is from UTC.
    pub(super) fn of(second: i64, offset_at: impl Fn(i64) -> i32) -> Option<LocalDay> {
        let offset = i64::from(offset_at(second));
        let days = second.checked_add(offset)?.div_euclid(DAY_S);
        let date = epoch().checked_add(Span::new().try_days(days).ok()?).ok()?;
        let midnight = days * DAY_S;
        Some(LocalDay::at(date, midnight, midnight - offset, offset_at))
    }

    /// The day `date`.
    pub(super) fn on(date: Date, offset_at: impl Fn(i64) -> i32) -> LocalDay {
        let days = epoch().until(date).map_or(0, |span| i64::from(span.get_days()));
        let midnight = days * DAY_S;
        LocalDay::at(date, midnight, midnight, offset_at)
    }

    /// The clock may change between `near` and midnight, so its offset there counts.
    fn at(date: Date, midnight: i64, near: i64, offset_at: impl Fn(i64) -> i32) -> LocalDay {
        let guess = midnight - i64::from(offset_at(near));
        let offset_s = offset_at(guess);
        LocalDay { date, starts: midnight - i64::from(offset_s), offset_s }
    }
}

fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

/// The local date of Unix time `second`; `None` outside of the calendar.
pub fn date_of(second: i64, offset_at: impl Fn(i64) -> i32) -> Option<Date> {
    LocalDay::of(second, offset_at).map(|day| day.date)
}

/// Reads `2026-11-28`, and nothing else.
pub fn parse_date(text: &str) -> Option<Date> {
    // jiff takes other forms too; a file's name must have one form only.
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    /// Berlin: one hour ahead, two in summer.
    fn berlin(second: i64) -> i32 {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        zone.to_offset(jiff::Timestamp::from_second(second).unwrap()).seconds()
    }

    fn day(text: &str) -> LocalDay {
        LocalDay::of(second(text), berlin).unwrap()
    }

    fn second(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn days_begin_at_local_midnight_also_when_the_clock_changes() {
        for (at, date, starts) in [
            ("2026-11-28T22:59:59Z", "2026-11-28", "2026-11-27T23:00:00Z"),
            ("2026-11-28T23:00:00Z", "2026-11-29", "2026-11-28T23:00:00Z"),
            // The clock goes forward: 23 hours.
            ("2026-03-29T12:00:00Z", "2026-03-29", "2026-03-28T23:00:00Z"),
            // The clock goes back: 25 hours.
            ("2026-10-25T00:30:00Z", "2026-10-25", "2026-10-24T22:00:00Z"),
            ("2026-10-25T22:59:59Z", "2026-10-25", "2026-10-24T22:00:00Z"),
            ("1969-12-31T12:00:00Z", "1969-12-31", "1969-12-30T23:00:00Z"),
        ] {
            let found = day(at);
            assert_eq!((found.date.to_string().as_str(), found.starts), (date, second(starts)), "{at}");
            assert_eq!(LocalDay::on(found.date, berlin), found, "{at}");
        }
        assert_eq!(LocalDay::of(i64::MAX, |_| 0), None);
    }

    #[test]
    fn a_date_has_one_form() {
        assert_eq!(parse_date("2026-11-28").map(|date| date.to_string()).as_deref(), Some("2026-11-28"));
        for text in ["20261128", "2026-11-31", "2026-11-28T00:00", "../2026-11-28", "", "2026-1-2"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
