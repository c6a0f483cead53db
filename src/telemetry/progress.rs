//! Signs of life of every stage, which decide whether the watchdog is fed.
//!
//! A camera or a broker that does not answer is a *state*: its thread still runs. A thread that
//! starts a piece of work and does not finish it in time *hangs*. Only a hang stops the feeding.
//!
//! With the feature `fault-injection` (test builds), a stage hangs at its next beat once the folder
//! `$POSED_HANG` holds a file of its name.

use crate::clock::{Mono, SharedClock};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Value of [`Beat::since`] while a stage waits for work.
const IDLE: u64 = u64::MAX;

/// One stage's sign of life. Dropping it removes the stage from the list.
pub struct Beat {
    name: String,
    limit: Duration,
    clock: SharedClock,
    /// Start of the current piece of work in ns of [`Mono`], or [`IDLE`].
    since: AtomicU64,
}

impl Beat {
    /// A piece of work starts. Each call restarts its time limit.
    pub fn busy(&self) {
        self.since.store(self.clock.now().0, Ordering::Relaxed);
        #[cfg(feature = "fault-injection")]
        self.hang_if_told();
    }

    /// Waits for something that has no time limit: a device, a network, the next piece of work.
    pub fn rest<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.idle();
        let result = wait();
        self.busy();
        result
    }

    #[cfg(feature = "fault-injection")]
    fn hang_if_told(&self) {
        let told = std::env::var_os("POSED_HANG").is_some_and(|dir| {
            let dir = std::path::PathBuf::from(dir);
            dir.join(&self.name).exists()
        });
        while told {
            std::thread::park();
        }
    }

    /// The stage has nothing to do, and may wait without limit.
    pub fn idle(&self) {
        self.since.store(IDLE, Ordering::Relaxed);
    }
}

/// The signs of life of all stages.
#[derive(Default)]
pub struct Progress {
    beats: Mutex<Vec<Weak<Beat>>>,
}

/// A stage that hangs.
#[derive(Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Name of the stage and its thread.
    pub name: String,
    /// Time since its piece of work started.
    pub for_: Duration,
}

impl Progress {
    /// Adds a stage that works on one piece of work for `limit` at most.
    pub fn stage(&self, name: impl Into<String>, limit: Duration, clock: SharedClock) -> Arc<Beat> {
        let beat = Arc::new(Beat { name: name.into(), limit, clock, since: AtomicU64::new(IDLE) });
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.retain(|b| b.strong_count() > 0);
        beats.push(Arc::downgrade(&beat));
        beat
    }

    /// The first stage that hangs.
    pub fn stuck(&self) -> Option<Stuck> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.iter().filter_map(Weak::upgrade).find_map(|beat| {
            let since = beat.since.load(Ordering::Relaxed);
            let for_ = beat.clock.now().since(Mono(since));
            (since != IDLE && for_ > beat.limit).then(|| Stuck { name: beat.name.clone(), for_ })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;

    #[test]
    fn a_rest_is_no_hang_however_long_it_is() {
        let clock = Arc::new(FakeClock::default());
        let progress = Progress::default();
        let beat = progress.stage("cap-hall", Duration::from_secs(5), clock.clone());
        beat.busy();
        beat.rest(|| {
            clock.advance(Duration::from_secs(60));
            assert_eq!(progress.stuck(), None);
        });
        clock.advance(Duration::from_secs(6));
        let stuck = Stuck { name: "cap-hall".into(), for_: Duration::from_secs(6) };
        assert_eq!(progress.stuck(), Some(stuck), "work goes on after a rest");
    }

    #[test]
    fn only_work_that_does_not_end_is_a_hang() {
        let clock = Arc::new(FakeClock::default());
        let progress = Progress::default();
        let beat = progress.stage("worker-0", Duration::from_secs(5), clock.clone());
        clock.advance(Duration::from_secs(3600));
        assert_eq!(progress.stuck(), None, "idle is not stuck");
        beat.busy();
        clock.advance(Duration::from_secs(5));
        assert_eq!(progress.stuck(), None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(progress.stuck().unwrap().name, "worker-0");
        beat.idle();
        assert_eq!(progress.stuck(), None);
        beat.busy();
        clock.advance(Duration::from_secs(9));
        drop(beat);
        assert_eq!(progress.stuck(), None, "a stage that ended is not stuck");
    }
}
