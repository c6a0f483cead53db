//! Proves once, after the start, that what is published arrives: the connection subscribes to its
//! own topics and hears its own messages. A broker whose access list forbids a topic drops the
//! messages on it without a word.

use crate::clock::Mono;
use crate::publish::topics::Topics;
use std::cell::RefCell;
use std::time::Duration;

/// A message that is not heard after this long has not arrived.
const WITHIN: Duration = Duration::from_secs(5);
/// Topics that are used later than this after the connection are not proved.
const LISTEN: Duration = Duration::from_secs(60);
/// Most topics that are proved: enough for some cameras, and no load for a broker.
const MOST: usize = 24;

/// Which of our messages were heard.
#[derive(Debug, Default)]
pub(super) struct Proof(RefCell<Inner>);

#[derive(Debug, Default)]
struct Inner {
    over: bool,
    topics: Vec<Topic>,
    /// When the last connection began.
    began: Option<Mono>,
}

#[derive(Debug)]
struct Topic {
    name: String,
    /// Length of the first message on it.
    bytes: usize,
    /// When the first message on it was sent.
    sent: Mono,
    heard: bool,
    /// Subscribed to, or reported.
    open: bool,
}

/// What there is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Topics to unsubscribe from.
    pub close: Vec<String>,
    /// Topics whose messages did not arrive.
    pub unheard: Vec<String>,
    /// Length of the longest of them, in bytes.
    pub longest: usize,
    /// Some message was heard, so this user may read.
    pub any_heard: bool,
}

impl Proof {
    /// A new connection, without subscriptions.
    pub(super) fn connected(&self, now: Mono) {
        let mut inner = self.0.borrow_mut();
        inner.began = Some(now);
        inner.topics.retain(|topic| topic.heard || !topic.open);
        inner.topics.iter_mut().for_each(|topic| topic.open = false);
    }

    /// Whether to subscribe to `topic` before a message is sent on it.
    pub(super) fn wants(&self, name: &str, bytes: usize, topics: &Topics, now: Mono) -> bool {
        let mut inner = self.0.borrow_mut();
        if inner.over || topics.below(name).is_none() || inner.topics.iter().any(|topic| topic.name == name) {
            return false;
        }
        if inner.topics.len() >= MOST {
            return false;
        }
        inner.topics.push(Topic { name: name.to_owned(), bytes, sent: now, heard: false, open: true });
        true
    }

    /// A message arrived. A retained one may be from an earlier run.
    pub(super) fn heard(&self, name: &str, retained: bool) {
        let mut inner = self.0.borrow_mut();
        if inner.over || retained {
            return;
        }
        if let Some(topic) = inner.topics.iter_mut().find(|topic| topic.name == name) {
            topic.heard = true;
        }
    }

    /// What is heard, and what should be by now. Each topic is returned once.
    pub(super) fn look(&self, now: Mono) -> Findings {
        let mut inner = self.0.borrow_mut();
        let mut found =
            Findings { any_heard: inner.topics.iter().any(|topic| topic.heard), ..Findings::default() };
        let age = |topic: &Topic| now.since(topic.sent);
        // One report for all that were sent at about the same time.
        let is_time = inner.topics.iter().any(|topic| topic.open && !topic.heard && age(topic) >= WITHIN);
        for topic in inner.topics.iter_mut().filter(|topic| topic.open) {
            let is_late = is_time && !topic.heard && age(topic) >= WITHIN / 2;
            if topic.heard || is_late {
                topic.open = false;
                found.close.push(topic.name.clone());
            }
            if is_late {
                found.unheard.push(topic.name.clone());
                found.longest = found.longest.max(topic.bytes);
            }
        }
        let open = inner.topics.iter().any(|topic| topic.open);
        if !open && inner.began.is_some_and(|began| now.since(began) >= LISTEN) {
            inner.over = true;
        }
        found
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.borrow().over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn each_topic_is_proved_once_and_what_is_not_heard_is_reported_once() {
        let (proof, topics) = (Proof::default(), Topics::new("posed"));
        let at = |seconds| Mono::default() + seconds * S;
        proof.connected(at(0));
        assert!(
            proof.wants("posed/a/poses", 9, &topics, at(0))
                && !proof.wants("posed/a/poses", 9, &topics, at(0))
        );
        assert!(
            proof.wants("posed/availability", 9, &topics, at(0))
                && proof.wants("posed/a/state", 9, &topics, at(4))
        );
        assert!(!proof.wants("homeassistant/x", 9, &topics, at(0)), "not ours to listen to");
        proof.heard("posed/availability", true);
        proof.heard("posed/a/poses", false);
        let found = proof.look(at(1));
        assert_eq!((found.close, found.any_heard), (vec!["posed/a/poses".to_owned()], true));
        assert_eq!(proof.look(at(5)).unheard, ["posed/availability"]);

        // The state was not heard yet: the next connection asks for it again.
        proof.connected(at(6));
        assert!(
            !proof.wants("posed/a/poses", 9, &topics, at(6))
                && proof.wants("posed/a/state", 9, &topics, at(6))
        );
        proof.heard("posed/a/state", false);
        assert_eq!(proof.look(at(66)).unheard, Vec::<String>::new());
        assert!(proof.is_over() && !proof.wants("posed/b/state", 9, &topics, at(66)));
    }
}
