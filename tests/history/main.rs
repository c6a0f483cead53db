//! The history: what is on disk, what damage costs, how old days go, and how a day is drawn.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests wait for processes, may fail, and say why they skip"
)]

#[path = "../http/client.rs"]
#[allow(dead_code, reason = "each test target uses a part of this")]
mod client;
#[path = "../common/mod.rs"]
mod common;
mod daemon;
mod disk;
mod drawn;
mod files;
mod report;

use posed::clock::{Clock, FakeClock, Mono, SharedClock};
use posed::history::{Entry, Keeper, Options, Row};
use posed::telemetry::progress::Progress;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// Unix time of [`FakeClock`]'s start: 2026-01-01T00:00:00Z, a midnight.
const NEW_YEAR: i64 = 1_767_225_600;
const VIEW: (u16, u16) = (1280, 720);

/// A keeper of 30 days in `dir`.
fn keeper(dir: &Path, clock: &SharedClock) -> Keeper {
    let options = Options { state_dir: dir.to_owned(), days: 30 };
    Keeper::start(options, clock.clone(), &Progress::default()).unwrap()
}

fn entry(camera: &str, second: i64, row: Row) -> Entry {
    Entry { camera: camera.into(), second, size: VIEW, row }
}

/// A row with this number of people.
fn people(people: u8) -> Row {
    Row { people, ..Row::default() }
}

/// Writes `entries`, no faster than the disk.
fn write(keeper: &Keeper, entries: impl IntoIterator<Item = Entry>) {
    let settled = || {
        let (stats, _) = keeper.stats();
        stats.written + stats.failed + stats.no_time + stats.overflow
    };
    let mut pushed = settled();
    for entry in entries {
        keeper.push(entry);
        pushed += 1;
        while pushed - settled() > 100 {
            std::thread::yield_now();
        }
    }
    common::wait_for("the rows", || (settled() == pushed).then_some(()));
}

/// A clock whose wall time can be set, in a place that changes its clock for summer.
#[derive(Default)]
struct Berlin {
    run: FakeClock,
    /// Seconds that the wall clock is ahead of what it should be.
    wrong_s: AtomicI64,
}

impl Berlin {
    fn shared() -> (Arc<Berlin>, SharedClock) {
        let clock = Arc::new(Berlin::default());
        (clock.clone(), clock)
    }

    fn set_wrong(&self, seconds: i64) {
        self.wrong_s.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Berlin {
    fn now(&self) -> Mono {
        self.run.now()
    }

    fn wall(&self) -> SystemTime {
        let wrong = self.wrong_s.load(Ordering::SeqCst);
        let (right, gap) = (self.run.wall(), Duration::from_secs(wrong.unsigned_abs()));
        if wrong < 0 { right - gap } else { right + gap }
    }

    fn utc_offset_s(&self, wall: SystemTime) -> i32 {
        // Summer of 2026: from 29 March 01:00 UTC to 25 October 01:00 UTC.
        let at = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        if (1_774_746_000..1_792_890_000).contains(&at) { 7200 } else { 3600 }
    }
}
