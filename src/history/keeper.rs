//! The thread `history`: it writes rows to disk, and deletes old days. Workers never wait for it.

use super::archive::offset;
use super::disk::{Disk, FOLDER, Fate};
use super::gather::Entry;
use super::local::{Date, date_of};
use crate::clock::{Mono, SharedClock};
use crate::shutdown::Thread;
use crate::telemetry::progress::{Beat, Progress};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Rows that wait for the thread. More wait only if the disk takes many seconds for a row.
const INBOX: usize = 256;
/// The thread hangs if the disk takes longer than this.
const DISK_LIMIT: Duration = Duration::from_secs(60);
/// How often the thread looks at the calendar while no row comes.
const IDLE_EVERY: Duration = Duration::from_secs(60);
/// Days are deleted only after the clock has run steadily for this long: one that is wrong after
/// the start would delete all of them.
const STEADY: Duration = Duration::from_secs(600);
/// A clock that gains or loses more than this was set.
const STEP_S: i64 = 60;

/// Where days are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The daemon's folder; the days get a folder in it.
    pub state_dir: PathBuf,
    /// Days that are kept, today among them.
    pub days: u32,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rows that were written.
    pub written: u64,
    /// Rows dropped because the disk was too slow.
    pub overflow: u64,
    /// Rows dropped because their time is not on the calendar.
    pub no_time: u64,
    /// Rows that could not be written.
    pub failed: u64,
}

/// Owns the thread `history`.
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    news: Condvar,
}

#[derive(Default)]
struct Inbox {
    rows: VecDeque<Entry>,
    overflow: u64,
    stop: bool,
    /// Copies for other threads.
    stats: Stats,
    fault: Option<String>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(options: Options, clock: SharedClock, progress: &Progress) -> io::Result<Keeper> {
        let shared = Arc::new(Shared::default());
        shared.lock().rows.reserve_exact(INBOX);
        let beat = progress.stage(FOLDER, DISK_LIMIT, clock.clone());
        let kept = shared.clone();
        let thread = progress.spawn(FOLDER.into(), move || run(&kept, &options, &clock, &beat))?;
        Ok(Keeper { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Adds a row. Never blocks and never allocates: if the disk is too slow, the row is dropped
    /// and counted.
    pub fn push(&self, entry: Entry) {
        let mut inbox = self.shared.lock();
        if inbox.rows.len() >= INBOX || inbox.stop {
            inbox.overflow += 1;
            return;
        }
        inbox.rows.push_back(entry);
        drop(inbox);
        self.shared.news.notify_one();
    }

    /// Counters, and why nothing is written now.
    pub fn stats(&self) -> (Stats, Option<String>) {
        let inbox = self.shared.lock();
        (Stats { overflow: inbox.overflow, ..inbox.stats }, inbox.fault.clone())
    }

    /// Name of the thread, if it has ended.
    pub fn ended(&self) -> Option<String> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().and_then(Thread::ended).map(str::to_owned)
    }

    /// Writes what waits and ends the thread, or leaves it behind after `within`.
    pub fn stop(&self, within: Duration) {
        self.shared.lock().stop = true;
        self.shared.news.notify_one();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            thread.end(within);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for rows or the stop, but no longer than [`IDLE_EVERY`]. Swaps the rows into `rows`.
    /// Returns whether to stop.
    fn wait(&self, rows: &mut VecDeque<Entry>) -> bool {
        let idle = |inbox: &mut Inbox| inbox.rows.is_empty() && !inbox.stop;
        let waited = self.news.wait_timeout_while(self.lock(), IDLE_EVERY, |inbox| idle(inbox));
        let mut inbox = waited.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(rows, &mut inbox.rows);
        inbox.stop
    }
}

fn run(shared: &Shared, options: &Options, clock: &SharedClock, beat: &Beat) {
    beat.busy();
    let mut disk = Disk::new(options.state_dir.join(FOLDER));
    let mut rows = VecDeque::with_capacity(INBOX);
    let (mut stats, mut calendar) = (Stats::default(), Calendar::new(clock));
    loop {
        let stop = beat.rest(|| shared.wait(&mut rows));
        let mut fault = None;
        let tried = !rows.is_empty();
        for entry in rows.drain(..) {
            match disk.write(&entry, |second| offset(clock, second)) {
                Ok(Fate::Written) => stats.written += 1,
                Ok(Fate::NoTime) => stats.no_time += 1,
                Err(e) => {
                    stats.failed += 1;
                    fault = Some(e);
                }
            }
        }
        report(shared, &options.state_dir, stats, tried, fault);
        if stop {
            return beat.idle();
        }
        if let Some(today) = calendar.new_day(clock) {
            disk.delete_old(today, options.days);
        }
    }
}

/// Copies the counters, and logs once when the disk fails or works again.
fn report(shared: &Shared, dir: &Path, stats: Stats, tried: bool, fault: Option<io::Error>) {
    let mut inbox = shared.lock();
    inbox.stats = stats;
    match fault {
        Some(e) if inbox.fault.is_none() => {
            tracing::error!("{}: the history of these days has gaps: {e}", dir.join(FOLDER).display());
            inbox.fault = Some(e.to_string());
        }
        None if tried && inbox.fault.take().is_some() => tracing::info!("the history is kept again"),
        _ => {}
    }
}

/// Says when a day has begun, by a clock that can be trusted.
struct Calendar {
    /// Wall time minus monotonic time, in seconds.
    gap_s: i64,
    /// Since when the gap has been the same.
    since: Mono,
    /// The last day that was told.
    told: Option<Date>,
}

impl Calendar {
    fn new(clock: &SharedClock) -> Calendar {
        Calendar { gap_s: gap_s(clock), since: clock.now(), told: None }
    }

    /// Today, once for each day, when the clock has run steadily.
    fn new_day(&mut self, clock: &SharedClock) -> Option<Date> {
        let (gap_s, now) = (gap_s(clock), clock.now());
        if gap_s.abs_diff(self.gap_s) > STEP_S.unsigned_abs() {
            (self.gap_s, self.since) = (gap_s, now);
        }
        if now.since(self.since) < STEADY {
            return None;
        }
        let today = date_of(unix(clock.wall()), |second| offset(clock, second))?;
        (self.told.replace(today) != Some(today)).then_some(today)
    }
}

fn gap_s(clock: &SharedClock) -> i64 {
    unix(clock.wall()) - i64::try_from(clock.now().0 / 1_000_000_000).unwrap_or(0)
}

fn unix(wall: SystemTime) -> i64 {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}
