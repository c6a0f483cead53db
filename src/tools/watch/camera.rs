//! What was heard of one camera.

use super::heard::{self, CameraReport, Crossed, Happening, SeenFrame, Wrong};
use crate::clock::Mono;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Most zones and lines of a camera together, as in the configuration.
const MOST_PARTS: usize = 64;
/// Events of a camera that are kept.
const MOST_EVENTS: usize = 50;
/// Time over which the rate of messages is counted.
const RATE_OVER: Duration = Duration::from_secs(2);
/// Most messages that are counted for the rate.
const MOST_RATED: usize = 512;

/// What is known of a camera.
#[derive(Debug, Default)]
pub struct WatchedCamera {
    /// Zones and lines may be heard of before their camera; it is shown once it is heard of.
    present: bool,
    /// What it says of itself.
    pub report: Option<CameraReport>,
    /// The people of its newest frame.
    pub seen: Option<SeenFrame>,
    /// When that frame was heard of.
    pub seen_at: Option<Mono>,
    /// Number of people, without a frame.
    pub people: Option<u64>,
    /// Whether a person is there, has fallen, calls for help.
    pub occupied: Option<bool>,
    /// Somebody has fallen.
    pub fall: bool,
    /// Somebody calls for help.
    pub help: bool,
    /// Whether it is in service, and whether its events are published, if commands are obeyed.
    pub enabled: Option<bool>,
    /// See `enabled`.
    pub events_enabled: Option<bool>,
    /// Zones and lines by name.
    pub parts: BTreeMap<String, Part>,
    /// The newest first.
    pub events: VecDeque<Happening>,
    arrivals: VecDeque<Mono>,
}

/// A zone or a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// People in a zone.
    pub people: Option<u64>,
    /// Whether a zone is occupied.
    pub occupied: Option<bool>,
    /// How many times a line was crossed.
    pub crossed: Option<Crossed>,
}

impl WatchedCamera {
    /// Whether it was heard of, and not only its zones and lines.
    pub fn is_present(&self) -> bool {
        self.present
    }

    /// Takes a message below its topic. Returns whether it is a new event.
    pub(super) fn hear(&mut self, rest: &str, payload: &[u8], now: Mono) -> Result<bool, Wrong> {
        match rest {
            "poses" => {
                self.seen = Some(heard::poses(payload)?);
                self.seen_at = Some(now);
                self.arrived(now);
            }
            "state" => self.report = Some(heard::report(payload)?),
            "events" => {
                let happening = heard::happening(payload)?;
                self.events.push_front(happening);
                self.events.truncate(MOST_EVENTS);
            }
            // A deleted value, as of a zone that was removed.
            _ if payload.is_empty() => {
                self.forget(rest);
                return Ok(false);
            }
            "people" => self.people = Some(heard::people(payload)?),
            "occupancy" => self.occupied = Some(heard::switch(payload)?),
            "fall" => self.fall = heard::switch(payload)?,
            "help" => self.help = heard::switch(payload)?,
            "enabled" => self.enabled = Some(heard::switch(payload)?),
            "events_enabled" => self.events_enabled = Some(heard::switch(payload)?),
            rest => {
                if let Some((name, leaf)) = rest.split_once('/') {
                    self.hear_part(name, leaf, payload)?;
                }
                return Ok(false);
            }
        }
        self.present |= matches!(rest, "poses" | "state" | "events");
        Ok(rest == "events")
    }

    fn hear_part(&mut self, name: &str, leaf: &str, payload: &[u8]) -> Result<(), Wrong> {
        if !heard::is_name(name) || !self.parts.contains_key(name) && self.parts.len() >= MOST_PARTS {
            return Err(Wrong::Word);
        }
        let mut part = self.parts.get(name).copied().unwrap_or_default();
        match leaf {
            "people" => part.people = Some(heard::people(payload)?),
            "occupancy" => part.occupied = Some(heard::switch(payload)?),
            "counts" => part.crossed = Some(heard::crossed(payload)?),
            _ => return Ok(()),
        }
        self.parts.insert(name.to_owned(), part);
        Ok(())
    }

    fn forget(&mut self, rest: &str) {
        match rest {
            "people" => self.people = None,
            "occupancy" => self.occupied = None,
            "fall" => self.fall = false,
            "help" => self.help = false,
            "enabled" => self.enabled = None,
            "events_enabled" => self.events_enabled = None,
            rest => {
                if let Some((name, _)) = rest.split_once('/') {
                    self.parts.remove(name);
                }
            }
        }
    }

    fn arrived(&mut self, now: Mono) {
        self.arrivals.push_back(now);
        if self.arrivals.len() > MOST_RATED {
            self.arrivals.pop_front();
        }
    }

    /// Messages with poses a second that arrived here, over the last two seconds.
    pub fn rate(&self, now: Mono) -> f64 {
        let recent = self.arrivals.iter().filter(|at| now.since(**at) < RATE_OVER);
        recent.count() as f64 / RATE_OVER.as_secs_f64()
    }

    /// Number of people, by the newest frame or by the state; `None` while it sees nothing.
    pub fn count(&self) -> Option<u64> {
        if self.report.is_some() && self.status() != "online" {
            return None;
        }
        let of_frame = self.seen.as_ref().map(|seen| seen.count as u64);
        of_frame.or(self.people).or(self.report.as_ref().map(|report| report.people))
    }

    /// What it is doing, in a word.
    pub fn status(&self) -> &'static str {
        match &self.report {
            _ if self.enabled == Some(false) => "switched off",
            Some(report) => report.status,
            None => "no state yet",
        }
    }

    /// Time since the newest frame was heard of.
    pub fn silent_for(&self, now: Mono) -> Option<Duration> {
        self.seen_at.map(|at| now.since(at))
    }
}
