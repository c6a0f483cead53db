//! The state thread: publishes what each camera is doing, at once when that changes and every few
//! seconds for the rates.

use super::camera::Camera;
use super::ledger::Report;
use super::{Error, Shared};
use crate::publish::{self, CameraStatus, State};
use crate::shutdown::{Shutdown, Thread};
use crate::telemetry::progress::{Beat, Progress};
use crate::telemetry::stats::Percentiles;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Rates and latencies cover this much time.
const PERIOD: Duration = Duration::from_secs(5);
/// The thread hangs if it works on the states for longer than this.
const LIMIT: Duration = Duration::from_secs(15);

/// Owns the state thread.
pub(super) struct Ticker {
    stop: Shutdown,
    wake: SyncSender<()>,
    thread: Thread,
}

impl Ticker {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>, progress: &Progress) -> Result<Ticker, Error> {
        // One place: a second wake-up that waits would add nothing.
        let (wake, changes) = sync_channel(1);
        let beat = progress.stage("state", LIMIT, shared.clock.clone());
        let stop = Shutdown::default();
        let stopped = stop.clone();
        let thread = progress
            .spawn("state".into(), move || run(&shared, &stopped, &changes, &beat))
            .map_err(|e| Error::Thread("state".into(), e))?;
        Ok(Ticker { stop, wake, thread })
    }

    /// A message on this channel makes the thread publish every state that changed, and keep open
    /// falls.
    pub(super) fn waker(&self) -> SyncSender<()> {
        self.wake.clone()
    }

    /// Name of the thread, if it has ended.
    pub(super) fn ended(&self) -> Option<String> {
        self.thread.ended().map(str::to_owned)
    }

    /// Stops and joins the thread, or leaves it behind after `within`.
    pub(super) fn stop(self, within: Duration) {
        self.stop.trigger();
        let _ = self.wake.try_send(());
        self.thread.end(within);
    }
}

fn run(shared: &Shared, stop: &Shutdown, changes: &Receiver<()>, beat: &Beat) {
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
        for camera in shared.slots.cameras() {
            if due {
                camera.ledger.measure(now);
                camera.idle(&shared.publisher);
                camera.happenings.save();
            }
            camera.happenings.save_falls();
            camera.ledger.report(|report| publish(shared, &camera.name, report));
        }
    }
}

/// Publishes the last state of a camera that is out of service. None of its messages follows.
pub(super) fn publish_last(shared: &Shared, camera: &Camera) {
    camera.happenings.save();
    camera.ledger.report_last(|report| {
        shared.publisher.discard(&camera.name);
        publish(shared, &camera.name, report);
    });
}

/// One line about all cameras, for `systemctl status`.
pub(super) fn status_line(shared: &Shared) -> String {
    let cameras = shared.slots.cameras();
    let online = cameras.iter().filter(|camera| camera.ledger.status() == CameraStatus::Online).count();
    let broker = if shared.publisher.connected() { "connected" } else { "away" };
    let each: Vec<String> = cameras.iter().map(|camera| brief(camera)).collect();
    format!("{online} of {} cameras online ({}), broker {broker}", cameras.len(), each.join(", "))
}

/// `hall 24.9 fps`, `door failed`.
fn brief(camera: &Camera) -> String {
    let doing = match camera.ledger.status() {
        CameraStatus::Online => {
            return format!("{} {:.1} fps", camera.name, camera.ledger.rates().published_fps);
        }
        CameraStatus::Connecting => "connecting",
        CameraStatus::Stalled => "stalled",
        CameraStatus::Failed => "failed",
        CameraStatus::Ended => "ended",
        CameraStatus::Stopped => "stopped",
    };
    format!("{} {doing}", camera.name)
}

/// Publishes the state of `camera`, if it differs from the last one.
fn publish(shared: &Shared, camera: &str, report: &Report) {
    let Report { stream, rates, people, counts } = report;
    let unsent = shared.publisher.dropped(camera);
    let state = State {
        status: stream.status,
        reason: stream.reason.as_deref(),
        since: shared.clock.wall() - shared.clock.now().since(stream.since),
        decoder: stream.decoder.as_deref(),
        caps: stream.caps.as_deref(),
        attempts: stream.attempts,
        fps_in: rates.decoded_fps,
        fps_out: rates.published_fps,
        people: *people,
        decoded: counts.decoded,
        published: counts.published,
        dropped: counts.dropped.by_reason().into(),
        unsent: BTreeMap::from([
            ("offline", unsent.offline),
            ("overflow", unsent.overflow),
            ("too_long", unsent.too_long),
            ("stopped", unsent.stopped),
        ]),
        skipped: BTreeMap::from([
            ("max_people", counts.skipped.max_people),
            ("crowded", counts.skipped.crowded),
        ]),
        latency: rates.times.age.map(latency),
        finder: rates.times.finder.map(latency),
        pose: rates.times.pose.map(latency),
    };
    shared.publisher.state(camera, &state);
}

fn latency(times: Percentiles) -> publish::Latency {
    publish::Latency { p50_ms: times.p50_ms, p99_ms: times.p99_ms }
}
