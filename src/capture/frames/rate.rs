//! [`RateLimit`]: drops frames above a rate.

use crate::clock::Mono;
use std::time::Duration;

/// Admits at most `fps` frames per second of stream time: exact on average, and as even as the
/// stream allows.
#[derive(Debug)]
pub struct RateLimit {
    interval: Duration,
    due: Option<Duration>,
    last: Duration,
    /// When the last frame was admitted, by our clock.
    admitted: Option<Mono>,
}

impl RateLimit {
    /// `fps` must be positive and finite. The lowest rate is one frame a day.
    pub fn new(fps: f64) -> RateLimit {
        let day = Duration::from_secs(86_400);
        let interval = Duration::try_from_secs_f64(1.0 / fps).unwrap_or(day).min(day);
        RateLimit { interval, due: None, last: Duration::ZERO, admitted: None }
    }

    /// Whether the frame at stream time `at` is admitted. A jump back in time restarts the limit.
    /// `now` is our time if the source is live: damaged data can hold the stream's time up for
    /// minutes, and then frames are admitted at half the rate.
    pub fn admit(&mut self, at: Duration, now: Option<Mono>) -> bool {
        let overdue = now.zip(self.admitted).is_some_and(|(now, last)| now.since(last) > 2 * self.interval);
        let admitted = self.is_due(at, overdue);
        if admitted {
            self.admitted = now;
        }
        admitted
    }

    fn is_due(&mut self, at: Duration, overdue: bool) -> bool {
        let back = std::mem::replace(&mut self.last, at) > at + self.interval;
        // Containers and cameras round timestamps, some to a millisecond: a slightly early frame is
        // on time.
        let slack = self.interval / 16;
        match self.due.filter(|_| !back) {
            Some(due) if at + slack < due && !overdue => false,
            _ if overdue => {
                self.due = Some(at + self.interval);
                true
            }
            // A frame more than an interval late means that the stream is slower: do not catch up.
            Some(due) if at < due + self.interval => {
                self.due = Some(due + self.interval);
                true
            }
            _ => {
                self.due = Some(at + self.interval);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(limit: &mut RateLimit, times_ms: impl Iterator<Item = u64>) -> Vec<u64> {
        times_ms.filter(|&ms| limit.admit(Duration::from_millis(ms), None)).collect()
    }

    #[test]
    fn a_whole_ratio_is_even_though_times_are_rounded() {
        let kept = admitted(&mut RateLimit::new(10.0), (0..31).map(|n| n * 1000 / 30));
        assert_eq!(kept, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
    }

    #[test]
    fn any_ratio_is_right_on_average_and_a_slow_stream_is_left_alone() {
        let kept = admitted(&mut RateLimit::new(10.0), (0..250).map(|n| n * 40));
        assert!((99..=101).contains(&kept.len()), "{}", kept.len());
        let kept = admitted(&mut RateLimit::new(10.0), (0..50).map(|n| n * 200));
        assert_eq!(kept.len(), 50);
    }

    #[test]
    fn time_that_jumps_back_or_far_ahead_goes_on_at_the_rate() {
        let mut limit = RateLimit::new(10.0);
        assert!(limit.admit(Duration::from_secs(1000), None));
        assert!(limit.admit(Duration::from_secs(1), None));
        assert!(!limit.admit(Duration::from_millis(1050), None));
        assert!(limit.admit(Duration::from_secs(5000), None));
        assert!(!limit.admit(Duration::from_millis(5_000_050), None));
    }

    #[test]
    fn a_stream_whose_time_stands_still_goes_on_by_our_clock() {
        let mut limit = RateLimit::new(10.0);
        let frames = (0..60).map(|n| {
            // After a second, a damaged frame rate puts the stream's time ten minutes ahead.
            let stream_ms = if n < 15 { n * 66 } else { 600_000 };
            (Duration::from_millis(stream_ms), Mono(1 + n * 66_000_000))
        });
        let admitted: Vec<_> = frames.filter(|(at, now)| limit.admit(*at, Some(*now))).collect();
        assert!(admitted.len() >= 20, "{}", admitted.len());
        let longest = admitted.windows(2).map(|pair| pair[1].1.since(pair[0].1)).max().unwrap();
        assert!(longest <= Duration::from_millis(300), "{longest:?}");
    }
}
