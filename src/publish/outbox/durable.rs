//! Messages of the spool that this connection has to send.

use super::{Message, Tag};
use std::collections::VecDeque;

/// The spool hands out only a few messages before one is acknowledged,
/// so this queue is bounded.
#[derive(Debug, Default)]
pub(super) struct Durable {
    waiting: VecDeque<Message>,
    /// Messages that were dropped because the broker rejects them.
    pub rejected: u64,
}

impl Durable {
    pub(super) fn add(&mut self, seq: u64, topic: &str, payload: &[u8]) {
        self.waiting.push_back(Message {
            topic: topic.to_owned(),
            payload: payload.to_owned(),
            tag: Tag::Durable(seq),
        });
    }

    pub(super) fn next(&mut self) -> Option<Message> {
        self.waiting.pop_front()
    }

    /// The connection is lost: the spool hands the messages out again.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}
