//! One camera in service, and the sink that its capture writes to.

use super::budget::Budget;
use super::diary::Diary;
use super::happenings::Happenings;
use super::ledger::Ledger;
use crate::capture::{self, Event};
use crate::clock::SharedClock;
use crate::frame::Frame;
use crate::publish::Publisher;
use crate::scene::Scene;
use crate::slot::{Put, Slots};
use crate::telemetry::stats::DropReason;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One camera in service.
pub struct Camera {
    /// Its name: a topic level.
    pub name: String,
    /// Its bookkeeping.
    pub ledger: Ledger,
    /// Its share of the workers' time.
    pub budget: Budget,
    /// Its events and states of people.
    pub happenings: Happenings,
    /// Its part in the history, if one is kept.
    pub diary: Option<Diary>,
    scene: Mutex<Scene>,
}

impl Camera {
    /// A camera without people.
    pub fn new(
        name: String,
        ledger: Ledger,
        budget: Budget,
        happenings: Happenings,
        mut scene: Scene,
    ) -> Camera {
        scene.restore(&happenings.kept());
        Camera { name, ledger, budget, happenings, diary: None, scene: Mutex::new(scene) }
    }

    /// The same camera, which keeps a history.
    #[must_use]
    pub fn kept_by(self, diary: Option<Diary>) -> Camera {
        Camera { diary, ..self }
    }

    /// Publishes what ends while the camera gives no frames. Does nothing while a worker has it.
    pub fn idle(&self, publisher: &Publisher) {
        if let Ok(mut scene) = self.scene.try_lock()
            && scene.idle()
        {
            // The state thread calls this, and keeps open falls right after it.
            let _ = self.happenings.publish(publisher, scene.events(), scene.snapshot());
            self.diary.iter().for_each(Diary::finish);
        }
    }

    /// The camera's people. Only the worker that leases the camera calls this, so it never waits.
    pub fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where one camera's capture delivers frames and events.
pub struct CameraSink {
    camera: Arc<Camera>,
    slots: Arc<Slots<Camera, Frame>>,
    clock: SharedClock,
}

impl CameraSink {
    /// Delivers to the slot of `camera`, which is open.
    pub fn new(camera: Arc<Camera>, slots: Arc<Slots<Camera, Frame>>, clock: SharedClock) -> CameraSink {
        CameraSink { camera, slots, clock }
    }
}

impl capture::Sink for CameraSink {
    fn frame(&self, frame: Frame) {
        let Camera { ledger, budget, .. } = &*self.camera;
        ledger.decoded();
        // Checked here, not when a worker takes the frame: then the slot keeps the newest frame.
        if !budget.allows(self.clock.now()) {
            ledger.dropped(DropReason::Budget);
            return;
        }
        match self.slots.put(&self.camera, frame) {
            Put::Stored => {}
            Put::Replaced => ledger.dropped(DropReason::Overwritten),
            Put::Closed => ledger.dropped(DropReason::Stopped),
        }
    }

    fn dropped(&self, reason: capture::FrameDrop) {
        self.camera.ledger.decoded();
        self.camera.ledger.dropped(match reason {
            capture::FrameDrop::Rate => DropReason::Rate,
            capture::FrameDrop::NoKeyFrame => DropReason::NoKeyFrame,
            capture::FrameDrop::Corrupted => DropReason::Corrupted,
            capture::FrameDrop::Unusable => DropReason::Invalid,
        });
    }

    fn event(&self, event: Event) {
        // The ledger notes the stop itself, in its last report: a worker may still hold a frame.
        let news = matches!(event, Event::Stopped) || self.camera.ledger.note(&event);
        log(&self.camera.name, &event, news);
    }
}

/// Logs each change once: a camera that fails all night for one reason takes one line.
fn log(camera: &str, event: &Event, news: bool) {
    match event {
        Event::Connecting { attempt: 1 } => tracing::info!("{camera}: connecting"),
        Event::Connecting { attempt } => tracing::debug!("{camera}: connecting, attempt {attempt}"),
        Event::AwaitingKeyFrame => tracing::info!("{camera}: waiting for a key frame"),
        Event::Online { decoder, caps, .. } => tracing::info!("{camera}: online, {decoder}, {caps}"),
        Event::CapsChanged { caps, .. } => tracing::info!("{camera}: new caps {caps}"),
        Event::Stalled { after, retry_in } => {
            tracing::warn!(
                "{camera}: no frame for {after:.1?} (stall_timeout_ms); next attempt in {retry_in:.1?}"
            );
        }
        Event::Failed { reason, retry_in } if !news => {
            tracing::debug!("{camera}: still {reason}; next attempt in {retry_in:.1?}");
        }
        Event::Failed { reason, retry_in } => {
            tracing::warn!("{camera}: {reason}; next attempt in {retry_in:.1?}");
        }
        Event::Ended => tracing::info!("{camera}: end of the file"),
        Event::Stopped => tracing::info!("{camera}: stopped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Sink as _;
    use crate::clock::SystemClock;
    use crate::config::{self, Machine};
    use crate::daemon::ledger::Published;
    use crate::daemon::options;
    use crate::publish::Topics;
    use crate::telemetry::stats::FrameCounts;
    use crate::track::Ids;
    use std::path::Path;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    #[test]
    fn the_last_report_counts_the_frame_that_a_worker_still_holds() {
        let (slots, clock) = (Arc::new(Slots::default()), SystemClock::shared());
        let camera = Arc::new(camera(&clock));
        let ledger = &camera.ledger;
        slots.open(camera.clone());
        let sink = CameraSink::new(camera.clone(), slots.clone(), clock);
        sink.frame(frame());
        let done = slots.take();
        assert!(ledger.publish(&Published::default(), || {}));
        drop(done);
        sink.frame(frame());
        let _hung = slots.take();
        sink.frame(frame());
        ledger.close(&slots.remove(&camera, Duration::from_millis(1)).unwrap());
        let mut last = FrameCounts::default();
        ledger.report_last(|report| last = report.counts);
        assert_eq!((last.decoded, last.published, last.dropped.stopped), (3, 1, 2));

        assert_eq!(ledger.fail(), None, "the last report has counted the frame");
        assert!(!ledger.publish(&Published::default(), || panic!("after the last report")));
        ledger.report(|_| panic!("after the last report"));
        ledger.report_last(|report| assert_eq!(report.counts, last));
    }

    fn camera(clock: &SharedClock) -> Camera {
        let text = "[[camera]]\nname = \"hall\"\nsource = \"test://\"\n";
        let config = config::parse(text, Path::new("test.toml"), &Machine::here()).unwrap().config;
        let scene = Scene::new(options::scene(&config.cameras[0], &config), Ids::default(), clock.clone());
        let ledger = Ledger::new(clock.clone(), sync_channel(1).0);
        let topics = Topics::new("posed");
        let happenings = Happenings::new(&config.cameras[0].events, &topics, None, true);
        Camera::new("hall".into(), ledger, Budget::new(None, clock.now()), happenings, scene)
    }

    fn frame() -> Frame {
        Frame::still(2, 2, vec![0; 12]).unwrap()
    }
}
