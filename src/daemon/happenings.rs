//! Publishes what happens in front of one camera: events once, states whenever they change.

use crate::events::{Event, Kept, Kind, LineState, OpenFall, Options, Snapshot};
use crate::http::{Hub, Shape};
use crate::publish::{Publisher, Topics};
use crate::state_file;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Publishes the events and states of one camera.
pub struct Happenings {
    camera: String,
    events_topic: String,
    /// Falls are looked for, so there is a state of them.
    falls: bool,
    /// The same of calls for help.
    help: bool,
    /// A command can switch events off.
    enabled: AtomicBool,
    last: Mutex<Last>,
    /// Zones and lines, as the page draws them.
    shapes: Arc<[Shape]>,
    /// The page, which shows events too.
    hub: Option<Arc<Hub>>,
    /// Where the counts of lines and the open falls are kept; `None`: until the end of the process.
    file: Option<PathBuf>,
}

#[derive(Default)]
struct Last {
    snapshot: Option<Snapshot>,
    enabled: bool,
    /// Falls that have not ended.
    falls: Vec<OpenFall>,
    /// The counts of `snapshot`, or `falls`, are not on disk.
    unsaved: bool,
}

impl Happenings {
    /// Nothing has happened yet. Counts are kept in folder `state_dir`.
    pub fn new(options: &Options, topics: &Topics, state_dir: Option<PathBuf>, enabled: bool) -> Happenings {
        let camera = options.camera.to_string();
        Happenings {
            events_topic: topics.of_camera(&camera, "events"),
            falls: options.fall.is_some(),
            help: options.help.is_some(),
            enabled: AtomicBool::new(enabled),
            last: Mutex::default(),
            shapes: shapes(options),
            hub: None,
            file: state_dir.map(|dir| dir.join(format!("counts-{camera}.json"))),
            camera,
        }
    }

    /// Shows events on the page of `hub` too.
    #[must_use]
    pub fn shown_by(self, hub: Option<Arc<Hub>>) -> Happenings {
        Happenings { hub, ..self }
    }

    /// Zones and lines, as the page draws them.
    pub fn shapes(&self) -> Arc<[Shape]> {
        self.shapes.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches events on or off. States of people go on; there is no fall while events are off.
    pub fn enable(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    /// Whether events are on.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// The counts and the falls that an earlier run kept.
    pub fn kept(&self) -> Kept {
        let Some(file) = &self.file else { return Kept::default() };
        let kept: Kept = state_file::read(file).unwrap_or_else(|e| {
            tracing::error!("{}: the counts of lines start at zero: {e}", file.display());
            Kept::default()
        });
        self.lock().falls.clone_from(&kept.falls);
        kept
    }

    /// Publishes `events`, and the states that have changed. Allocates only if there is news.
    pub fn publish(&self, publisher: &Publisher, events: &[Event], snapshot: &Snapshot) {
        let enabled = self.enabled.load(Ordering::Relaxed);
        for event in events.iter().filter(|_| enabled) {
            let payload = event.to_json();
            publisher.send(&self.events_topic, &payload, event.kind == Kind::Fall);
            self.hub.iter().for_each(|hub| hub.event(&payload));
        }
        let mut last = self.lock();
        for event in events {
            last.unsaved |= OpenFall::note(&mut last.falls, event);
        }
        if last.enabled == enabled && last.snapshot.as_ref() == Some(snapshot) {
            return;
        }
        let counted = last.snapshot.as_ref().is_some_and(|before| before.lines != snapshot.lines);
        (last.snapshot, last.enabled) = (Some(snapshot.clone()), enabled);
        last.unsaved |= counted;
        drop(last);
        self.publish_states(publisher, snapshot, enabled);
    }

    fn publish_states(&self, publisher: &Publisher, snapshot: &Snapshot, enabled: bool) {
        let topics = &publisher.options().topics;
        let camera = self.camera.as_str();
        let state = |leaf: &str, payload: &[u8]| publisher.retain(&topics.of_camera(camera, leaf), payload);
        state("people", snapshot.people.to_string().as_bytes());
        state("occupancy", on_off(snapshot.occupancy));
        state("postures", &json(&snapshot.postures));
        for (leaf, wanted, on) in [("fall", self.falls, snapshot.fall), ("help", self.help, snapshot.help)] {
            if wanted {
                state(leaf, on_off(on && enabled));
            }
        }
        let part = |name: &str, leaf: &str, payload: &[u8]| {
            publisher.retain(&topics.of_part(camera, name, leaf), payload);
        };
        for zone in &snapshot.zones {
            part(&zone.name, "people", zone.people.to_string().as_bytes());
            part(&zone.name, "occupancy", on_off(zone.occupancy));
        }
        for LineState { name, counts } in &snapshot.lines {
            part(name, "counts", &json(counts));
        }
    }

    /// Writes the counts of lines and the open falls if they have changed. Waits for the disk, so no
    /// worker calls it.
    pub fn save(&self) {
        let mut last = self.lock();
        let (true, Some(file), Some(snapshot)) = (last.unsaved, &self.file, &last.snapshot) else { return };
        let lines = snapshot.lines.iter().map(|line| (line.name.to_string(), line.counts));
        let kept = Kept { lines: lines.collect(), falls: last.falls.clone() };
        last.unsaved = false;
        drop(last);
        if let Err(e) = state_file::write(file, &kept) {
            tracing::warn!(
                "{}: counts of lines and open falls are not kept over a restart: {e}",
                file.display()
            );
        }
    }
}

fn shapes(options: &Options) -> Arc<[Shape]> {
    let zones = options.zones.iter().map(|zone| Shape {
        name: zone.name.to_string(),
        points: zone.polygon.clone(),
        closed: true,
    });
    let lines = options.lines.iter().map(|line| Shape {
        name: line.name.to_string(),
        points: vec![line.from, line.to],
        closed: false,
    });
    zones.chain(lines).collect()
}

fn on_off(on: bool) -> &'static [u8] {
    if on { b"ON" } else { b"OFF" }
}

/// Counts always serialize.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
