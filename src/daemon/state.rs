//! The thread that publishes what each camera is doing: at once when it changes, and every few
//! seconds for the rates.

use super::camera::{Camera, Status};
use super::worker::Shared;
use crate::clock::Mono;
use crate::publish::{self, State};
use crate::shutdown::{Shutdown, Thread};
use crate::slot::SlotId;
use crate::telemetry::progress::{Beat, Progress};
use crate::telemetry::stats::{CameraStats, Percentiles, Snapshot, Times};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Rates and latencies are over this long.
const PERIOD: Duration = Duration::from_secs(5);
/// Writing down all states takes no time.
const LIMIT: Duration = Duration::from_secs(15);

/// Counters of a camera when its rates were last taken.
#[derive(Clone, Copy, Default)]
struct Before {
    at: Mono,
    snapshot: Snapshot,
}

/// Rates over the last period.
#[derive(Clone, Copy, Default)]
struct Rates {
    decoded_fps: f64,
    published_fps: f64,
    times: Times<Option<Percentiles>>,
}

/// Owns the state thread.
pub(super) struct Ticker {
    stop: Shutdown,
    wake: std::sync::mpsc::SyncSender<()>,
    thread: Thread,
}

impl Ticker {
    /// Starts it; `changes` says that some camera's state changed.
    pub(super) fn start(
        shared: Arc<Shared>,
        wake: std::sync::mpsc::SyncSender<()>,
        changes: Receiver<()>,
        progress: &Progress,
    ) -> Result<Ticker, super::Error> {
        let beat = progress.stage("state", LIMIT, shared.clock.clone());
        let stop = Shutdown::default();
        let stopped = stop.clone();
        let thread = Thread::spawn("state".into(), move || run(&shared, &stopped, &changes, &beat))
            .map_err(|e| super::Error::Thread("state".into(), e))?;
        Ok(Ticker { stop, wake, thread })
    }

    /// Stops and joins it, or leaves it behind.
    pub(super) fn stop(self, within: Duration) {
        self.stop.trigger();
        let _ = self.wake.try_send(());
        self.thread.end(within);
    }
}

fn run(shared: &Shared, stop: &Shutdown, changes: &Receiver<()>, beat: &Beat) {
    let mut rates: BTreeMap<SlotId, (Before, Rates)> = BTreeMap::new();
    let mut next = shared.clock.now() + PERIOD;
    loop {
        let pause = next.since(shared.clock.now());
        match beat.rest(|| changes.recv_timeout(pause)) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if stop.is_set() {
            return;
        }
        let now = shared.clock.now();
        let due = now >= next;
        if due {
            next = now + PERIOD;
        }
        let cameras: Vec<_> = all(shared);
        rates.retain(|id, _| cameras.iter().any(|camera| camera.id == *id));
        for camera in cameras {
            let entry =
                rates.entry(camera.id).or_insert((Before { at: now, ..Before::default() }, Rates::default()));
            if due {
                *entry = step(entry.0, now, &camera.stats);
                camera.set_rate(entry.1.published_fps);
            }
            camera.say(|| publish(shared, &camera, &entry.1));
        }
    }
}

/// Rates from the counters `before` and now.
fn step(before: Before, now: Mono, stats: &CameraStats) -> (Before, Rates) {
    let snapshot = stats.snapshot();
    let seconds = now.since(before.at).as_secs_f64().max(1e-3);
    let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
    let rates = Rates {
        decoded_fps: rate(snapshot.decoded, before.snapshot.decoded),
        published_fps: rate(snapshot.published, before.snapshot.published),
        times: stats.take_times(),
    };
    (Before { at: now, snapshot }, rates)
}

fn all(shared: &Shared) -> Vec<Arc<Camera>> {
    shared.cameras.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
}

/// The last word on a camera that has gone out of service: no message of it comes after this.
pub(super) fn publish_last(shared: &Shared, camera: &Camera) {
    camera.say_last(|| {
        shared.publisher.discard(&camera.name);
        publish(shared, camera, &Rates::default());
    });
}

/// One line on all cameras, for `systemctl status`.
pub(super) fn status_line(shared: &Shared) -> String {
    let cameras = all(shared);
    let online = cameras.iter().filter(|c| c.stream().status == Status::Online).count();
    let broker = if shared.publisher.connected() { "connected" } else { "away" };
    let each: Vec<String> = cameras.iter().map(|camera| brief(camera)).collect();
    format!("{online} of {} cameras online ({}), broker {broker}", cameras.len(), each.join(", "))
}

/// `hall 24.9 fps`, `door failed`.
fn brief(camera: &Camera) -> String {
    let doing = match camera.stream().status {
        Status::Online => return format!("{} {:.1} fps", camera.name, camera.rate()),
        Status::Connecting => "connecting",
        Status::Stalled => "stalled",
        Status::Failed(_) => "failed",
        Status::Ended => "ended",
        Status::Stopped => "stopped",
    };
    format!("{} {doing}", camera.name)
}

/// Publishes what `camera` is doing, if it differs from what was said last.
fn publish(shared: &Shared, camera: &Camera, rates: &Rates) {
    let stream = camera.stream();
    let (status, reason) = match &stream.status {
        Status::Connecting => (publish::CameraStatus::Connecting, None),
        Status::Online => (publish::CameraStatus::Online, None),
        Status::Stalled => (publish::CameraStatus::Stalled, Some("frames stopped coming")),
        Status::Failed(reason) => (publish::CameraStatus::Failed, Some(reason.as_str())),
        Status::Ended => (publish::CameraStatus::Ended, None),
        Status::Stopped => (publish::CameraStatus::Stopped, None),
    };
    let Snapshot { decoded, published, dropped, skipped } = camera.stats.snapshot();
    let unsent = shared.publisher.dropped(&camera.name);
    let state = State {
        status,
        reason,
        since: shared.clock.wall() - shared.clock.now().since(stream.since),
        decoder: stream.decoder.as_deref(),
        caps: stream.caps.as_deref(),
        attempts: stream.attempts,
        fps_in: rates.decoded_fps,
        fps_out: rates.published_fps,
        people: camera.people(),
        decoded,
        published,
        dropped: BTreeMap::from([
            ("overwritten", dropped.overwritten),
            ("rate", dropped.rate),
            ("budget", dropped.budget),
            ("invalid", dropped.invalid),
            ("inference", dropped.inference),
            ("stopped", dropped.stopped),
        ]),
        unsent: BTreeMap::from([
            ("offline", unsent.offline),
            ("overflow", unsent.overflow),
            ("too_long", unsent.too_long),
            ("stopped", unsent.stopped),
        ]),
        skipped: BTreeMap::from([("max_people", skipped.max_people), ("crowded", skipped.crowded)]),
        latency: rates.times.age.map(latency),
        finder: rates.times.finder.map(latency),
        pose: rates.times.pose.map(latency),
    };
    shared.publisher.state(&camera.name, &state);
}

fn latency(times: Percentiles) -> publish::Latency {
    publish::Latency { p50_ms: times.p50_ms, p99_ms: times.p99_ms }
}
