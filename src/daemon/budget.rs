//! A camera's share of the workers' time: credit grows with time and shrinks with work.

use crate::clock::Mono;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Longest credit: a camera that paused does not then take all of a worker's time.
const SAVED: Duration = Duration::from_millis(250);
/// Longest debt: one slow frame, such as on a machine that slept, costs seconds and not minutes.
const DEBT: Duration = Duration::from_secs(10);

/// Token bucket over the seconds that workers spend on one camera.
#[derive(Debug)]
pub struct Budget {
    /// Seconds of work per second; `None` is no limit.
    share: Option<f64>,
    credit: Mutex<Credit>,
}

#[derive(Debug)]
struct Credit {
    seconds: f64,
    at: Mono,
}

impl Budget {
    /// Grants `share` (above 0) of one worker's time from `now` on; `None` is no limit.
    pub fn new(share: Option<f64>, now: Mono) -> Budget {
        Budget { share, credit: Mutex::new(Credit { seconds: 0.0, at: now }) }
    }

    /// Whether a worker may process another frame at `now`.
    pub fn allows(&self, now: Mono) -> bool {
        let Some(share) = self.share else { return true };
        let mut credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = share * now.since(credit.at).as_secs_f64();
        credit.seconds = (credit.seconds + earned).min(share * SAVED.as_secs_f64());
        credit.at = now;
        credit.seconds >= 0.0
    }

    /// Takes off the `time` that a worker spent on a frame.
    pub fn spent(&self, time: Duration) {
        if self.share.is_some() {
            let mut credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
            credit.seconds = (credit.seconds - time.as_secs_f64()).max(-DEBT.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `frames` are processed, if one comes every `every` ms and takes `work` ms.
    fn worked(share: Option<f64>, every: u64, work: u64, frames: u64) -> u64 {
        let budget = Budget::new(share, Mono::default());
        let mut worked = 0;
        for n in 0..frames {
            if budget.allows(Mono::default() + Duration::from_millis(n * every)) {
                budget.spent(Duration::from_millis(work));
                worked += 1;
            }
        }
        worked
    }

    #[test]
    fn the_share_holds_whatever_a_frame_costs() {
        // 1000 frames in 40 s: a share of 0.25 is 10 s.
        for (work, most) in [(10, 1000), (20, 500), (100, 100), (1000, 10)] {
            let worked = worked(Some(0.25), 40, work, 1000);
            assert!((most - most / 50 - 1..=most + most / 50 + 1).contains(&worked), "{work} ms: {worked}");
        }
    }

    #[test]
    fn without_a_budget_every_frame_is_processed() {
        assert_eq!(worked(None, 1, 1000, 100), 100);
    }

    #[test]
    fn credit_and_debt_are_limited() {
        let budget = Budget::new(Some(0.5), Mono::default());
        let at = |s| Mono::default() + Duration::from_secs(s);
        assert!(budget.allows(at(3600)));
        budget.spent(Duration::from_millis(200));
        assert!(!budget.allows(at(3600)), "an hour of rest is worth a moment of work");
        budget.spent(Duration::from_secs(3600));
        assert!(!budget.allows(at(3610)) && budget.allows(at(3621)));
    }
}
