//! Ids of events: unique, also after a restart, and sorted by time.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Crockford's base 32: sorts like the numbers it stands for.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of an id.
const LENGTH: usize = 26;
/// Bits of the counter.
const COUNTER_BITS: u32 = 32;

/// An id of the form of a ULID: 48 bits of wall time in ms, 32 bits of a counter, 48 bits that tell
/// sessions apart. Ids of one session sort in the order in which they were given, whatever the wall
/// clock does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EventId(u128);

/// Text that is not an event's id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the id of an event: expected 26 digits of Crockford's base 32")]
pub struct NotAnId(String);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..LENGTH).rev().try_for_each(|place| {
            let digit = (self.0 >> (5 * place)) as usize & 31;
            f.write_str(std::str::from_utf8(&DIGITS[digit..=digit]).unwrap_or_default())
        })
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for EventId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<EventId, NotAnId> {
        let mut value = 0u128;
        for c in text.bytes() {
            let Some(digit) = DIGITS.iter().position(|&d| d == c) else { return Err(NotAnId(text)) };
            value = value << 5 | digit as u128;
        }
        // 26 digits hold 130 bits: the first must be at most 7.
        if text.len() == LENGTH && text.as_bytes()[0] < b'8' {
            Ok(EventId(value))
        } else {
            Err(NotAnId(text))
        }
    }
}

/// Source of ids. All cameras of a session share one; clones draw from the same source.
#[derive(Clone, Debug)]
pub struct EventIds {
    session: u64,
    next: Arc<Next>,
}

#[derive(Debug, Default)]
struct Next {
    counter: AtomicU64,
    latest_ms: AtomicU64,
}

impl EventIds {
    /// A source for the session with this random number.
    pub fn new(session: u64) -> EventIds {
        EventIds { session: session & 0xffff_ffff_ffff, next: Arc::default() }
    }

    /// The next id of something that starts at `wall`.
    pub fn fresh(&self, wall: SystemTime) -> EventId {
        let wall_ms = wall.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
        // The wall clock may jump back; ids must not.
        let before = self.next.latest_ms.fetch_max(wall_ms, Ordering::Relaxed);
        let ms = u128::from(before.max(wall_ms) & 0xffff_ffff_ffff);
        let counter =
            u128::from(self.next.counter.fetch_add(1, Ordering::Relaxed) & ((1 << COUNTER_BITS) - 1));
        EventId(ms << 80 | counter << 48 | u128::from(self.session))
    }
}
