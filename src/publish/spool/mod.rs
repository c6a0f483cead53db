//! Messages that must not be lost: written to disk before they are sent, and kept until the broker
//! has acknowledged them (PUBACK).
//!
//! Messages are sent in order and at least once, also after a restart. If the disk cannot be
//! written, the spool goes on in memory and reports it. Size and age are limited: the oldest
//! messages are dropped first, and counted.

mod disk;
mod keeper;
mod record;
#[cfg(test)]
mod tests;

pub use keeper::{Acks, Keeper, Outlet};
pub use record::Record;

use disk::Disk;
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Numbers from here on are given while the folder cannot be read: lower ones may be used in it.
const PROVISIONAL: u64 = 1 << 62;
/// 2020-01-01 in ms since 1970. A clock before this was not set, so it says nothing about an age.
const CLOCK_SET_MS: u64 = 1_577_836_800_000;

/// Limits of a spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all messages that wait.
    pub bytes: usize,
    /// Age of a message that waits.
    pub age: Duration,
}

impl Default for Limits {
    /// 4 MiB, some four thousand events, and a week.
    fn default() -> Self {
        Limits { bytes: 4 << 20, age: Duration::from_secs(7 * 24 * 3600) }
    }
}

/// Counters of a spool since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SpoolStats {
    /// Messages that the broker has not acknowledged.
    pub waiting: usize,
    /// Bytes that they take.
    pub bytes: usize,
    /// Messages dropped because too many waited.
    pub dropped_size: u64,
    /// Messages dropped because they were too old.
    pub dropped_age: u64,
    /// Bytes of torn or damaged records, found when the spool was opened.
    pub damaged_bytes: usize,
}

/// A queue of messages with a copy on disk.
#[derive(Debug)]
pub struct Spool {
    dir: Option<PathBuf>,
    limits: Limits,
    disk: Option<Disk>,
    /// Why there is no copy on disk; `None` if there is one, or none is wanted.
    fault: Option<String>,
    /// Messages that are not acknowledged, in order.
    waiting: VecDeque<Record>,
    /// Those of `waiting` that were handed out on this connection.
    sent: usize,
    /// Numbers that were acknowledged before an earlier one.
    early: Vec<u64>,
    next_seq: u64,
    /// What an earlier run left is known.
    adopted: bool,
    stats: SpoolStats,
}

impl Spool {
    /// Opens the spool in folder `dir`; `None` keeps messages in memory only. A folder that cannot
    /// be used is no error: see [`Spool::fault`].
    pub fn open(dir: Option<PathBuf>, limits: Limits, now: SystemTime) -> Spool {
        let mut spool = Spool {
            dir,
            limits,
            disk: None,
            fault: None,
            waiting: VecDeque::new(),
            sent: 0,
            early: Vec::new(),
            next_seq: PROVISIONAL,
            adopted: false,
            stats: SpoolStats::default(),
        };
        spool.reopen();
        spool.trim(now);
        spool
    }

    /// Why messages are kept in memory only; `None` if they are on disk, or no folder was given.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Counters since the spool was opened.
    pub fn stats(&self) -> SpoolStats {
        let bytes = self.waiting.iter().map(Record::len_on_disk).sum();
        SpoolStats { waiting: self.waiting.len(), bytes, ..self.stats }
    }

    /// Adds a message and returns its number. `sync` waits until it is on the medium.
    pub fn push(&mut self, topic: &str, payload: &[u8], sync: bool, now: SystemTime) -> u64 {
        let (seq, written_ms) = (self.next_seq, since_1970_ms(now));
        self.next_seq += 1;
        self.waiting.push_back(Record { seq, written_ms, topic: topic.into(), payload: payload.into() });
        if self.disk.is_none() && self.dir.is_some() {
            self.reopen();
        } else if let (Some(disk), Some(record)) = (&mut self.disk, self.waiting.back()) {
            let written = disk.append(record, sync);
            self.note(written);
        }
        self.trim(now);
        seq
    }

    /// The next message to send on this connection, in order; `None` if all were handed out.
    pub fn next_to_send(&mut self) -> Option<&Record> {
        let record = self.waiting.get(self.sent)?;
        self.sent += 1;
        Some(record)
    }

    /// Messages that were handed out on this connection and are not acknowledged.
    pub fn in_flight(&self) -> usize {
        self.sent
    }

    /// The broker has acknowledged message `seq`.
    pub fn acknowledge(&mut self, seq: u64) {
        if self.waiting.front().is_none_or(|first| seq < first.seq) {
            return;
        }
        self.early.push(seq);
        let before = self.waiting.len();
        while let Some(at) =
            self.waiting.front().and_then(|first| self.early.iter().position(|seq| *seq == first.seq))
        {
            self.early.swap_remove(at);
            self.drop_first();
        }
        if self.waiting.len() < before {
            self.mark_done();
        }
    }

    /// A new connection: messages that were sent but not acknowledged are sent again.
    pub fn rewind(&mut self) {
        self.sent = 0;
        self.early.clear();
    }

    /// Drops the oldest messages until size and age are within their limits.
    pub fn trim(&mut self, now: SystemTime) {
        let oldest_ms = since_1970_ms(now).saturating_sub(self.limits.age.as_millis() as u64);
        let mut bytes: usize = self.waiting.iter().map(Record::len_on_disk).sum();
        let before = self.waiting.len();
        while let Some(first) = self.waiting.front() {
            let too_old = (CLOCK_SET_MS..oldest_ms).contains(&first.written_ms);
            let too_large = bytes > self.limits.bytes;
            if !too_old && !too_large {
                break;
            }
            bytes -= first.len_on_disk();
            self.stats.dropped_age += u64::from(too_old);
            self.stats.dropped_size += u64::from(!too_old);
            self.drop_first();
        }
        if self.waiting.len() < before {
            self.mark_done();
        }
    }

    fn drop_first(&mut self) {
        self.waiting.pop_front();
        self.sent = self.sent.saturating_sub(1);
    }

    /// Records on disk up to which number messages are done with.
    fn mark_done(&mut self) {
        let done = self.waiting.front().map_or(self.next_seq, |first| first.seq);
        if let Some(disk) = &mut self.disk {
            let written = disk.acknowledge(done);
            self.note(written);
        }
    }

    /// After an error the spool goes on in memory, and tries the disk again at the next message.
    fn note(&mut self, written: io::Result<()>) {
        if let Err(e) = written {
            self.fault = Some(e.to_string());
            self.disk = None;
        }
    }

    /// Opens the folder, takes over what an earlier run left, and writes what is in memory only.
    fn reopen(&mut self) {
        let Some(dir) = &self.dir else { return };
        let written = Disk::open(dir).and_then(|(mut disk, found)| {
            let next_on_disk = found.next_seq;
            if !self.adopted {
                self.adopt(found);
            }
            for record in self.waiting.iter().filter(|record| record.seq >= next_on_disk) {
                disk.append(record, false)?;
            }
            self.disk = Some(disk);
            self.fault = None;
            Ok(())
        });
        self.note(written);
    }

    /// Puts what an earlier run left before what was added since. That has provisional numbers.
    fn adopt(&mut self, found: disk::Found) {
        self.adopted = true;
        self.stats.damaged_bytes = found.damaged_bytes;
        self.next_seq = found.next_seq;
        let added = std::mem::replace(&mut self.waiting, found.records.into());
        for record in added {
            self.waiting.push_back(Record { seq: self.next_seq, ..record });
            self.next_seq += 1;
        }
        self.rewind();
    }
}

fn since_1970_ms(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
