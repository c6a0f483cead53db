//! [`Due`]: when to search for people. A search costs as much as several poses, so it runs when
//! a new person is likely, and otherwise now and then.

use crate::clock::Mono;
use std::time::Duration;

/// How often to search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Time between searches while people are tracked or something moves.
    pub interval: Duration,
    /// Time between searches while the view is empty and still.
    pub idle_interval: Duration,
    /// Least time between searches because of motion or a lost person. Each search for motion that
    /// finds no new person doubles it, up to `interval`.
    pub min_gap: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            interval: Duration::from_millis(500),
            idle_interval: Duration::from_secs(5),
            min_gap: Duration::from_millis(100),
        }
    }
}

/// What is known about a frame before it is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// A person is tracked.
    pub tracked: bool,
    /// A person was lost in the frame before.
    pub lost: bool,
    /// Something moves outside the boxes of tracked people.
    pub motion: bool,
}

/// Why a search is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// There was no search before.
    First,
    /// A person was lost.
    Lost,
    /// Something moves outside the boxes of tracked people.
    Motion,
    /// The interval is over.
    Interval,
}

/// Decides for one camera, frame by frame, whether a search is due.
#[derive(Debug)]
pub struct Due {
    options: Options,
    searched_at: Option<Mono>,
    gap: Duration,
    lost: bool,
    moved_at: Option<Mono>,
}

impl Due {
    /// For a camera that was never searched.
    pub fn new(options: Options) -> Due {
        Due { gap: options.min_gap, options, searched_at: None, lost: false, moved_at: None }
    }

    /// Why a search of the frame of time `at` is due; `None` if it is not. Report a search with
    /// [`Due::searched`].
    pub fn reason(&mut self, at: Mono, situation: Situation) -> Option<Reason> {
        // A loss within the gap still counts when the gap is over.
        self.lost |= situation.lost;
        if situation.motion {
            self.moved_at = Some(at);
        }
        let Some(searched_at) = self.searched_at else { return Some(Reason::First) };
        let since = at.since(searched_at);
        let moved = self.moved_at.is_some_and(|moved| at.since(moved) < self.options.idle_interval);
        let busy = situation.tracked || moved;
        let interval = if busy { self.options.interval } else { self.options.idle_interval };
        if self.lost && since >= self.options.min_gap {
            Some(Reason::Lost)
        } else if situation.motion && since >= self.gap {
            Some(Reason::Motion)
        } else {
            (since >= interval).then_some(Reason::Interval)
        }
    }

    /// Records a search of the frame of time `at`. `newcomers`: it found a person who is not
    /// tracked.
    pub fn searched(&mut self, at: Mono, newcomers: bool) {
        self.searched_at = Some(at);
        self.lost = false;
        // Leaves in the wind must not cost a search for each frame.
        let longest = self.options.interval.max(self.options.min_gap);
        self.gap = if newcomers { self.options.min_gap } else { (2 * self.gap).min(longest) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STILL: Situation = Situation { tracked: false, lost: false, motion: false };
    const MOTION: Situation = Situation { motion: true, ..STILL };
    const LOST: Situation = Situation { lost: true, ..STILL };
    const TRACKED: Situation = Situation { tracked: true, ..STILL };

    /// Counts the searches in `seconds` at 25 frames a second; `newcomers` as in `Due::searched`.
    fn searches(due: &mut Due, from_s: u64, seconds: u64, situation: Situation, newcomers: bool) -> usize {
        let frames = (0..seconds * 25).map(|i| Mono(from_s * 1_000_000_000 + i * 40_000_000));
        let search = |at| due.reason(at, situation).map(|_| due.searched(at, newcomers)).is_some();
        frames.map(search).filter(|&searched| searched).count()
    }

    fn ms(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    fn searched_once() -> Due {
        let mut due = Due::new(Options::default());
        assert_eq!(due.reason(ms(0), STILL), Some(Reason::First));
        due.searched(ms(0), false);
        due
    }

    #[test]
    fn an_empty_still_view_is_searched_rarely_and_a_busy_one_by_the_interval() {
        assert_eq!(searches(&mut Due::new(Options::default()), 0, 60, STILL, false), 12);
        // 500 ms are 12.5 frames: every 13th.
        assert_eq!(searches(&mut searched_once(), 1, 52, TRACKED, false), 100);
    }

    #[test]
    fn motion_and_losses_make_a_search_due_at_once() {
        assert_eq!(searched_once().reason(ms(240), MOTION), Some(Reason::Motion));
        assert_eq!(searched_once().reason(ms(240), LOST), Some(Reason::Lost));
        assert_eq!(searched_once().reason(ms(240), TRACKED), None);
    }

    #[test]
    fn a_loss_within_the_gap_is_not_forgotten() {
        let mut due = searched_once();
        assert_eq!(due.reason(ms(40), LOST), None);
        assert_eq!(due.reason(ms(80), TRACKED), None);
        assert_eq!(due.reason(ms(120), TRACKED), Some(Reason::Lost));
        due.searched(ms(120), false);
        assert_eq!(due.reason(ms(240), TRACKED), None);
    }

    #[test]
    fn motion_without_people_slows_down_to_the_interval() {
        let mut due = searched_once();
        let first = searches(&mut due, 1, 1, MOTION, false);
        assert!((2..=4).contains(&first), "{first}");
        assert_eq!(searches(&mut due, 2, 52, MOTION, false), 100);
        // A new person resets the gap.
        assert_eq!(searches(&mut due, 60, 3, MOTION, true), 25);
    }

    #[test]
    fn after_motion_the_view_is_searched_by_the_interval_for_a_while() {
        let mut due = searched_once();
        searches(&mut due, 1, 1, MOTION, false);
        assert!(searches(&mut due, 2, 5, STILL, false) >= 8);
        assert!(searches(&mut due, 10, 50, STILL, false) <= 11);
    }
}
