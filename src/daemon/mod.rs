//! The daemon: wires the stages and owns their threads. No other module knows all of them.
//!
//! ```text
//! capture ──frames──► CameraSink ──► slots ──► workers: scenes ──poses──► publisher ──► broker
//!    └──────events──► Ledger ──────► state thread ──retained states──────────┘
//!                                    workers ──seconds─► thread "history" ──► a file a day
//!                                    workers ──poses──► hub ──► thread "http" ──► browsers
//! ```
//! A frame's way, by file: `camera` puts it into the slot of its camera, `worker` takes it, has the
//! camera's scene updated and its people published, and `ledger` counts what became of it.
//!
//! Stages start in the order publisher, workers, cameras, and stop in the reverse order. No stage
//! writes to one that is gone.

mod budget;
mod camera;
mod control;
mod days;
mod diary;
mod error;
mod happenings;
mod homeassistant;
mod http;
mod ledger;
mod nets;
pub mod options;
pub mod settings;
mod state;
mod stream;
mod worker;
mod zones;

pub use error::Error;
pub use worker::published;

use crate::capture::{self, Capture};
use crate::clock::{Mono, SharedClock};
use crate::config::{self, Config, SmoothingMode};
use crate::frame::Frame;
use crate::geometry::View;
use crate::http::{Hub, Server};
use crate::publish::{Incoming, Publisher};
use crate::scene::Scene;
use crate::shutdown::Thread;
use crate::slot::Slots;
use crate::telemetry::progress::Progress;
use crate::telemetry::systemd;
use crate::track::{Ids, Person};
use budget::Budget;
use camera::{Camera, CameraSink};
use days::History;
use diary::Diary;
use happenings::Happenings;
use ledger::Ledger;
use nets::Models;
use settings::Settings;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// File in the state directory with what commands have set.
const COMMANDS_FILE: &str = "commands.json";

/// A worker that needs longer than this for one frame hangs.
const FRAME_LIMIT: Duration = Duration::from_secs(20);

/// [`Daemon::stop`] takes no longer than this, however many stages hang: all share one deadline.
/// The process needs the rest of two seconds for its own end.
const STOP_WITHIN: Duration = Duration::from_millis(1600);
/// Part of [`STOP_WITHIN`] that cameras leave to the workers: one inference on a small board.
const FOR_WORKERS: Duration = Duration::from_millis(300);
/// Part of [`STOP_WITHIN`] that workers leave to the publisher: the last messages to a slow broker.
const FOR_PUBLISHER: Duration = Duration::from_millis(600);
/// Time for the HTTP server's end: it closes its connections at once.
const FOR_HTTP: Duration = Duration::from_millis(200);

/// Time for the end of the history's thread: it writes a row for each camera.
const FOR_HISTORY: Duration = Duration::from_millis(200);

/// Sees every published frame with its people, on the worker's thread.
pub trait Tap: Send + Sync {
    /// `people` are in px of the display frame that `view` describes.
    fn people(&self, camera: &str, frame: &Frame, view: &View, people: &[Person]);
}

/// What a reload or a command did, by camera name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Started.
    pub added: Vec<String>,
    /// Stopped.
    pub removed: Vec<String>,
    /// Stopped, and started with other options.
    pub changed: Vec<String>,
}

/// What the workers and the state thread share.
struct Shared {
    /// Newest frame of each camera.
    slots: Arc<Slots<Camera, Frame>>,
    publisher: Publisher,
    clock: SharedClock,
    /// Which keypoints are published.
    smoothing: SmoothingMode,
    tap: Option<Arc<dyn Tap>>,
    /// What browsers see; `None`: nothing is served.
    hub: Option<Arc<Hub>>,
    /// The days of all cameras; `None`: none are kept.
    history: Option<History>,
    /// Who answers the page's zone editor.
    zones: zones::Desk,
}

/// A running daemon. Dropping it without [`Daemon::stop`] leaves its threads running.
pub struct Daemon {
    /// The configuration with what commands have set: only cameras in service.
    config: Config,
    /// The configuration as it is in the file.
    file: Config,
    settings: Settings,
    /// Messages of others: commands, and Home Assistant's birth message.
    incoming: Option<Receiver<Incoming>>,
    clock: SharedClock,
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    /// Gives ids to people; shared by all cameras.
    ids: Ids,
    /// Cameras in service, by name.
    cameras: BTreeMap<String, (Arc<Camera>, Capture)>,
    workers: Vec<Thread>,
    state: state::Ticker,
    /// Serves the page and the metrics, if `[http]` says so.
    http: Option<Server>,
}

impl Daemon {
    /// Loads the models and starts every stage.
    ///
    /// # Errors
    /// If a model, the publisher, a camera or a thread cannot be set up. A camera that does not
    /// answer is no error.
    pub fn start(config: Config, clock: SharedClock, tap: Option<Arc<dyn Tap>>) -> Result<Daemon, Error> {
        let models = Models::load(&config, &clock)?;
        let progress = Arc::new(Progress::default());
        let publisher = Publisher::start(config.publisher()?, clock.clone(), &progress)?;
        let incoming = control::subscribe(&config, &publisher);
        let settings = Settings::load(config.state_dir.as_ref().map(|dir| dir.join(COMMANDS_FILE)));
        let (file, config) = (config.clone(), settings.in_force(&config));
        let (slots, smoothing) = (Arc::new(Slots::default()), config.pose.smoothing);
        let hub = config.http.as_ref().map(|_| Arc::new(Hub::default()));
        let history = History::start(&config, &clock, &progress)?;
        let zones = zones::Desk::default();
        let shared = Shared { slots, publisher, clock: clock.clone(), smoothing, tap, hub, history, zones };
        let shared = Arc::new(shared);
        let state = state::Ticker::start(shared.clone(), &progress)?;
        let (ids, cameras, workers) = (Ids::default(), BTreeMap::new(), Vec::new());
        let mut daemon = Daemon {
            config,
            file,
            settings,
            incoming,
            clock,
            shared,
            progress,
            ids,
            cameras,
            workers,
            state,
            http: None,
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
        if let (Some(http), Some(hub)) = (&self.config.http, &self.shared.hub) {
            let (shared, clock) = (self.shared.clone(), self.clock.clone());
            let (options, hub) = (http.server(), hub.clone());
            self.http = Some(Server::start(&options, hub, shared.clone(), shared, clock, &self.progress)?);
        }
        let mut failed = None;
        for camera in self.config.cameras.clone() {
            if let Err(e) = self.add(&camera) {
                let cause =
                    std::error::Error::source(&e).map(|cause| format!(": {cause}")).unwrap_or_default();
                tracing::error!("{e}{cause}; it is tried again at a reload");
                failed = Some(e);
            }
        }
        // One bad camera does not keep the others from running.
        if let Some(e) = failed.filter(|_| self.cameras.is_empty()) {
            return Err(e);
        }
        self.announce(false);
        Ok(())
    }

    fn start_workers(&mut self, models: Models) -> Result<(), Error> {
        for (index, nets) in models.for_workers(self.config.inference.workers)?.into_iter().enumerate() {
            let name = format!("infer-{index}");
            let beat = self.progress.stage(name.clone(), FRAME_LIMIT, self.clock.clone());
            let shared = self.shared.clone();
            let worker = self
                .progress
                .spawn(name.clone(), move || worker::run(&shared, nets, &beat))
                .map_err(|e| Error::Thread(name, e))?;
            self.workers.push(worker);
        }
        Ok(())
    }

    /// Puts a camera into service.
    fn add(&mut self, config: &config::CameraConfig) -> Result<(), Error> {
        let (name, clock) = (config.name.clone(), self.clock.clone());
        let diary = self.shared.history.as_ref().map(|days| Diary::new(&name, days.keeper.clone()));
        let camera = Camera::new(
            name.clone(),
            Ledger::new(clock.clone(), self.state.waker()),
            Budget::new(config.cpu_budget, clock.now()),
            Happenings::new(
                &config.events,
                &self.shared.publisher.options().topics,
                self.config.state_dir.clone(),
                self.settings.of(&name).events,
            )
            .shown_by(self.shared.hub.clone()),
            Scene::new(options::scene(config, &self.config), self.ids.clone(), clock.clone()),
        );
        let camera = Arc::new(camera.kept_by(diary));
        // The slot opens before the capture starts: the first frame needs it.
        self.shared.slots.open(camera.clone());
        let sink = CameraSink::new(camera.clone(), self.shared.slots.clone(), clock.clone());
        let options = capture::Options { crash_markers: systemd::runtime_directory(), ..config.capture() };
        match Capture::start(options, clock, Arc::new(sink), &self.progress) {
            Ok(capture) => {
                self.cameras.insert(name, (camera, capture));
                Ok(())
            }
            Err(source) => {
                self.retire(&camera, self.clock.now());
                Err(Error::Camera { name, source })
            }
        }
    }

    /// Takes cameras out of service. All close their connections at once, which may take a moment.
    fn remove(&mut self, names: &[String], by: Mono) {
        let going: Vec<_> = names.iter().filter_map(|name| self.cameras.remove(name)).collect();
        going.iter().for_each(|(_, capture)| capture.request_stop());
        for (camera, capture) in going {
            capture.stop_by(by);
            self.retire(&camera, by);
        }
    }

    /// Publishes the last state of a camera without capture, once no worker holds a frame of it,
    /// but at `by` at the latest.
    fn retire(&self, camera: &Camera, by: Mono) {
        if let Some(removed) = self.shared.slots.remove(camera, by.since(self.clock.now())) {
            camera.ledger.close(&removed);
        }
        state::publish_last(&self.shared, camera);
        self.shared.hub.iter().for_each(|hub| hub.forget(&camera.name));
        camera.diary.iter().for_each(Diary::finish);
    }

    /// Progress of every stage: decides whether the watchdog is fed.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Name of a stage whose thread has ended although it was not told to stop.
    pub fn ended(&self) -> Option<String> {
        let workers = self.workers.iter().find_map(Thread::ended).map(str::to_owned);
        let history = || self.shared.history.as_ref().and_then(|days| days.keeper.ended());
        workers.or_else(|| self.state.ended()).or_else(history).or_else(|| self.shared.publisher.ended())
    }

    /// One line about all cameras and the broker, for `systemctl status`.
    pub fn status(&self) -> String {
        state::status_line(&self.shared)
    }

    /// Stops every stage and joins every thread: cameras, workers, publisher. Threads that hang are
    /// left behind, and the log names them. Takes no longer than [`STOP_WITHIN`].
    pub fn stop(mut self) {
        let end = self.clock.now() + STOP_WITHIN;
        let workers_end = end.less(FOR_PUBLISHER);
        if let Some(http) = self.http.take() {
            http.stop(FOR_HTTP);
        }
        let cameras: Vec<_> = self.cameras.values().map(|(camera, _)| camera.clone()).collect();
        let names: Vec<_> = self.cameras.keys().cloned().collect();
        self.remove(&names, workers_end.less(FOR_WORKERS));
        self.shared.slots.close();
        for worker in self.workers {
            worker.end(workers_end.since(self.clock.now()));
        }
        self.state.stop(workers_end.since(self.clock.now()));
        // All counters are final now: every decoded frame is published or dropped.
        cameras.iter().for_each(|camera| state::publish_last(&self.shared, camera));
        self.shared.history.iter().for_each(|days| days.keeper.stop(FOR_HISTORY));
        self.shared.publisher.stop_by(end);
    }
}
