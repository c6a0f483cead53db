//! Messages that wait to be sent. Callers never wait for the thread that sends them.

mod durable;
mod held;
mod poses;
mod retained;
mod stats;
#[cfg(test)]
mod tests;

pub use poses::Unsent;
pub use stats::Stats;

use super::spool::Outlet;
use crate::clock::Mono;
use durable::Durable;
use held::Held;
use poses::Queues;
use retained::RetainedValues;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What a message is: its acknowledgement is handled accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Poses,
    Retained,
    Availability,
    /// A message of the spool, with its number.
    Durable(u64),
}

/// One message to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    pub tag: Tag,
}

/// What the sender does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send this.
    Send(Message),
    /// Publish `online`: all retained values have been sent.
    Announce,
    /// Wait for news.
    Wait,
    /// Publish `offline` and disconnect.
    Stop,
}

/// What the connection can take now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// One more message may be unacknowledged.
    pub room: bool,
    /// The connection is stable enough to publish `online`.
    pub may_announce: bool,
    /// Poses may be sent: they will not wait long on their way.
    pub poses: bool,
}

#[derive(Debug, Default)]
struct Inner {
    connections: u64,
    connected: bool,
    announced: bool,
    /// Poses wait until the broker answers.
    held_up: bool,
    /// Deadline of the disconnect, once the publisher is stopped.
    stop_by: Option<Mono>,
    poses: Queues,
    retained: RetainedValues,
    durable: Durable,
    held: Held,
}

/// Queues, retained values and counters.
#[derive(Debug)]
pub(super) struct Outbox {
    inner: Mutex<Inner>,
    capacity: usize,
    /// Notified when there may be something to send.
    pub wake: Notify,
    stop: Notify,
}

impl Outbox {
    pub(super) fn new(capacity: usize) -> Outbox {
        Outbox { inner: Mutex::default(), capacity, wake: Notify::new(), stop: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poses(&self, camera: &str, payload: &[u8], topic: impl FnOnce() -> String) {
        let mut inner = self.lock();
        let Inner { poses, held, connected, stop_by, .. } = &mut *inner;
        let open = *connected && stop_by.is_none();
        let queue = poses.of(camera, topic);
        let fits = payload.len() <= super::LONGEST_PAYLOAD_BYTES && !held.holds(queue.topic(), payload.len());
        if poses.add(camera, payload, open, fits, self.capacity) {
            drop(inner);
            self.wake.notify_one();
        }
    }

    pub(super) fn discard(&self, camera: &str) {
        self.lock().poses.discard(camera);
    }

    pub(super) fn retain(&self, topic: &str, payload: &[u8]) {
        if payload.len() > super::LONGEST_PAYLOAD_BYTES {
            tracing::error!("{topic}: not published: {} bytes are too long", payload.len());
            return;
        }
        if self.lock().retained.set(topic, payload) {
            self.wake.notify_one();
        }
    }

    /// The broker has cleared `topic`. Returns whether it has no new value since.
    pub(super) fn cleared(&self, topic: &str) -> bool {
        self.lock().retained.forget(topic)
    }

    /// What to do next.
    pub(super) fn next(&self, turn: Turn) -> Next {
        let mut inner = self.lock();
        inner.held_up = !turn.poses;
        let Inner { retained, held, durable, poses, announced, stop_by, .. } = &mut *inner;
        if turn.room {
            if let Some(message) = retained.next_due(held) {
                return Next::Send(message);
            }
            if !*announced && turn.may_announce && stop_by.is_none() {
                *announced = true;
                return Next::Announce;
            }
            if let Some(message) = durable.next() {
                return Next::Send(message);
            }
        }
        if stop_by.is_some() {
            return if retained.has_due(held) { Next::Wait } else { Next::Stop };
        }
        let waiting = if turn.poses { poses.next() } else { None };
        waiting.map_or(Next::Wait, Next::Send)
    }

    /// Holds back messages on `topic` of `bytes` or more until `until`.
    pub(super) fn hold(&self, topic: &str, bytes: usize, until: Mono) {
        let mut inner = self.lock();
        inner.held.add(topic, bytes, until);
        inner.poses.drop_long(topic, bytes);
    }

    /// Whether a payload of `bytes` on `topic` is held back.
    pub(super) fn holds(&self, topic: &str, bytes: usize) -> bool {
        self.lock().held.holds(topic, bytes)
    }

    /// Counts a message of the spool that is dropped because the broker rejects it.
    pub(super) fn rejected(&self) {
        self.lock().durable.rejected += 1;
    }

    /// Marks all retained values to be sent again.
    pub(super) fn republish(&self) {
        self.lock().retained.all_due();
        self.wake.notify_one();
    }

    /// The broker has accepted a connection. Returns its number, from 1.
    pub(super) fn connected(&self, now: Mono) -> u64 {
        let mut inner = self.lock();
        inner.held.expire(now);
        inner.connected = true;
        inner.connections += 1;
        inner.connections
    }

    /// Number of the last connection.
    pub(super) fn connection(&self) -> u64 {
        self.lock().connections
    }

    /// The connection is lost. Drops waiting poses, which would be old, and marks retained values
    /// to be sent again, because the broker may have lost its memory.
    pub(super) fn disconnected(&self) {
        let mut inner = self.lock();
        inner.connected = false;
        inner.announced = false;
        inner.held_up = false;
        inner.poses.offline();
        inner.retained.all_due();
        inner.durable.clear();
    }

    pub(super) fn stats(&self) -> Stats {
        let inner = self.lock();
        Stats {
            connected: inner.connected,
            reconnects: inner.connections.saturating_sub(1),
            published: inner.poses.published(),
            dropped: inner.poses.dropped_in_all(),
            waiting: inner.poses.waiting(),
            held_up: inner.held_up,
            rejected: inner.durable.rejected,
        }
    }

    pub(super) fn dropped(&self, camera: &str) -> Unsent {
        self.lock().poses.dropped(camera)
    }

    pub(super) fn stop(&self, by: Mono) {
        self.lock().stop_by = Some(by);
        self.stop.notify_one();
        self.wake.notify_one();
    }

    /// Waits for [`Outbox::stop`]; returns its deadline. Only one task may wait.
    pub(super) async fn stopping(&self) -> Mono {
        loop {
            if let Some(by) = self.lock().stop_by {
                return by;
            }
            self.stop.notified().await;
        }
    }
}

impl Outlet for Outbox {
    fn offer(&self, connection: u64, seq: u64, topic: &str, payload: &[u8]) -> bool {
        let mut inner = self.lock();
        if !inner.connected || inner.connections != connection {
            return false;
        }
        inner.durable.add(seq, topic, payload);
        drop(inner);
        self.wake.notify_one();
        true
    }
}
