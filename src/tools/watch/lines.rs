//! The live view as plain lines, for pipes and files: one for each change and event, and one for
//! each camera at intervals.

use super::camera::WatchedCamera;
use super::heard::Happening;
use super::watched::Watched;
use super::words::{self, LocalTime};
use crate::clock::Mono;
use crate::publish::Link;
use std::collections::BTreeMap;
use std::time::Duration;

/// People are written at most this often, however fast they change.
const SETTLED: Duration = Duration::from_secs(1);

/// Writes what has changed since it was last asked.
#[derive(Debug)]
pub struct Lines {
    every: Duration,
    next: Mono,
    link: Option<Link>,
    available: Option<bool>,
    cameras: BTreeMap<String, Said>,
}

/// What was last written of a camera.
#[derive(Debug, Default)]
struct Said {
    status: Option<(&'static str, Option<String>)>,
    people: Option<String>,
    people_at: Option<Mono>,
    occupied: BTreeMap<String, bool>,
}

impl Lines {
    /// Writes the state of all cameras at intervals of `every`, first then.
    pub fn new(every: Duration, now: Mono) -> Lines {
        Lines { every, next: now + every, link: None, available: None, cameras: BTreeMap::new() }
    }

    /// Lines on what has changed, each with the time `clock`.
    pub fn changes(&mut self, watched: &Watched, now: Mono, clock: LocalTime) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |text: String| lines.push(format!("{clock} {text}"));
        if self.link.as_ref() != Some(&watched.link) {
            say(format!("broker {}: {}", watched.broker, words::link(&watched.link)));
            self.link = Some(watched.link.clone());
        }
        if let Some(available) = watched.available.filter(|_| self.available != watched.available) {
            say(format!("posed is {}", words::online(available)));
        }
        self.available = watched.available;
        self.cameras.retain(|name, _| watched.cameras().any(|(other, _)| other == name));
        for (name, camera) in watched.cameras() {
            let said = self.cameras.entry(name.to_owned()).or_default();
            said.changes(camera, now).into_iter().for_each(|change| say(format!("{name} {change}")));
        }
        if now >= self.next {
            self.next = now + self.every;
            watched.cameras().for_each(|(name, camera)| say(format!("{name} {}", status(camera, now))));
        }
        lines
    }
}

/// A line on an event of `camera`.
pub fn event(camera: &str, event: &Happening, clock: LocalTime) -> String {
    format!("{clock} {camera} {}", event.text)
}

impl Said {
    fn changes(&mut self, camera: &WatchedCamera, now: Mono) -> Vec<String> {
        let mut changes = Vec::new();
        let reason = camera.report.as_ref().and_then(|report| report.reason.clone());
        let status = (camera.status(), reason);
        if camera.report.is_some() && self.status.as_ref() != Some(&status) {
            let why = status.1.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
            changes.push(format!("is {}{why}", status.0));
            self.status = Some(status);
        }
        let is_settled = self.people_at.is_none_or(|at| now.since(at) >= SETTLED);
        let people = camera.count().map(|count| words::people(count) + &figures(camera));
        if let Some(people) = people.filter(|people| is_settled && self.people.as_ref() != Some(people)) {
            changes.push(people.clone());
            (self.people, self.people_at) = (Some(people), Some(now));
        }
        for (name, part) in &camera.parts {
            let Some(occupied) = part.occupied else { continue };
            // A zone that was not heard of is taken as empty.
            if self.occupied.insert(name.clone(), occupied).unwrap_or(false) != occupied {
                changes.push(format!("{name} is {}", words::occupied(occupied)));
            }
        }
        changes
    }
}

/// Ids and postures of the people of the newest frame.
fn figures(camera: &WatchedCamera) -> String {
    let people = camera.seen.iter().flat_map(|seen| &seen.people);
    let people: Vec<String> = people.map(|p| format!("{} {}", p.id, p.posture.0.name())).collect();
    if people.is_empty() { String::new() } else { format!(": {}", people.join(", ")) }
}

/// What a camera does, in one line.
fn status(camera: &WatchedCamera, now: Mono) -> String {
    let status = camera.report.as_ref().map_or(String::new(), |_| format!("is {}, ", camera.status()));
    let mut text = format!("{status}{:.1} fps", camera.rate(now));
    if let Some(seen) = &camera.seen {
        text += &format!(", age {:.0} ms", seen.age_ms);
    }
    if let Some(count) = camera.count() {
        text += &format!(", {}", words::people(count));
    }
    for (name, part) in &camera.parts {
        text += &words::part(name, part).map_or(String::new(), |words| format!(", {words}"));
    }
    let drops = camera.report.as_ref().map_or(0, |report| report.drops());
    text + &format!(", {drops} dropped")
}
