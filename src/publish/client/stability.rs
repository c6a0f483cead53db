//! What is made of connections that end soon after the broker has accepted them.
//!
//! Two things end each new connection: another client with our id, and a message that the broker
//! rejects (too large, retained, or on a forbidden topic: MQTT 3.1.1 has no answer but to hang up).
//! To tell which, the next connection is *careful*: each message waits until the one before it is
//! acknowledged. A message that ends two connections in a row is the cause.

use super::in_flight::Sent;
use crate::clock::Mono;
use std::time::Duration;

/// How long connections stay careful after the last suspicious end.
const CAREFUL: Duration = Duration::from_secs(300);
/// Two ends within this time are suspicious, even if the connections lasted.
const SUSPICIOUS: Duration = Duration::from_secs(600);
/// This many connections in a row that do not last are named as what they are.
pub(super) const FLAPPING: u32 = 3;

/// How an accepted connection ended.
pub(super) struct Loss {
    /// When the broker accepted it.
    pub since: Mono,
    pub now: Mono,
    /// The broker ended it.
    pub closed: bool,
    /// It was careful.
    pub careful: bool,
    /// The oldest message that was not acknowledged.
    pub oldest: Option<Sent>,
}

/// What is known of the last connections.
#[derive(Debug)]
pub(super) struct Stability {
    /// A connection that lasts this long is stable.
    stable: Duration,
    short: u32,
    closed_at: Option<Mono>,
    careful_until: Option<Mono>,
    /// The message that ended the last careful connection.
    suspect: Option<Sent>,
}

impl Stability {
    pub(super) fn new(stable: Duration) -> Stability {
        Stability { stable, short: 0, closed_at: None, careful_until: None, suspect: None }
    }

    /// How many connections in a row did not last.
    pub(super) fn short(&self) -> u32 {
        self.short
    }

    /// Whether the next connection sends one message at a time.
    pub(super) fn is_careful(&self, now: Mono) -> bool {
        self.careful_until.is_some_and(|until| now < until)
    }

    /// How long a new connection must last before `online` is published. Otherwise availability
    /// flaps with the connections.
    pub(super) fn announce_after(&self) -> Duration {
        match self.short {
            0 => Duration::ZERO,
            1 => self.stable / 10,
            _ => self.stable,
        }
    }

    /// The connection has lasted. Returns whether those before it did not.
    pub(super) fn lasted(&mut self) -> bool {
        std::mem::take(&mut self.short) > 0
    }

    /// A connection ended. Returns the message that the broker rejects, if it is found.
    pub(super) fn lost(&mut self, loss: &Loss) -> Option<Sent> {
        let is_short = loss.now.since(loss.since) < self.stable;
        self.short = if is_short { self.short + 1 } else { 0 };
        if !loss.closed {
            self.suspect = None;
            return None;
        }
        let again = self.closed_at.is_some_and(|before| loss.now.since(before) < SUSPICIOUS);
        self.closed_at = Some(loss.now);
        if is_short || again {
            self.careful_until = Some(loss.now + CAREFUL);
        }
        let suspect = loss.oldest.clone().filter(|_| loss.careful);
        let before = std::mem::replace(&mut self.suspect, suspect);
        let is_same = |a: &Sent, b: &Sent| a.topic == b.topic && a.tag == b.tag;
        let cause = self.suspect.take_if(|now| before.is_some_and(|before| is_same(&before, now)));
        if cause.is_some() {
            // The next connection has a reason to last.
            self.short = 0;
        }
        cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::outbox::Tag;

    const S: Duration = Duration::from_secs(1);

    /// Ends connections of `lasted` seconds with `oldest` unacknowledged, ten seconds apart.
    struct Ends(Stability, Mono);

    impl Ends {
        fn end(&mut self, lasted: u32, closed: bool, oldest: Option<&str>) -> Option<Sent> {
            let since = self.1 + 10 * S;
            self.1 = since + lasted * S;
            let careful = self.0.is_careful(since);
            let oldest = oldest.map(|topic| Sent {
                topic: topic.into(),
                bytes: 7000,
                tag: Tag::Retained,
                acknowledged: true,
            });
            self.0.lost(&Loss { since, now: self.1, closed, careful, oldest })
        }
    }

    fn ends() -> Ends {
        Ends(Stability::new(20 * S), Mono::default())
    }

    #[test]
    fn a_message_that_ends_two_careful_connections_is_the_cause() {
        let mut ends = ends();
        assert_eq!(ends.end(0, true, Some("other")), None, "not careful, so any message may be it");
        assert_eq!(ends.end(0, true, Some("schema")), None);
        assert_eq!(ends.end(0, true, Some("schema")).unwrap().topic, "schema");
        assert_eq!(ends.0.short(), 0);
        assert_eq!(ends.end(0, true, Some("schema")), None, "a later one needs two ends again");
    }

    #[test]
    fn ends_that_hit_different_messages_or_none_accuse_no_message() {
        let mut ends = ends();
        for oldest in [Some("a"), Some("a"), Some("b"), None, Some("a"), Some("b")] {
            assert_eq!(ends.end(0, true, oldest), None);
        }
        assert_eq!((ends.0.short(), ends.0.announce_after()), (6, 20 * S));
        assert!(ends.0.lasted() && !ends.0.lasted());
        assert_eq!(ends.0.announce_after(), Duration::ZERO);
    }

    #[test]
    fn a_broker_that_restarts_now_and_then_changes_nothing() {
        let mut ends = ends();
        for _ in 0..5 {
            assert_eq!(ends.end(1000, true, Some("a")), None);
            assert!(!ends.0.is_careful(ends.1) && ends.0.short() == 0);
        }
        // A crowd comes every minute, and its message is too large.
        ends.end(60, true, Some("poses"));
        assert!(ends.0.is_careful(ends.1));
        assert_eq!(ends.end(60, true, Some("poses")), None);
        assert_eq!(ends.end(60, true, Some("poses")).unwrap().topic, "poses");
    }

    #[test]
    fn a_network_that_fails_accuses_nothing() {
        let mut ends = ends();
        ends.end(0, true, Some("a"));
        ends.end(0, true, Some("a"));
        assert_eq!(ends.end(0, false, Some("a")), None);
        assert_eq!(ends.end(0, true, Some("a")), None);
    }
}
