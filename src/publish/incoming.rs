//! Subscriptions: messages of others, handed to a bounded channel.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most messages of one subscription that wait to be received; further ones are dropped and
/// counted.
const WAITING: usize = 64;

/// A message on a topic that posed has subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// The broker had it before the subscription.
    pub retained: bool,
}

/// All subscriptions. They are made again at every connection.
#[derive(Debug, Default)]
pub(super) struct Router {
    subscriptions: Mutex<Vec<Subscription>>,
    dropped: AtomicU64,
}

#[derive(Debug)]
struct Subscription {
    filter: String,
    send: SyncSender<Incoming>,
    /// Not yet made on this connection.
    due: bool,
}

impl Router {
    fn lock(&self) -> MutexGuard<'_, Vec<Subscription>> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds subscriptions to `filters`; their messages arrive at one receiver.
    pub(super) fn subscribe(&self, filters: &[String]) -> Receiver<Incoming> {
        let (send, receive) = sync_channel(WAITING);
        let new = filters.iter().map(|filter| Subscription {
            filter: filter.clone(),
            send: send.clone(),
            due: true,
        });
        self.lock().extend(new);
        receive
    }

    /// The next filter to subscribe to on this connection.
    pub(super) fn next_due(&self) -> Option<String> {
        let mut subscriptions = self.lock();
        let next = subscriptions.iter_mut().find(|subscription| subscription.due)?;
        next.due = false;
        Some(next.filter.clone())
    }

    /// The connection is lost: a clean session has no subscriptions.
    pub(super) fn disconnected(&self) {
        self.lock().iter_mut().for_each(|subscription| subscription.due = true);
    }

    /// Ends all subscriptions: a message arrived that is too long to be read, and may be retained.
    pub(super) fn end(&self) {
        self.lock().clear();
    }

    /// Hands a message to every receiver whose filter matches, without waiting for it.
    pub(super) fn route(&self, topic: &str, payload: &[u8], retained: bool) {
        for subscription in self.lock().iter() {
            if !matches(topic, &subscription.filter) {
                continue;
            }
            let message = Incoming { topic: topic.to_owned(), payload: payload.to_vec(), retained };
            if subscription.send.try_send(message).is_err() {
                let dropped = 1 + self.dropped.fetch_add(1, Ordering::Relaxed);
                if dropped.is_power_of_two() {
                    tracing::warn!("{topic}: dropped, {dropped} messages so far: they come too fast");
                }
            }
        }
    }

    /// Messages that were dropped because they came too fast.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Whether `topic` matches `filter`, which may hold `+` and `#`. rumqttc's own function panics on a
/// topic that begins with a letter outside of ASCII.
fn matches(topic: &str, filter: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_level_by_level() {
        for (topic, filter, want) in [
            ("a/b/set", "a/+/set", true),
            ("a/b/c/set", "a/+/set", false),
            ("a/b", "a/b/set", false),
            ("a/b/c", "a/#", true),
            ("ü/b", "+/b", true),
            ("ü/b", "a/b", false),
        ] {
            assert_eq!(matches(topic, filter), want, "{topic} {filter}");
        }
    }

    #[test]
    fn messages_reach_the_receivers_whose_filter_matches() {
        let router = Router::default();
        let commands = router.subscribe(&["posed/+/enabled/set".into(), "posed/+/events/set".into()]);
        let status = router.subscribe(&["homeassistant/status".into()]);
        assert_eq!(router.next_due().as_deref(), Some("posed/+/enabled/set"));
        assert_eq!(router.next_due().as_deref(), Some("posed/+/events/set"));
        assert_eq!(router.next_due().as_deref(), Some("homeassistant/status"));
        assert_eq!(router.next_due(), None);
        router.disconnected();
        assert!(router.next_due().is_some());

        router.route("posed/hall/enabled/set", b"ON", true);
        router.route("homeassistant/status", b"online", false);
        router.route("posed/hall/other/set", b"", false);
        let want = |topic: &str, payload: &[u8], retained| Incoming {
            topic: topic.into(),
            payload: payload.into(),
            retained,
        };
        assert_eq!(commands.try_iter().collect::<Vec<_>>(), [want("posed/hall/enabled/set", b"ON", true)]);
        assert_eq!(status.try_iter().collect::<Vec<_>>(), [want("homeassistant/status", b"online", false)]);
    }

    #[test]
    fn a_flood_is_dropped_and_counted() {
        let router = Router::default();
        let slow = router.subscribe(&["a".into()]);
        (0..WAITING + 5).for_each(|_| router.route("a", b"", false));
        assert_eq!((slow.try_iter().count(), router.dropped()), (WAITING, 5));
        drop(slow);
        router.route("a", b"", false);
        assert_eq!(router.dropped(), 6);
    }
}
