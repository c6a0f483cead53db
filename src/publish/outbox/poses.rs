//! A short queue of pose messages for each camera. The oldest are dropped; cameras take turns.

use super::{Message, Tag};
use std::collections::VecDeque;

/// Counts of messages that were not handed to a connection, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Unsent {
    /// There was no connection.
    pub offline: u64,
    /// The connection was slower than the camera; the oldest message was dropped.
    pub overflow: u64,
    /// The payload was longer than [`crate::publish::LONGEST_PAYLOAD_BYTES`], or than what the
    /// broker takes.
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

/// Pose messages of one camera.
#[derive(Debug)]
pub(super) struct Queue {
    camera: String,
    topic: String,
    waiting: VecDeque<Vec<u8>>,
    dropped: Unsent,
}

impl Queue {
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }
}

/// The queues of all cameras.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: Vec<Queue>,
    /// Index of the queue to look at first.
    turn: usize,
    published: u64,
    /// Buffers of sent messages, for the next ones. Callers allocate only until the queues have
    /// been full once.
    spare: Vec<Vec<u8>>,
}

impl Queues {
    /// The queue of `camera`, made with `topic` if it is new.
    pub(super) fn of(&mut self, camera: &str, topic: impl FnOnce() -> String) -> &mut Queue {
        let found = self.queues.iter().position(|queue| queue.camera == camera);
        let index = found.unwrap_or_else(|| {
            self.queues.push(Queue {
                camera: camera.to_owned(),
                topic: topic(),
                waiting: VecDeque::new(),
                dropped: Unsent::default(),
            });
            self.queues.len() - 1
        });
        &mut self.queues[index]
    }

    /// Queues a message of `camera`, or counts why not. `open`: there is a connection. `fits`: the
    /// broker takes a message of this length.
    pub(super) fn add(
        &mut self,
        camera: &str,
        payload: &[u8],
        open: bool,
        fits: bool,
        capacity: usize,
    ) -> bool {
        let Queues { queues, spare, .. } = self;
        let Some(queue) = queues.iter_mut().find(|queue| queue.camera == camera) else { return false };
        if !fits {
            queue.dropped.too_long += 1;
            return false;
        }
        if !open {
            queue.dropped.offline += 1;
            return false;
        }
        let oldest = if queue.waiting.len() >= capacity { queue.waiting.pop_front() } else { None };
        queue.dropped.overflow += u64::from(oldest.is_some());
        let mut buffer = oldest.or_else(|| spare.pop()).unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(payload);
        queue.waiting.push_back(buffer);
        true
    }

    /// The oldest message of the camera that is next in turn.
    pub(super) fn next(&mut self) -> Option<Message> {
        let count = self.queues.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            let Some(queue) = self.queues.get_mut(index) else { continue };
            let Some(buffer) = queue.waiting.pop_front() else { continue };
            let (topic, payload) = (queue.topic.clone(), buffer.as_slice().to_vec());
            self.spare.push(buffer);
            self.turn = (index + 1) % count;
            self.published += 1;
            return Some(Message { topic, payload, tag: Tag::Poses });
        }
        None
    }

    /// Drops the waiting messages of `camera`, which has stopped.
    pub(super) fn discard(&mut self, camera: &str) {
        let Queues { queues, spare, .. } = self;
        for queue in queues.iter_mut().filter(|queue| queue.camera == camera) {
            queue.dropped.stopped += queue.waiting.len() as u64;
            spare.extend(queue.waiting.drain(..));
        }
    }

    /// Drops all waiting messages: the connection is lost.
    pub(super) fn offline(&mut self) {
        let Queues { queues, spare, .. } = self;
        for queue in queues {
            queue.dropped.offline += queue.waiting.len() as u64;
            spare.extend(queue.waiting.drain(..));
        }
    }

    /// Drops waiting messages on `topic` of `bytes` or more: the broker does not take them.
    pub(super) fn drop_long(&mut self, topic: &str, bytes: usize) {
        for queue in self.queues.iter_mut().filter(|queue| queue.topic == topic) {
            let before = queue.waiting.len();
            queue.waiting.retain(|payload| payload.len() < bytes);
            queue.dropped.too_long += (before - queue.waiting.len()) as u64;
        }
    }

    /// Messages of `camera` that were not sent.
    pub(super) fn dropped(&self, camera: &str) -> Unsent {
        let queue = self.queues.iter().find(|queue| queue.camera == camera);
        queue.map(|queue| queue.dropped).unwrap_or_default()
    }

    /// Messages of all cameras that were not sent.
    pub(super) fn dropped_in_all(&self) -> Unsent {
        self.queues.iter().fold(Unsent::default(), |sum, queue| Unsent {
            offline: sum.offline + queue.dropped.offline,
            overflow: sum.overflow + queue.dropped.overflow,
            too_long: sum.too_long + queue.dropped.too_long,
            stopped: sum.stopped + queue.dropped.stopped,
        })
    }

    pub(super) fn published(&self) -> u64 {
        self.published
    }

    pub(super) fn waiting(&self) -> usize {
        self.queues.iter().map(|queue| queue.waiting.len()).sum()
    }
}
