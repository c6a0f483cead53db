//! What the events of a run must add up to.
//!
//! An event's id holds a number that counts up within a session, so a missing event leaves a gap.

use crate::common::Subscriber;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Numbers of the ids in a session of events.
type Sessions = BTreeMap<u64, BTreeSet<u64>>;

/// All events that the subscribers heard, in the order in which they came. QoS 1 may deliver an
/// event twice: copies are left out.
pub fn events(heard: &[Subscriber]) -> Vec<Value> {
    let messages = heard.iter().flat_map(Subscriber::messages);
    let events = messages.filter(|m| m.topic.ends_with("/events") && !m.retained);
    let mut seen = BTreeSet::new();
    let first = events.filter(|m| seen.insert(m.payload.clone()));
    first.map(|m| serde_json::from_slice(&m.payload).expect("payloads are JSON")).collect()
}

/// None is missing and none came under two ids; what is `ended` or `left` had begun.
pub fn is_complete(events: &[Value]) -> Result<(), String> {
    let mut sessions = Sessions::new();
    let (mut ids, mut begun) = (BTreeMap::new(), BTreeSet::new());
    for event in events {
        let (id, state) = (word(event, "id"), word(event, "state"));
        let (number, session) = parts(id);
        sessions.entry(session).or_default().insert(number);
        let same: Vec<_> = ["camera", "type", "state", "person", "zone", "line", "at"]
            .iter()
            .map(|key| event[*key].to_string())
            .collect();
        if let Some(other) = ids.insert(same, id).filter(|other| *other != id) {
            return Err(format!("one event under two ids, {other} and {event}"));
        }
        match state {
            "ended" | "left" if !begun.contains(id) => return Err(format!("its begin is missing: {event}")),
            _ => begun.insert(id),
        };
    }
    for (session, numbers) in &sessions {
        // The subscriber has heard the session from its first event on.
        let missing: Vec<_> = (0..=*numbers.last().unwrap()).filter(|n| !numbers.contains(n)).collect();
        if !missing.is_empty() {
            return Err(format!("events {missing:?} of session {session:x} are missing"));
        }
    }
    alternates(events)
}

/// Of one place, something starts only after it has ended.
fn alternates(events: &[Value]) -> Result<(), String> {
    let mut open = BTreeMap::new();
    for event in events {
        if !["presence", "occupancy"].contains(&word(event, "type")) {
            continue;
        }
        let place = (event["camera"].to_string(), word(event, "type"), event["zone"].to_string());
        let before = match word(event, "state") {
            "started" => open.insert(place, word(event, "id")),
            _ => open.remove(&place).filter(|id| *id != word(event, "id")),
        };
        if let Some(before) = before {
            return Err(format!("the end of {before} is missing before {event}"));
        }
    }
    Ok(())
}

fn word<'v>(event: &'v Value, key: &str) -> &'v str {
    event[key].as_str().unwrap_or_else(|| panic!("{key} in {event}"))
}

/// Number and session of an id: 48 bits of time, 32 of the number, 48 of the session.
fn parts(id: &str) -> (u64, u64) {
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |c| DIGITS.find(c).unwrap_or_else(|| panic!("an id: {id}")) as u128;
    let bits = id.chars().fold(0u128, |bits, c| bits << 5 | digit(c));
    ((bits >> 48) as u64 & 0xffff_ffff, bits as u64 & 0xffff_ffff_ffff)
}

#[test]
fn a_missing_event_and_a_second_id_are_noticed() {
    // Ids of one session, with the numbers 0 to 2.
    let event = |number: usize, state: &str| {
        let id = format!("01M8KAPSSM000000{}YSM0HSBAT", ["3", "B", "K"][number]);
        serde_json::json!({
            "id": id, "state": state, "type": "presence", "camera": "hall", "person": null, "zone": null,
            "line": null, "at": format!("{number} {state}"),
        })
    };
    let whole =
        [event(0, "started"), event(0, "ended"), event(1, "started"), event(1, "ended"), event(2, "started")];
    assert_eq!(is_complete(&whole), Ok(()));
    for gone in 0..whole.len() - 1 {
        let mut some = whole.to_vec();
        some.remove(gone);
        assert!(is_complete(&some).is_err(), "without {gone}");
    }
    let mut twin = event(1, "started");
    twin["at"] = whole[0]["at"].clone();
    assert!(is_complete(&[event(0, "started"), twin]).unwrap_err().contains("two ids"));
}
