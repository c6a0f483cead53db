//! When the person finder is to look: it costs as much as several poses, so it looks when there may
//! be somebody new and otherwise now and then.

use crate::clock::Mono;
use std::time::Duration;

/// How often to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Between looks while there are people or movement.
    pub interval: Duration,
    /// Between looks at a scene that is empty and still.
    pub idle_interval: Duration,
    /// Least time between looks for a reason; doubled, up to `interval`, by each that finds nothing.
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

/// What is known of the scene before this frame is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Whether anybody is being followed.
    pub tracked: bool,
    /// Whether somebody was lost in the frame before.
    pub lost: bool,
    /// Whether something moves where nobody is followed.
    pub motion: bool,
}

/// Why the finder looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// There was no look before.
    First,
    /// Somebody was lost.
    Lost,
    /// Something moves where nobody is followed.
    Motion,
    /// It is time.
    Interval,
}

/// Decides, frame by frame, for one camera.
#[derive(Debug)]
pub struct Look {
    options: Options,
    looked_at: Option<Mono>,
    gap: Duration,
    lost: bool,
    moved_at: Option<Mono>,
}

impl Look {
    /// One that has not looked yet.
    pub fn new(options: Options) -> Look {
        Look { gap: options.min_gap, options, looked_at: None, lost: false, moved_at: None }
    }

    /// Whether to look at the frame of `at`, and why. Say what came of it with [`Look::done`].
    pub fn due(&mut self, at: Mono, scene: Scene) -> Option<Reason> {
        // What happens within the gap is a reason still when the gap is over.
        self.lost |= scene.lost;
        if scene.motion {
            self.moved_at = Some(at);
        }
        let Some(looked_at) = self.looked_at else { return Some(Reason::First) };
        let since = at.since(looked_at);
        let stirred = self.moved_at.is_some_and(|moved| at.since(moved) < self.options.idle_interval);
        let interval =
            if scene.tracked || stirred { self.options.interval } else { self.options.idle_interval };
        if self.lost && since >= self.options.min_gap {
            Some(Reason::Lost)
        } else if scene.motion && since >= self.gap {
            Some(Reason::Motion)
        } else {
            (since >= interval).then_some(Reason::Interval)
        }
    }

    /// The finder looked at the frame of `at`; `newcomers`: whether it found anybody not followed.
    pub fn done(&mut self, at: Mono, newcomers: bool) {
        self.looked_at = Some(at);
        self.lost = false;
        // Leaves in the wind must not cost a look a frame.
        let longest = self.options.interval.max(self.options.min_gap);
        self.gap = if newcomers { self.options.min_gap } else { (2 * self.gap).min(longest) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STILL: Scene = Scene { tracked: false, lost: false, motion: false };
    const MOTION: Scene = Scene { motion: true, ..STILL };
    const LOST: Scene = Scene { lost: true, ..STILL };
    const TRACKED: Scene = Scene { tracked: true, ..STILL };

    /// Runs 25 frames a second for `seconds` and counts the looks; `newcomers` as in `done`.
    fn looks(look: &mut Look, from_s: u64, seconds: u64, scene: Scene, newcomers: bool) -> usize {
        let frames = (0..seconds * 25).map(|i| Mono(from_s * 1_000_000_000 + i * 40_000_000));
        let due = |at| look.due(at, scene).map(|_| look.done(at, newcomers)).is_some();
        frames.map(due).filter(|&looked| looked).count()
    }

    fn ms(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    fn looked() -> Look {
        let mut look = Look::new(Options::default());
        assert_eq!(look.due(ms(0), STILL), Some(Reason::First));
        look.done(ms(0), false);
        look
    }

    #[test]
    fn an_empty_still_scene_is_looked_at_rarely_and_a_busy_one_by_the_interval() {
        assert_eq!(looks(&mut Look::new(Options::default()), 0, 60, STILL, false), 12);
        // 500 ms are 12.5 frames: every 13th.
        assert_eq!(looks(&mut looked(), 1, 52, TRACKED, false), 100);
    }

    #[test]
    fn motion_and_losses_are_looked_at_at_once() {
        assert_eq!(looked().due(ms(240), MOTION), Some(Reason::Motion));
        assert_eq!(looked().due(ms(240), LOST), Some(Reason::Lost));
        assert_eq!(looked().due(ms(240), TRACKED), None);
    }

    #[test]
    fn a_loss_within_the_gap_is_not_forgotten() {
        let mut look = looked();
        assert_eq!(look.due(ms(40), LOST), None);
        assert_eq!(look.due(ms(80), TRACKED), None);
        assert_eq!(look.due(ms(120), TRACKED), Some(Reason::Lost));
        look.done(ms(120), false);
        assert_eq!(look.due(ms(240), TRACKED), None);
    }

    #[test]
    fn motion_that_is_nobody_ends_up_at_the_interval() {
        let mut look = looked();
        let first = looks(&mut look, 1, 1, MOTION, false);
        assert!((2..=4).contains(&first), "{first}");
        assert_eq!(looks(&mut look, 2, 52, MOTION, false), 100);
        // Somebody new makes it keen again.
        assert_eq!(looks(&mut look, 60, 3, MOTION, true), 25);
    }

    #[test]
    fn a_scene_that_stirred_is_watched_for_a_while() {
        let mut look = looked();
        looks(&mut look, 1, 1, MOTION, false);
        assert!(looks(&mut look, 2, 5, STILL, false) >= 8);
        assert!(looks(&mut look, 10, 50, STILL, false) <= 11);
    }
}
