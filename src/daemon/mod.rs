//! Wires the stages and owns the threads: the one room that knows them all.
//!
//! ```text
//! cap-<camera> threads ──► slots ──► infer-<n> threads ──► publisher thread ──► broker
//!        └── events ──► camera ──► state thread ──► retained states ──┘
//! ```
//! Start order: models, publisher, workers, cameras; stop order: cameras, workers, publisher, so
//! that nothing is written to what is gone.

mod budget;
mod camera;
mod nets;
pub mod offline;
pub mod options;
pub mod scene;
mod state;
mod worker;

use crate::capture::{self, Capture};
use crate::clock::{Mono, SharedClock};
use crate::config::{self, Config};
use crate::frame::Frame;
use crate::geometry::View;
use crate::publish::{self, Publisher};
use crate::shutdown::Thread;
use crate::slot::{SlotId, Slots};
use crate::telemetry::progress::Progress;
use crate::telemetry::systemd;
use crate::track::{Ids, Person};
use camera::Camera;
use nets::Models;
use std::collections::BTreeMap;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use worker::Shared;
pub use worker::published;

/// A worker that is at one frame for longer than this hangs.
const FRAME_LIMIT: Duration = Duration::from_secs(20);

/// [`Daemon::stop`] takes no longer, however many stages hang: one point in time is set for all, and each
/// stage gets what those before it left. The rest of two seconds is the process's own end.
const STOP_WITHIN: Duration = Duration::from_millis(1600);
/// Of that, what cameras leave to the workers and workers to the publisher even if they hang: an
/// inference on a small board, and a goodbye to a slow broker.
const FOR_WORKERS: Duration = Duration::from_millis(300);
const FOR_GOODBYE: Duration = Duration::from_millis(600);

/// Sees every frame with its people, on the worker's thread.
pub trait Tap: Send + Sync {
    /// `people` are in px of the display frame that `view` describes.
    fn people(&self, camera: &str, frame: &Frame, view: &View, people: &[Person]);
}

/// Why the daemon cannot start, or not reload.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model cannot be used.
    #[error(transparent)]
    Model(#[from] nets::Error),
    /// The publisher cannot start.
    #[error("publisher: {0}")]
    Publish(#[from] publish::Error),
    /// A camera cannot be set up.
    #[error("camera {name}: {source}")]
    Camera {
        /// Which.
        name: String,
        /// Why.
        source: capture::Error,
    },
    /// The system gives no thread.
    #[error("no thread for {0}: {1}")]
    Thread(String, std::io::Error),
    /// Only cameras can change in a running daemon.
    #[error("[{0}] changed: that needs a restart; nothing was changed")]
    NeedsRestart(&'static str),
}

/// What a reload did, by camera name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// New in service.
    pub added: Vec<String>,
    /// Out of service.
    pub removed: Vec<String>,
    /// Taken out and put back with other options.
    pub changed: Vec<String>,
}

/// A running daemon. Dropping it without [`Daemon::stop`] leaves its threads running.
pub struct Daemon {
    config: Config,
    clock: SharedClock,
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    ids: Ids,
    captures: BTreeMap<String, (SlotId, Capture)>,
    next_slot: u32,
    workers: Vec<Thread>,
    state: Option<state::Ticker>,
    changed: SyncSender<()>,
}

impl Error {
    /// Whether the configuration, or a file that it names, is at fault.
    pub fn is_config(&self) -> bool {
        !matches!(self, Error::Thread(..) | Error::Publish(publish::Error::Thread(_)))
    }
}

impl Daemon {
    /// Loads the models and starts every stage.
    ///
    /// # Errors
    /// If a model, the publisher or a thread cannot be had. A camera that is away is no error.
    pub fn start(config: Config, clock: SharedClock, tap: Option<Arc<dyn Tap>>) -> Result<Daemon, Error> {
        let models = Models::load(&config, &clock)?;
        let progress = Arc::new(Progress::default());
        let publisher = Publisher::start(config.mqtt.publisher()?, clock.clone(), &progress)?;
        let shared = Arc::new(Shared {
            slots: Arc::new(Slots::default()),
            cameras: worker::Cameras::default(),
            publisher,
            clock: clock.clone(),
            smoothing: config.pose.smoothing,
            tap,
        });
        // One place: a wake-up that waits is as good as two.
        let (changed, changes) = sync_channel(1);
        let state = state::Ticker::start(shared.clone(), changed.clone(), changes, &progress)?;
        let mut daemon = Daemon {
            clock,
            shared,
            progress,
            ids: Ids::default(),
            captures: BTreeMap::new(),
            next_slot: 0,
            workers: Vec::new(),
            state: Some(state),
            changed,
            config,
        };
        match daemon.start_stages(models) {
            Ok(()) => Ok(daemon),
            Err(e) => {
                daemon.stop();
                Err(e)
            }
        }
    }

    fn start_stages(&mut self, models: Models) -> Result<(), Error> {
        self.start_workers(models)?;
        for camera in self.config.cameras.clone() {
            self.add(&camera)?;
        }
        Ok(())
    }

    fn start_workers(&mut self, models: Models) -> Result<(), Error> {
        for (index, nets) in models.for_workers(self.config.inference.workers)?.into_iter().enumerate() {
            let name = format!("infer-{index}");
            let beat = self.progress.stage(name.clone(), FRAME_LIMIT, self.clock.clone());
            let shared = self.shared.clone();
            let worker = Thread::spawn(name.clone(), move || worker::run(&shared, nets, &beat))
                .map_err(|e| Error::Thread(name, e))?;
            self.workers.push(worker);
        }
        Ok(())
    }

    fn add(&mut self, config: &config::CameraConfig) -> Result<(), Error> {
        let id = SlotId(self.next_slot);
        self.next_slot += 1;
        let scene =
            scene::Scene::new(options::scene(config, &self.config), self.ids.clone(), self.clock.clone());
        let camera = Arc::new(Camera::new(
            id,
            config.name.clone(),
            scene,
            config.cpu_budget,
            self.shared.slots.clone(),
            self.clock.clone(),
            self.changed.clone(),
        ));
        // Before the capture starts: its first frame needs a place, and the place a camera.
        self.shared.slots.open(id);
        self.cameras_mut(|cameras| cameras.insert(id, camera.clone()));
        let options = capture::Options { trials: systemd::runtime_directory(), ..config.capture() };
        match Capture::start(options, self.clock.clone(), camera.clone(), &self.progress) {
            Ok(capture) => {
                self.captures.insert(config.name.clone(), (id, capture));
                Ok(())
            }
            Err(source) => {
                self.retire(id, self.clock.now());
                Err(Error::Camera { name: config.name.clone(), source })
            }
        }
    }

    /// Takes cameras out of service, all at once: each may take a moment to close its connection.
    fn remove(&mut self, names: &[String], by: Mono) {
        let going: Vec<_> = names.iter().filter_map(|name| self.captures.remove(name)).collect();
        going.iter().for_each(|(_, capture)| capture.request_stop());
        for (id, capture) in going {
            capture.stop_by(by);
            self.retire(id, by);
        }
    }

    /// Takes a camera whose capture has stopped out of service: after its last frame, but not after `by`.
    fn retire(&self, id: SlotId, by: Mono) {
        let Some(camera) = self.cameras_mut(|cameras| cameras.get(&id).cloned()) else { return };
        // It stays among the cameras until no worker can look for it: every frame is accounted for.
        camera.close(by.since(self.clock.now()));
        self.cameras_mut(|cameras| cameras.remove(&id));
        state::publish_last(&self.shared, &camera);
    }

    fn cameras_mut<R>(&self, change: impl FnOnce(&mut BTreeMap<SlotId, Arc<Camera>>) -> R) -> R {
        change(&mut self.shared.cameras.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a new configuration in force. Cameras that did not change keep running.
    ///
    /// # Errors
    /// If something changed that a running daemon cannot change: then nothing was. Or if a camera
    /// cannot be set up: then the others are in service as the new configuration says.
    pub fn reload(&mut self, new: Config) -> Result<Reloaded, Error> {
        if let Some(section) = self.config.fixed_section_changed(&new) {
            return Err(Error::NeedsRestart(section));
        }
        let changes = config::camera_changes(&self.config, &new);
        let going = [changes.removed.as_slice(), &changes.changed].concat();
        self.remove(&going, self.clock.now() + STOP_WITHIN);
        self.config = new;
        let mut failed = None;
        for camera in self.config.cameras.clone() {
            if changes.added.contains(&camera.name) || changes.changed.contains(&camera.name) {
                failed = self.add(&camera).err().or(failed);
            }
        }
        if let Some(e) = failed {
            return Err(e);
        }
        Ok(Reloaded { added: changes.added, removed: changes.removed, changed: changes.changed })
    }

    /// What the watchdog is fed by.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// One line on how things are, for `systemctl status`.
    pub fn status(&self) -> String {
        state::status_line(&self.shared)
    }

    /// Stops every stage and joins every thread: cameras, then workers, then the publisher. What hangs
    /// is left behind, which is told in the log; all of it takes no longer than `STOP_WITHIN`.
    pub fn stop(mut self) {
        let end = self.clock.now() + STOP_WITHIN;
        let workers_end = end.less(FOR_GOODBYE);
        let cameras: Vec<_> = self.cameras_mut(|cameras| cameras.values().cloned().collect());
        let names: Vec<_> = self.captures.keys().cloned().collect();
        self.remove(&names, workers_end.less(FOR_WORKERS));
        self.shared.slots.close();
        for worker in self.workers.drain(..) {
            worker.end(workers_end.since(self.clock.now()));
        }
        if let Some(state) = self.state.take() {
            state.stop(workers_end.since(self.clock.now()));
        }
        // Nothing counts any more: decoded frames are now exactly those published or dropped.
        cameras.iter().for_each(|camera| state::publish_last(&self.shared, camera));
        self.shared.publisher.stop_by(end);
    }
}
