//! The last value of each retained topic. All are sent at every connection, because a broker may
//! lose its memory.

use super::held::Held;
use super::{Message, Tag};

#[derive(Debug)]
struct Retained {
    topic: String,
    payload: Vec<u8>,
    /// Not yet sent on this connection.
    due: bool,
}

/// Retained values, in the order in which their topics came.
#[derive(Debug, Default)]
pub(super) struct RetainedValues(Vec<Retained>);

impl RetainedValues {
    /// Sets the value of `topic`. Returns whether it is new.
    pub(super) fn set(&mut self, topic: &str, payload: &[u8]) -> bool {
        match self.0.iter_mut().find(|kept| kept.topic == topic) {
            Some(kept) if kept.payload == payload => return false,
            Some(kept) => {
                payload.clone_into(&mut kept.payload);
                kept.due = true;
            }
            None => self.0.push(Retained { topic: topic.into(), payload: payload.into(), due: true }),
        }
        true
    }

    /// Forgets `topic` if its value is still empty: the broker has cleared it.
    pub(super) fn forget(&mut self, topic: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|kept| kept.topic != topic || !kept.payload.is_empty());
        self.0.len() < before
    }

    /// The next value to send, unless the broker rejects it.
    pub(super) fn next_due(&mut self, held: &Held) -> Option<Message> {
        let kept = self.0.iter_mut().find(|kept| kept.is_due(held))?;
        kept.due = false;
        Some(Message { topic: kept.topic.clone(), payload: kept.payload.clone(), tag: Tag::Retained })
    }

    pub(super) fn has_due(&self, held: &Held) -> bool {
        self.0.iter().any(|kept| kept.is_due(held))
    }

    /// A new connection: everything is sent again.
    pub(super) fn all_due(&mut self) {
        self.0.iter_mut().for_each(|kept| kept.due = true);
    }
}

impl Retained {
    fn is_due(&self, held: &Held) -> bool {
        self.due && !held.holds(&self.topic, self.payload.len())
    }
}
