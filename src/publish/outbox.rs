//! Messages that wait to be sent. Callers never wait for the thread that sends them.

#[cfg(test)]
mod tests;

use crate::clock::Mono;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Counts of messages that were not handed to a connection, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Unsent {
    /// There was no connection.
    pub offline: u64,
    /// The connection was slower than the camera; the oldest message was dropped.
    pub overflow: u64,
    /// The payload was longer than [`super::LONGEST_PAYLOAD_BYTES`].
    pub too_long: u64,
    /// The camera was stopped while the message waited.
    pub stopped: u64,
}

impl Unsent {
    /// The sum of all reasons.
    pub fn total(&self) -> u64 {
        self.offline + self.overflow + self.too_long + self.stopped
    }
}

/// Counters of a publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Whether there is a connection that the broker has accepted.
    pub connected: bool,
    /// Connections after the first one.
    pub reconnects: u64,
    /// Pose messages handed to a connection; QoS 0 guarantees no more.
    pub published: u64,
    /// Pose messages that were not.
    pub dropped: Unsent,
    /// Pose messages that wait.
    pub waiting: usize,
}

/// One message to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    /// `true`: QoS 1, retained. `false`: QoS 0, not retained.
    pub retained: bool,
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

/// Pose messages of one camera.
#[derive(Debug)]
struct Queue {
    camera: String,
    topic: String,
    waiting: VecDeque<Vec<u8>>,
    dropped: Unsent,
}

#[derive(Debug)]
struct Retained {
    topic: String,
    payload: Vec<u8>,
    /// Not yet sent on this connection.
    due: bool,
}

#[derive(Debug, Default)]
struct Inner {
    connections: u64,
    connected: bool,
    announced: bool,
    /// Deadline of the disconnect, once the publisher is stopped.
    stop_by: Option<Mono>,
    published: u64,
    queues: Vec<Queue>,
    /// Index of the queue to look at first: cameras take turns.
    turn: usize,
    retained: Vec<Retained>,
    /// Buffers of sent messages, for the next ones. Callers allocate only until the queues have
    /// been full once.
    spare: Vec<Vec<u8>>,
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
        let Inner { queues, spare, connected, stop_by, .. } = &mut *inner;
        let index = queues.iter().position(|queue| queue.camera == camera).unwrap_or_else(|| {
            queues.push(Queue {
                camera: camera.to_owned(),
                topic: topic(),
                waiting: VecDeque::with_capacity(self.capacity),
                dropped: Unsent::default(),
            });
            queues.len() - 1
        });
        let Some(queue) = queues.get_mut(index) else { return };
        if payload.len() > super::LONGEST_PAYLOAD_BYTES {
            queue.dropped.too_long += 1;
            return;
        }
        if !*connected || stop_by.is_some() {
            queue.dropped.offline += 1;
            return;
        }
        let oldest = if queue.waiting.len() >= self.capacity { queue.waiting.pop_front() } else { None };
        queue.dropped.overflow += u64::from(oldest.is_some());
        let mut buffer = oldest.or_else(|| spare.pop()).unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(payload);
        queue.waiting.push_back(buffer);
        drop(inner);
        self.wake.notify_one();
    }

    pub(super) fn discard(&self, camera: &str) {
        let mut inner = self.lock();
        let Inner { queues, spare, .. } = &mut *inner;
        if let Some(queue) = queues.iter_mut().find(|queue| queue.camera == camera) {
            queue.dropped.stopped += queue.waiting.len() as u64;
            spare.extend(queue.waiting.drain(..));
        }
    }

    pub(super) fn retain(&self, topic: &str, payload: &[u8]) {
        if payload.len() > super::LONGEST_PAYLOAD_BYTES {
            tracing::error!("{topic}: not published: {} bytes are too long", payload.len());
            return;
        }
        let mut inner = self.lock();
        match inner.retained.iter_mut().find(|kept| kept.topic == topic) {
            Some(kept) if kept.payload == payload => return,
            Some(kept) => {
                payload.clone_into(&mut kept.payload);
                kept.due = true;
            }
            None => inner.retained.push(Retained { topic: topic.into(), payload: payload.into(), due: true }),
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// What to do next. `room`: whether one more QoS 1 message may be unacknowledged.
    pub(super) fn next(&self, room: bool) -> Next {
        let mut inner = self.lock();
        let is_due = inner.retained.iter().any(|kept| kept.due);
        if room {
            if let Some(kept) = inner.retained.iter_mut().find(|kept| kept.due) {
                kept.due = false;
                let (topic, payload) = (kept.topic.clone(), kept.payload.clone());
                return Next::Send(Message { topic, payload, retained: true });
            }
            if !inner.announced && inner.stop_by.is_none() {
                inner.announced = true;
                return Next::Announce;
            }
        }
        if inner.stop_by.is_some() {
            return if is_due { Next::Wait } else { Next::Stop };
        }
        inner.next_poses().map_or(Next::Wait, Next::Send)
    }

    /// The broker has accepted a connection.
    pub(super) fn connected(&self) {
        let mut inner = self.lock();
        inner.connected = true;
        inner.connections += 1;
    }

    /// The connection is lost. Drops waiting poses, which would be old, and marks retained values to
    /// be sent again, because the broker may have lost its memory.
    pub(super) fn disconnected(&self) {
        let mut inner = self.lock();
        inner.connected = false;
        inner.announced = false;
        let Inner { queues, spare, retained, .. } = &mut *inner;
        for queue in queues {
            queue.dropped.offline += queue.waiting.len() as u64;
            spare.extend(queue.waiting.drain(..));
        }
        for kept in retained {
            kept.due = true;
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let inner = self.lock();
        let mut stats = Stats {
            connected: inner.connected,
            reconnects: inner.connections.saturating_sub(1),
            published: inner.published,
            ..Stats::default()
        };
        for queue in &inner.queues {
            stats.dropped.offline += queue.dropped.offline;
            stats.dropped.overflow += queue.dropped.overflow;
            stats.dropped.too_long += queue.dropped.too_long;
            stats.dropped.stopped += queue.dropped.stopped;
            stats.waiting += queue.waiting.len();
        }
        stats
    }

    pub(super) fn dropped(&self, camera: &str) -> Unsent {
        let inner = self.lock();
        inner
            .queues
            .iter()
            .find(|queue| queue.camera == camera)
            .map(|queue| queue.dropped)
            .unwrap_or_default()
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

impl Inner {
    /// The oldest message of the camera that is next in turn.
    fn next_poses(&mut self) -> Option<Message> {
        let count = self.queues.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            let Some(queue) = self.queues.get_mut(index) else { continue };
            let Some(buffer) = queue.waiting.pop_front() else { continue };
            let message =
                Message { topic: queue.topic.clone(), payload: buffer.as_slice().to_vec(), retained: false };
            self.spare.push(buffer);
            self.turn = (index + 1) % count;
            self.published += 1;
            return Some(message);
        }
        None
    }
}
