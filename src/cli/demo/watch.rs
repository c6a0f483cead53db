//! Watches the demo's messages as a subscriber.

use crate::clock::SystemClock;
use crate::publish::Subscriber;
use crate::telemetry::stats::Histogram;
use serde_json::Value;
use std::io::{self, Write};
use std::time::Duration;

/// Totals of the received messages.
#[derive(Default)]
pub struct Seen {
    pub messages: u64,
    pub poses: u64,
    pub most: usize,
    pub ages: Histogram,
}

/// Counts messages for `length` and prints a line every second.
pub fn watch(subscriber: &Subscriber, length: Duration, out: &mut impl Write) -> io::Result<Seen> {
    let clock = SystemClock::shared();
    let (end, mut seen) = (clock.now() + length, Seen::default());
    let (mut next, mut second) = (clock.now() + Duration::from_secs(1), Seen::default());
    let mut last = None;
    while clock.now() < end {
        let payload = subscriber.receive(next.since(clock.now()));
        if let Some(message) = payload.and_then(|payload| serde_json::from_slice::<Value>(&payload).ok()) {
            seen.count(&message);
            second.count(&message);
            last = Some(message);
        }
        if clock.now() >= next {
            next = next + Duration::from_secs(1);
            print_second(std::mem::take(&mut second), last.take(), out)?;
        }
    }
    Ok(seen)
}

impl Seen {
    fn count(&mut self, message: &Value) {
        let people = message["people"].as_array().map_or(0, Vec::len);
        self.messages += 1;
        self.poses += people as u64;
        self.most = self.most.max(people);
        self.ages.add(Duration::from_secs_f64(message["age_ms"].as_f64().unwrap_or(0.0).max(0.0) / 1e3));
    }
}

fn print_second(mut second: Seen, last: Option<Value>, out: &mut impl Write) -> io::Result<()> {
    let age = second.ages.take().unwrap_or_default();
    write!(
        out,
        "{:>3} messages/s, {:>3} poses, age p50 {:.0} ms p99 {:.0} ms",
        second.messages, second.poses, age.p50_ms, age.p99_ms
    )?;
    for person in last.iter().flat_map(|m| m["people"].as_array()).flatten() {
        let nose = &person["keypoints"]["nose"];
        write!(out, " | id {} score {} nose ({}, {})", person["id"], person["score"], nose[0], nose[1])?;
    }
    writeln!(out)
}
