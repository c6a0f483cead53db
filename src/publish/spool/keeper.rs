//! The thread `spool`: it writes messages to disk and hands them to the connection in order.
//! Neither the workers nor the connection wait for a disk.
//!
//! ```text
//! worker -> push() -> inbox -> thread "spool" -> disk -> Outlet -> connection -> broker
//!                       ^----------- acknowledged() ----------------------+
//! ```

#[cfg(test)]
mod tests;

use super::{Limits, Spool, SpoolStats};
use crate::clock::SharedClock;
use crate::shutdown::Thread;
use crate::telemetry::progress::{Beat, Progress};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Messages that wait for the thread. More wait only if the disk takes seconds for a message.
const INBOX: usize = 256;
/// Messages that the connection has and the broker has not acknowledged.
const IN_FLIGHT: usize = 16;
/// The thread hangs if the disk takes longer than this.
const DISK_LIMIT: Duration = Duration::from_secs(60);
/// How often too old messages are dropped while nothing else happens.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// Takes messages for the broker. A call must not block.
pub trait Outlet: Send + Sync {
    /// Takes message `seq` for connection number `connection`. Returns false if that connection is
    /// gone: then the message is offered again to the next one.
    fn offer(&self, connection: u64, seq: u64, topic: &str, payload: &[u8]) -> bool;
}

/// Owns the thread `spool`.
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

/// The side of a [`Keeper`] that the connection uses. No call blocks.
#[derive(Clone)]
pub struct Acks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    news: Condvar,
}

#[derive(Default)]
struct Inbox {
    pushed: VecDeque<Push>,
    /// Messages dropped because the inbox was full.
    overflow: u64,
    /// Number of the connection; 0 before the first one.
    connection: u64,
    connected: bool,
    /// Acknowledged on this connection.
    acknowledged: Vec<u64>,
    stop: bool,
    /// Copies for other threads.
    stats: SpoolStats,
    fault: Option<String>,
}

struct Push {
    topic: String,
    payload: Vec<u8>,
    sync: bool,
}

impl Keeper {
    /// Starts the thread. It opens the spool in folder `dir`; `None` keeps messages in memory.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        dir: Option<PathBuf>,
        limits: Limits,
        outlet: Arc<dyn Outlet>,
        clock: SharedClock,
        progress: &Progress,
    ) -> std::io::Result<Keeper> {
        let shared = Arc::new(Shared::default());
        let beat = progress.stage("spool", DISK_LIMIT, clock.clone());
        let kept = shared.clone();
        let work = move || run(&kept, dir, limits, outlet.as_ref(), &clock, &beat);
        let thread = progress.spawn("spool".into(), work)?;
        Ok(Keeper { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Adds a message. `sync`: it survives a power cut once it is written. Never blocks; if the
    /// disk is too slow for hundreds of messages, the newest are dropped and counted.
    pub fn push(&self, topic: &str, payload: &[u8], sync: bool) {
        let mut inbox = self.shared.lock();
        if inbox.pushed.len() >= INBOX || inbox.stop {
            inbox.overflow += 1;
            return;
        }
        inbox.pushed.push_back(Push { topic: topic.into(), payload: payload.into(), sync });
        drop(inbox);
        self.shared.news.notify_one();
    }

    /// The connection's side.
    pub fn acks(&self) -> Acks {
        Acks(self.shared.clone())
    }

    /// Counters, and why messages are in memory only.
    pub fn stats(&self) -> (SpoolStats, Option<String>) {
        let inbox = self.shared.lock();
        let dropped_size = inbox.stats.dropped_size + inbox.overflow;
        (SpoolStats { dropped_size, ..inbox.stats }, inbox.fault.clone())
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

impl Acks {
    /// The broker has accepted connection number `connection`: numbers only grow.
    pub fn connected(&self, connection: u64) {
        let mut inbox = self.0.lock();
        inbox.connection = connection;
        inbox.connected = true;
        inbox.acknowledged.clear();
        drop(inbox);
        self.0.news.notify_one();
    }

    /// The connection is lost.
    pub fn disconnected(&self) {
        let mut inbox = self.0.lock();
        inbox.connected = false;
    }

    /// The broker has message `seq`, which was sent on `connection`.
    pub fn acknowledged(&self, connection: u64, seq: u64) {
        let mut inbox = self.0.lock();
        if inbox.connection == connection {
            inbox.acknowledged.push(seq);
        }
        drop(inbox);
        self.0.news.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the inbox holds something new, or [`TRIM_EVERY`] has passed.
    fn wait(&self, connection: u64, open: bool) -> MutexGuard<'_, Inbox> {
        let idle = |inbox: &mut Inbox| {
            inbox.pushed.is_empty()
                && inbox.acknowledged.is_empty()
                && !inbox.stop
                && (inbox.connected, inbox.connection) == (open, connection)
        };
        let waited = self.news.wait_timeout_while(self.lock(), TRIM_EVERY, |inbox| idle(inbox));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn run(
    shared: &Shared,
    dir: Option<PathBuf>,
    limits: Limits,
    outlet: &dyn Outlet,
    clock: &SharedClock,
    beat: &Beat,
) {
    beat.busy();
    let mut spool = Spool::open(dir, limits, clock.wall());
    let (mut connection, mut open) = (0, false);
    let (mut pushed, mut acknowledged) = (VecDeque::new(), Vec::new());
    report(shared, &spool);
    loop {
        let mut inbox = beat.rest(|| shared.wait(connection, open));
        std::mem::swap(&mut pushed, &mut inbox.pushed);
        std::mem::swap(&mut acknowledged, &mut inbox.acknowledged);
        let stop = inbox.stop;
        open = inbox.connected;
        if inbox.connection != connection {
            connection = inbox.connection;
            spool.rewind();
        }
        drop(inbox);
        acknowledged.drain(..).for_each(|seq| spool.acknowledge(seq));
        for Push { topic, payload, sync } in pushed.drain(..) {
            spool.push(&topic, &payload, sync, clock.wall());
        }
        spool.trim(clock.wall());
        let mut accepts = open;
        while accepts && spool.in_flight() < IN_FLIGHT {
            let Some(record) = spool.next_to_send() else { break };
            accepts = outlet.offer(connection, record.seq, &record.topic, &record.payload);
        }
        report(shared, &spool);
        if stop {
            return beat.idle();
        }
    }
}

/// Copies the counters, and logs when the disk fails or works again.
fn report(shared: &Shared, spool: &Spool) {
    let mut inbox = shared.lock();
    let (before, now) = (&inbox.fault, spool.fault());
    match now {
        Some(fault) if before.is_none() => {
            tracing::error!("events are kept in memory only, and are lost at a power cut: {fault}");
        }
        None if before.is_some() => tracing::info!("events are kept on disk again"),
        _ => {}
    }
    let dropped = |stats: &SpoolStats| stats.dropped_age + stats.dropped_size;
    let stats = spool.stats();
    if dropped(&stats) > dropped(&inbox.stats) {
        let lost = dropped(&stats) - dropped(&inbox.stats);
        tracing::warn!("{lost} events were dropped: the broker was away for too long");
    }
    inbox.fault = now.map(str::to_owned);
    inbox.stats = stats;
}
