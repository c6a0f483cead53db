//! Messages that were handed to rumqttc and are not acknowledged.

use crate::publish::outbox::{Message, Tag};
use std::cell::RefCell;
use std::collections::VecDeque;
use tokio::sync::Notify;

/// A message without its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Empty if the message needs no acknowledgement.
    pub topic: String,
    /// Length of the payload.
    pub bytes: usize,
    pub tag: Tag,
    /// It is sent with QoS 1.
    pub acknowledged: bool,
}

/// Sender and receiver run on one thread, so no lock is needed.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    inner: RefCell<Inner>,
    /// Notified at each answer of the broker.
    pub news: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// Handed to rumqttc, which has not told their packet ids yet. It keeps the order.
    handed: VecDeque<Sent>,
    /// Written, with their packet ids.
    written: VecDeque<(u16, Sent)>,
}

impl InFlight {
    /// Call this before rumqttc gets `message`.
    pub(super) fn handed(&self, message: &Message, acknowledged: bool) {
        let topic = if acknowledged { message.topic.clone() } else { String::new() };
        let sent = Sent { topic, bytes: message.payload.len(), tag: message.tag, acknowledged };
        self.inner.borrow_mut().handed.push_back(sent);
    }

    /// rumqttc has written the next message, as packet `id`.
    pub(super) fn written(&self, id: u16) {
        let Inner { handed, written } = &mut *self.inner.borrow_mut();
        written.extend(handed.pop_front().filter(|sent| sent.acknowledged).map(|sent| (id, sent)));
    }

    /// The broker has acknowledged packet `id`.
    pub(super) fn acknowledged(&self, id: u16) -> Option<Sent> {
        let mut inner = self.inner.borrow_mut();
        let at = inner.written.iter().position(|(written, _)| *written == id)?;
        let (_, sent) = inner.written.remove(at)?;
        Some(sent)
    }

    /// Number of messages that wait for their acknowledgement.
    pub(super) fn outstanding(&self) -> u64 {
        let inner = self.inner.borrow();
        let handed = inner.handed.iter().filter(|sent| sent.acknowledged).count();
        (handed + inner.written.len()) as u64
    }

    /// The oldest of them.
    pub(super) fn oldest(&self) -> Option<Sent> {
        let inner = self.inner.borrow();
        let written = inner.written.front().map(|(_, sent)| sent);
        written.or_else(|| inner.handed.iter().find(|sent| sent.acknowledged)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, tag: Tag) -> Message {
        Message { topic: topic.into(), payload: vec![0; 3], tag }
    }

    #[test]
    fn acknowledgements_find_their_messages_in_any_order() {
        let sent = InFlight::default();
        sent.handed(&message("a", Tag::Durable(7)), true);
        sent.handed(&message("p", Tag::Poses), false);
        sent.handed(&message("b", Tag::Retained), true);
        assert_eq!(sent.outstanding(), 2);
        [1, 0, 2].into_iter().for_each(|id| sent.written(id));
        assert_eq!(sent.oldest().unwrap().topic, "a");
        assert_eq!(sent.acknowledged(2).unwrap().tag, Tag::Retained);
        assert_eq!(sent.acknowledged(2), None);
        assert_eq!(sent.acknowledged(1).unwrap().tag, Tag::Durable(7));
        assert_eq!((sent.outstanding(), sent.oldest()), (0, None));
    }
}
