//! Signs of life of every stage, which decide whether the watchdog is fed.
//!
//! A camera or a broker that does not answer is a *state*: its thread still runs. A thread that
//! starts a piece of work and does not finish it in time *hangs*. Only a hang stops the feeding.
//!
//! A stage that panics ends, and so does its sign of life: [`Progress::panicked`] names it, and
//! the process ends.

use super::fault;
use crate::clock::{Mono, SharedClock};
use crate::shutdown::Thread;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
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
        fault::inject(&self.name);
    }

    /// Waits for something that has no time limit: a device, a network, the next piece of work.
    pub fn rest<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.idle();
        let result = wait();
        self.busy();
        result
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
    panics: Arc<Mutex<Panics>>,
}

#[derive(Default)]
struct Panics {
    first: Option<String>,
    alarm: Option<Box<dyn Fn() + Send>>,
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

    /// Starts a stage's thread. A panic of `work` is kept for [`Progress::panicked`].
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(&self, name: String, work: impl FnOnce() + Send + 'static) -> std::io::Result<Thread> {
        let panics = self.panics.clone();
        let stage = name.clone();
        Thread::spawn(name, move || {
            let panic = catch_unwind(AssertUnwindSafe(work)).err().filter(|panic| !fault::is_return(panic));
            let mut panics = panics.lock().unwrap_or_else(PoisonError::into_inner);
            if panic.is_some() {
                panics.first.get_or_insert(stage);
            }
            if let Some(alarm) = &panics.alarm {
                alarm();
            }
            drop(panics);
            if let Some(panic) = panic {
                resume_unwind(panic);
            }
        })
    }

    /// The first stage that panicked. The daemon is not whole any more and must end.
    pub fn panicked(&self) -> Option<String> {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }

    /// Calls `alarm` when a stage panics or ends, and now if one has already panicked.
    pub fn on_panic(&self, alarm: impl Fn() + Send + 'static) {
        let mut panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
        if panics.first.is_some() {
            alarm();
        }
        panics.alarm = Some(Box::new(alarm));
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

    #[test]
    fn a_panic_raises_the_alarm_and_names_the_stage() {
        let progress = Progress::default();
        let (alarm, raised) = std::sync::mpsc::sync_channel(2);
        let late = alarm.clone();
        progress.on_panic(move || alarm.try_send(()).unwrap());
        let spawn = |name: &str, work: fn()| progress.spawn(name.into(), work).unwrap();
        spawn("fine", || {}).join(Duration::from_secs(60)).unwrap();
        assert_eq!(progress.panicked(), None);
        spawn("bad", || panic!("on purpose")).join(Duration::from_secs(60)).unwrap();
        assert_eq!((progress.panicked().as_deref(), raised.try_recv()), (Some("bad"), Ok(())));
        progress.on_panic(move || late.try_send(()).unwrap());
        assert_eq!(raised.try_recv(), Ok(()), "it is not too late to listen");
    }
}
