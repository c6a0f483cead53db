//! One camera as the daemon sees it: where its frames and events go, and what is known of it.

use super::budget::Budget;
use super::scene::Scene;
use crate::capture::{self, Event};
use crate::clock::{Mono, SharedClock};
use crate::frame::Frame;
use crate::slot::{Put, SlotId, Slots};
use crate::telemetry::stats::{CameraStats, DropReason, Skipped, Times};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a camera is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    /// A pipeline is being built and has not decoded a frame yet.
    #[default]
    Connecting,
    /// Frames come.
    Online,
    /// Frames stopped coming; the pipeline is rebuilt.
    Stalled,
    /// The pipeline failed; it is tried again.
    Failed(String),
    /// The file is over.
    Ended,
    /// Taken out of service.
    Stopped,
}

/// What is known of a camera's stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// What it is doing.
    pub status: Status,
    /// Since when.
    pub since: Mono,
    /// Decoder element, once a frame came out of it.
    pub decoder: Option<String>,
    /// Caps of the frames.
    pub caps: Option<String>,
    /// How often the pipeline was built.
    pub attempts: u64,
}

/// What has been said of a camera.
#[derive(Default)]
struct Told {
    /// No message of it may follow any more.
    last: bool,
    /// Frames that workers took, as far as the slots have said: once the camera is out of service.
    taken: u64,
    /// How many of them are published or counted as dropped.
    settled: u64,
}

/// One camera in service.
pub struct Camera {
    /// Its place among the slots.
    pub id: SlotId,
    /// Its name: a topic level.
    pub name: String,
    /// Its counters.
    pub stats: CameraStats,
    clock: SharedClock,
    slots: Arc<Slots<Frame>>,
    stream: Mutex<Stream>,
    scene: Mutex<Scene>,
    budget: Budget,
    people: AtomicUsize,
    /// Messages a second lately, as the bits of an f32.
    rate: AtomicU32,
    /// Held while poses or the state are published.
    told: Mutex<Told>,
    /// Wakes the thread that publishes states; a full channel means that it will wake anyway.
    changed: SyncSender<()>,
}

impl Camera {
    /// A camera whose place in `slots` is open.
    pub fn new(
        id: SlotId,
        name: String,
        scene: Scene,
        cpu_budget: Option<f64>,
        slots: Arc<Slots<Frame>>,
        clock: SharedClock,
        changed: SyncSender<()>,
    ) -> Camera {
        let stream = Mutex::new(Stream { since: clock.now(), ..Stream::default() });
        let budget = Budget::new(cpu_budget, clock.now());
        let (stats, scene) = (CameraStats::default(), Mutex::new(scene));
        let (people, rate, told) = (AtomicUsize::new(0), AtomicU32::default(), Mutex::default());
        Camera { id, name, stats, clock, slots, stream, scene, budget, people, rate, told, changed }
    }

    /// What is known of the stream now.
    pub fn stream(&self) -> Stream {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The camera's people. Only the worker that holds the camera's lease asks, so it never waits.
    pub fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// People in the last frame.
    pub fn people(&self) -> usize {
        self.people.load(Ordering::Relaxed)
    }

    /// Messages a second over the last period.
    pub fn rate(&self) -> f32 {
        f32::from_bits(self.rate.load(Ordering::Relaxed))
    }

    /// Keeps what [`Camera::rate`] is.
    pub fn set_rate(&self, fps: f64) {
        self.rate.store((fps as f32).to_bits(), Ordering::Relaxed);
    }

    /// A frame with so many people was published: part of [`Camera::settle`].
    pub fn published(&self, people: usize, times: &Times<Option<Duration>>, skipped: Skipped) {
        self.people.store(people, Ordering::Relaxed);
        self.stats.skipped(skipped);
        self.stats.published(times);
    }

    /// Publishes or counts, by `how`, what a worker made of a frame; `None` if the last word on the camera has
    /// been said, which counted the frame.
    pub(super) fn settle<R>(&self, how: impl FnOnce() -> R) -> Option<R> {
        let mut told = self.told();
        (!told.last).then(|| {
            told.settled += 1;
            how()
        })
    }

    /// Says something of the camera, by `how`, unless the last word has been said: two threads do, and an older
    /// state must not come after a newer one.
    pub(super) fn say(&self, how: impl FnOnce()) {
        let told = self.told();
        if !told.last {
            how();
        }
    }

    /// Says the last word, by `how`, when it counts as dropped what a worker is still at.
    pub(super) fn say_last(&self, how: impl FnOnce()) {
        let mut told = self.told();
        for _ in told.settled..told.taken {
            self.stats.dropped(DropReason::Stopped);
        }
        (told.last, told.settled) = (true, told.taken);
        self.note(&Event::Stopped);
        how();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker had this to do with a frame of ours, whatever came of it.
    pub fn worked(&self, time: Duration) {
        self.budget.spent(time);
    }

    /// Takes no frame any more, and returns once a worker is done with the last one or after `within`; a
    /// frame that still waits is counted as dropped.
    pub fn close(&self, within: Duration) {
        let Some(removed) = self.slots.remove(self.id, within) else { return };
        if removed.waiting.is_some() {
            self.stats.dropped(DropReason::Stopped);
        }
        self.told().taken = removed.taken;
    }

    /// Keeps what `event` says; true if the camera now does something else than before.
    fn note(&self, event: &Event) -> bool {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let status = match event {
            Event::Connecting { .. } => {
                stream.attempts += 1;
                // What went wrong is worth more to a subscriber than that it is tried again.
                match &stream.status {
                    Status::Failed(_) | Status::Stalled => stream.status.clone(),
                    _ => Status::Connecting,
                }
            }
            Event::Online { decoder, caps, .. } => {
                stream.decoder = Some(decoder.clone());
                stream.caps = Some(caps.clone());
                Status::Online
            }
            Event::CapsChanged { caps, .. } => {
                stream.caps = Some(caps.clone());
                Status::Online
            }
            Event::Stalled { .. } => Status::Stalled,
            Event::Failed { reason, .. } => Status::Failed(reason.clone()),
            Event::Ended => Status::Ended,
            Event::Stopped => Status::Stopped,
        };
        let news = status != stream.status;
        if news {
            stream.status = status;
            stream.since = self.clock.now();
        }
        drop(stream);
        let _ = self.changed.try_send(());
        news
    }
}

impl capture::Sink for Camera {
    fn frame(&self, frame: Frame) {
        self.stats.decoded();
        // Here, not when a worker takes it: the rate drops, and what is worked on is still the newest.
        if !self.budget.allows(self.clock.now()) {
            self.stats.dropped(DropReason::Budget);
            return;
        }
        let lost = match self.slots.put(self.id, frame) {
            Put::Stored => return,
            Put::Replaced => DropReason::Overwritten,
            Put::Gone => DropReason::Stopped,
        };
        self.stats.dropped(lost);
    }

    fn dropped(&self, reason: capture::Dropped) {
        self.stats.decoded();
        self.stats.dropped(match reason {
            capture::Dropped::Rate => DropReason::Rate,
            capture::Dropped::Unusable => DropReason::Invalid,
        });
    }

    fn event(&self, event: Event) {
        // That capture has stopped is not the last word: a worker may be at a frame. `state::publish_last` says it.
        let news = matches!(event, Event::Stopped) || self.note(&event);
        log(&self.name, &event, news);
    }
}

/// One line for each change of state: a camera that stays away for a night, for the same reason, is one.
fn log(camera: &str, event: &Event, news: bool) {
    match event {
        Event::Connecting { attempt: 1 } => tracing::info!("{camera}: connecting"),
        Event::Connecting { attempt } => tracing::debug!("{camera}: connecting, attempt {attempt}"),
        Event::Online { decoder, caps, .. } => tracing::info!("{camera}: online, {decoder}, {caps}"),
        Event::CapsChanged { caps, .. } => tracing::info!("{camera}: now {caps}"),
        Event::Stalled { after, retry_in } => {
            tracing::warn!("{camera}: no frame for {after:.1?}; next try in {retry_in:.1?}");
        }
        Event::Failed { reason, retry_in } if !news => {
            tracing::debug!("{camera}: still {reason}; next try in {retry_in:.1?}");
        }
        Event::Failed { reason, retry_in } => {
            tracing::warn!("{camera}: {reason}; next try in {retry_in:.1?}");
        }
        Event::Ended => tracing::info!("{camera}: the file is over"),
        Event::Stopped => tracing::info!("{camera}: stopped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Sink as _;
    use crate::clock::SystemClock;
    use crate::config::{self, Machine};
    use crate::daemon::options;
    use crate::track::Ids;
    use std::path::Path;

    #[test]
    fn the_last_word_counts_the_frame_that_a_worker_is_still_at() {
        let text = "[[camera]]\nname = \"hall\"\nsource = \"test://\"\n";
        let config = config::parse(text, Path::new("test.toml"), &Machine::here()).unwrap().config;
        let (slots, clock) = (Arc::new(Slots::default()), SystemClock::shared());
        let scene = Scene::new(options::scene(&config.cameras[0], &config), Ids::default(), clock.clone());
        let changed = std::sync::mpsc::sync_channel(1).0;
        let id = SlotId(0);
        let camera = Camera::new(id, "hall".into(), scene, None, slots.clone(), clock, changed);
        slots.open(id);
        camera.frame(frame());
        let _done = slots.take();
        camera.settle(|| camera.published(0, &Times::default(), Skipped::default())).unwrap();
        slots.release(id);
        camera.frame(frame());
        let _hung = slots.take();
        camera.frame(frame());
        camera.close(Duration::from_millis(1));
        camera.say_last(|| {});
        let counts = camera.stats.snapshot();
        assert_eq!((counts.decoded, counts.published, counts.dropped.stopped), (3, 1, 2));

        let late = camera.settle(|| camera.stats.dropped(DropReason::Inference));
        camera.say(|| panic!("after the last word"));
        camera.say_last(|| {});
        assert_eq!((late, camera.stats.snapshot()), (None, counts));
    }

    fn frame() -> Frame {
        Frame::still(2, 2, vec![0; 12]).unwrap()
    }
}
