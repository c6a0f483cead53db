//! The newest message of each camera, and what is counted for the metrics.

use super::buckets::Buckets;
use super::stills::Stills;
use crate::frame::Frame;
use crate::geometry::View;
use crate::telemetry::stats::FrameTimes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Events that a page which opens now still gets.
const EVENTS: usize = 32;

/// What workers write and browsers read. Writers never wait for a browser.
#[derive(Debug, Default)]
pub struct Hub {
    watchers: AtomicUsize,
    streams: Mutex<Vec<Arc<Stream>>>,
    events: Mutex<Events>,
    stills: Stills,
}

/// Poses of one camera.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) camera: String,
    newest: Mutex<Newest>,
    poses: AtomicU64,
    pub(super) age: Buckets,
    pub(super) finder: Buckets,
    pub(super) pose: Buckets,
}

#[derive(Debug, Default)]
struct Newest {
    /// Grows with every message; 0: there was none.
    version: u64,
    payload: Vec<u8>,
}

#[derive(Debug, Default)]
struct Events {
    /// Number of events so far.
    count: u64,
    last: VecDeque<Vec<u8>>,
}

impl Hub {
    /// Takes a worker's message with the poses of `people`. Copies it only while a page is open;
    /// allocates nothing but for a camera's first frames.
    pub fn poses(&self, camera: &str, payload: &[u8], people: usize, times: &FrameTimes<Option<Duration>>) {
        let stream = self.stream(camera);
        stream.poses.fetch_add(people as u64, Ordering::Relaxed);
        times.age.into_iter().for_each(|time| stream.age.add(time));
        times.finder.into_iter().for_each(|time| stream.finder.add(time));
        times.pose.into_iter().for_each(|time| stream.pose.add(time));
        if self.watchers() > 0 {
            let mut newest = lock(&stream.newest);
            newest.version += 1;
            newest.payload.clear();
            newest.payload.extend_from_slice(payload);
        }
    }

    /// Sees every published frame. Copies its pixels only if somebody asked for a picture of it.
    pub fn frame(&self, camera: &str, frame: &Frame, view: &View) {
        self.stills.offer(camera, frame, view);
    }

    /// Takes an event: the JSON that is published. Keeps the last few for pages that open later.
    pub fn event(&self, payload: &[u8]) {
        let mut events = lock(&self.events);
        events.count += 1;
        if events.last.len() == EVENTS {
            events.last.pop_front();
        }
        events.last.push_back(payload.to_vec());
    }

    /// Drops the poses of a camera that is out of service.
    pub fn forget(&self, camera: &str) {
        lock(&self.streams).retain(|stream| stream.camera != camera);
    }

    /// Number of feeds that are open.
    pub fn watchers(&self) -> usize {
        self.watchers.load(Ordering::Relaxed)
    }

    pub(super) fn stills(&self) -> &Stills {
        &self.stills
    }

    /// All cameras that gave poses.
    pub(super) fn streams(&self) -> Vec<Arc<Stream>> {
        lock(&self.streams).clone()
    }

    /// Number of events so far.
    pub(super) fn events(&self) -> u64 {
        lock(&self.events).count
    }

    /// Gives each event after number `seen` to `write`, as far as it is kept. Returns the number of
    /// the last one.
    pub(super) fn events_after(&self, seen: u64, mut write: impl FnMut(&[u8])) -> u64 {
        let events = lock(&self.events);
        let new = usize::try_from(events.count.saturating_sub(seen)).unwrap_or(usize::MAX);
        let skipped = events.last.len().saturating_sub(new);
        events.last.iter().skip(skipped).for_each(|event| write(event));
        events.count
    }

    fn stream(&self, camera: &str) -> Arc<Stream> {
        let mut streams = lock(&self.streams);
        if let Some(stream) = streams.iter().find(|stream| stream.camera == camera) {
            return stream.clone();
        }
        let stream = Arc::new(Stream {
            camera: camera.to_owned(),
            newest: Mutex::default(),
            poses: AtomicU64::new(0),
            age: Buckets::default(),
            finder: Buckets::default(),
            pose: Buckets::default(),
        });
        streams.push(stream.clone());
        stream
    }
}

impl Stream {
    /// Poses published so far.
    pub(super) fn poses(&self) -> u64 {
        self.poses.load(Ordering::Relaxed)
    }

    /// Gives the newest message to `write`, unless it is the one of version `seen`. Returns its
    /// version.
    pub(super) fn newest_after(&self, seen: u64, write: impl FnOnce(&[u8])) -> u64 {
        let newest = lock(&self.newest);
        if newest.version != seen {
            write(&newest.payload);
        }
        newest.version
    }

    /// Version of the newest message.
    pub(super) fn version(&self) -> u64 {
        lock(&self.newest).version
    }
}

/// Counts as a watcher of the hub until it is dropped.
#[derive(Debug)]
pub(super) struct Watch(Arc<Hub>);

impl Watch {
    pub(super) fn new(hub: Arc<Hub>) -> Watch {
        hub.watchers.fetch_add(1, Ordering::Relaxed);
        Watch(hub)
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.0
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(hub: &Hub, seen: u64) -> (u64, Option<Vec<u8>>) {
        let mut got = None;
        let version = hub.stream("hall").newest_after(seen, |payload| got = Some(payload.to_vec()));
        (version, got)
    }

    #[test]
    fn messages_are_kept_only_while_somebody_looks() {
        let hub = Arc::new(Hub::default());
        hub.poses("hall", b"before", 2, &FrameTimes::default());
        assert_eq!(newest(&hub, 0), (0, None));
        let watch = Watch::new(hub.clone());
        hub.poses("hall", b"one", 1, &FrameTimes::default());
        hub.poses("hall", b"two", 1, &FrameTimes::default());
        assert_eq!(newest(&hub, 0), (2, Some(b"two".to_vec())), "a reader may skip messages");
        assert_eq!(newest(&hub, 2), (2, None), "and gets none twice");
        drop(watch);
        hub.poses("hall", b"after", 1, &FrameTimes::default());
        assert_eq!((newest(&hub, 2).0, hub.watchers(), hub.stream("hall").poses()), (2, 0, 5));
    }

    #[test]
    fn a_late_reader_gets_the_last_events_and_none_twice() {
        let hub = Hub::default();
        (0..EVENTS + 3).for_each(|n| hub.event(n.to_string().as_bytes()));
        let mut got = Vec::new();
        let seen = hub.events_after(0, |event| got.push(String::from_utf8(event.to_vec()).unwrap()));
        assert_eq!((seen, got.len(), got[0].as_str()), (EVENTS as u64 + 3, EVENTS, "3"));
        hub.event(b"new");
        got.clear();
        hub.events_after(seen, |event| got.push(String::from_utf8(event.to_vec()).unwrap()));
        assert_eq!(got, ["new"]);
    }
}
