//! Messages that the broker answers by closing the connection. They are held back, so that the
//! others get through.

use crate::clock::Mono;

/// Most topics that are held back. More would mean that the broker takes nothing.
const MOST: usize = 64;

/// Topics, each with the shortest payload that the broker rejected there.
#[derive(Debug, Default)]
pub(super) struct Held(Vec<HeldTopic>);

#[derive(Debug)]
struct HeldTopic {
    topic: String,
    bytes: usize,
    until: Mono,
}

impl Held {
    /// Holds back payloads on `topic` of `bytes` or more. They are tried again at the first
    /// connection after `until`: the broker may have another limit by then.
    pub(super) fn add(&mut self, topic: &str, bytes: usize, until: Mono) {
        let is_full = self.0.len() >= MOST;
        match self.0.iter_mut().find(|held| held.topic == topic) {
            Some(held) => (held.bytes, held.until) = (held.bytes.min(bytes), until),
            None if !is_full => {
                self.0.push(HeldTopic { topic: topic.to_owned(), bytes, until });
            }
            None => {}
        }
    }

    /// Whether a payload of `bytes` on `topic` is held back.
    pub(super) fn holds(&self, topic: &str, bytes: usize) -> bool {
        self.0.iter().any(|held| held.topic == topic && bytes >= held.bytes)
    }

    /// Releases what was held back until before `now`.
    pub(super) fn expire(&mut self, now: Mono) {
        self.0.retain(|held| held.until > now);
    }
}
