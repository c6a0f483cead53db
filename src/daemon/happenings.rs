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
    /// `falls` are not on disk.
    falls_unsaved: bool,
    /// The counts of `snapshot` are not on disk.
    counts_unsaved: bool,
    /// The last write failed, and the log has said so.
    failing: bool,
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
    /// Returns whether [`save_falls`](Self::save_falls) has something to do.
    pub fn publish(&self, publisher: &Publisher, events: &[Event], snapshot: &Snapshot) -> bool {
        let enabled = self.enabled.load(Ordering::Relaxed);
        for event in events.iter().filter(|_| enabled) {
            let payload = event.to_json();
            publisher.send(&self.events_topic, &payload, event.kind == Kind::Fall);
            self.hub.iter().for_each(|hub| hub.event(&payload));
        }
        let mut last = self.lock();
        for event in events {
            last.falls_unsaved |= OpenFall::note(&mut last.falls, event);
        }
        let falls_unsaved = last.falls_unsaved && self.file.is_some();
        if last.enabled == enabled && last.snapshot.as_ref() == Some(snapshot) {
            return falls_unsaved;
        }
        let counted = last.snapshot.as_ref().is_some_and(|before| before.lines != snapshot.lines);
        (last.snapshot, last.enabled) = (Some(snapshot.clone()), enabled);
        last.counts_unsaved |= counted;
        drop(last);
        self.publish_states(publisher, snapshot, enabled);
        falls_unsaved
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

    /// Writes open falls and the counts of lines if a fall has changed. Waits for the disk, so no
    /// worker calls it.
    pub fn save_falls(&self) {
        let last = self.lock();
        if last.falls_unsaved {
            self.write(last);
        }
    }

    /// Writes the counts of lines and the open falls if they have changed. Waits for the disk.
    pub fn save(&self) {
        let last = self.lock();
        if last.falls_unsaved || last.counts_unsaved {
            self.write(last);
        }
    }

    fn write(&self, mut last: MutexGuard<'_, Last>) {
        let (Some(file), Some(snapshot)) = (&self.file, &last.snapshot) else { return };
        let lines = snapshot.lines.iter().map(|line| (line.name.to_string(), line.counts));
        let kept = Kept { lines: lines.collect(), falls: last.falls.clone() };
        (last.falls_unsaved, last.counts_unsaved) = (false, false);
        drop(last);
        let written = state_file::write(file, &kept);
        let mut last = self.lock();
        let failed_before = std::mem::replace(&mut last.failing, written.is_err());
        match written {
            Err(e) => {
                // `save` tries again. `falls_unsaved` would make each frame try.
                last.counts_unsaved = true;
                if !failed_before {
                    tracing::warn!(
                        "{}: a restart would lose line counts and open falls: {e}",
                        file.display()
                    );
                }
            }
            Ok(()) if failed_before => tracing::info!("{}: written again", file.display()),
            Ok(()) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::events::{EventIds, SCHEMA, State};
    use crate::telemetry::progress::Progress;
    use std::time::SystemTime;

    #[test]
    fn an_open_fall_is_kept_as_soon_as_it_is_known() {
        // There is no broker at that port: what is kept does not depend on one.
        let options = crate::publish::Options::new("127.0.0.1", 1, "test");
        let publisher = Publisher::start(options, SystemClock::shared(), &Progress::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let happenings = |dir| Happenings::new(&Options::new("hall"), &Topics::new("posed"), Some(dir), true);
        let first = happenings(dir.path().to_owned());
        assert!(!first.publish(&publisher, &[], &Snapshot::default()), "nothing has happened");
        let fall = fall(State::Confirmed);
        assert!(first.publish(&publisher, std::slice::from_ref(&fall), &Snapshot::default()));
        first.save_falls();
        assert!(!first.publish(&publisher, &[], &Snapshot::default()), "it is on disk");

        // The process was killed here.
        let second = happenings(dir.path().to_owned());
        let kept = second.kept().falls;
        assert_eq!(kept.iter().map(|open| (open.id, open.confirmed)).collect::<Vec<_>>(), [(fall.id, true)]);
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let options = crate::publish::Options::new("127.0.0.1", 1, "test");
        let publisher = Publisher::start(options, SystemClock::shared(), &Progress::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let absent = dir.path().join("absent");
        let happenings =
            || Happenings::new(&Options::new("hall"), &Topics::new("posed"), Some(absent.clone()), true);
        let first = happenings();
        let fall = fall(State::Confirmed);
        assert!(first.publish(&publisher, std::slice::from_ref(&fall), &Snapshot::default()));
        first.save_falls();
        assert!(!first.publish(&publisher, &[], &Snapshot::default()), "no frame tries again");

        std::fs::create_dir(&absent).unwrap();
        first.save();
        assert_eq!(happenings().kept().falls.iter().map(|open| open.id).collect::<Vec<_>>(), [fall.id]);
    }

    fn fall(state: State) -> Event {
        let at = SystemTime::now();
        Event {
            schema: SCHEMA,
            id: EventIds::new(1).fresh(at),
            kind: Kind::Fall,
            state,
            camera: "hall".into(),
            person: Some(3),
            zone: None,
            line: None,
            direction: None,
            posture: None,
            started_at: at,
            at,
            ended_at: None,
            certainty: 0.9,
            bbox: None,
            keypoints: None,
        }
    }
}
