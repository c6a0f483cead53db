//! Time for all stages: a monotonic clock and a wall clock, which tests can control.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A point in time on a monotonic clock, in nanoseconds since the clock was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(pub u64);

impl Mono {
    /// Time from `earlier` to `self`; zero if `earlier` is the later one.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time `d` before this one, but not before the clock's zero.
    pub fn less(self, d: Duration) -> Mono {
        Mono(self.0.saturating_sub(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl std::ops::Add<Duration> for Mono {
    type Output = Mono;
    fn add(self, d: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Source of time for every stage. Calls are cheap from any thread.
pub trait Clock: Send + Sync {
    /// Monotonic time: for ages, rates and time-outs.
    fn now(&self) -> Mono;
    /// Wall-clock time: for published times. It may jump.
    fn wall(&self) -> SystemTime;
    /// Local time minus UTC at `wall`, in seconds: a day begins at local midnight.
    fn utc_offset_s(&self, wall: SystemTime) -> i32;
}

/// A clock that stages share.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock that starts at zero now.
    #[allow(clippy::disallowed_methods, reason = "only this type reads the machine's clocks")]
    pub fn shared() -> SharedClock {
        Arc::new(SystemClock { start: std::time::Instant::now() })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Mono {
        Mono(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
    #[allow(clippy::disallowed_methods, reason = "only this type reads the machine's clocks")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
    fn utc_offset_s(&self, wall: SystemTime) -> i32 {
        // A wall clock outside of the calendar says nothing about the day.
        let Ok(at) = jiff::Timestamp::try_from(wall) else { return 0 };
        jiff::tz::TimeZone::system().to_offset(at).seconds()
    }
}

/// A clock that stands still until a test advances it.
#[derive(Debug, Default)]
pub struct FakeClock {
    now_ns: AtomicU64,
}

impl FakeClock {
    /// Moves monotonic and wall time forward.
    pub fn advance(&self, d: Duration) {
        self.now_ns.fetch_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Mono {
        Mono(self.now_ns.load(Ordering::SeqCst))
    }
    /// 2026-01-01T00:00:00Z plus the monotonic time.
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600) + Duration::from_nanos(self.now().0)
    }
    fn utc_offset_s(&self, _wall: SystemTime) -> i32 {
        0
    }
}
