//! An inference thread: takes the newest frame of the camera that waited longest, estimates,
//! publishes, gives the camera back.

use super::Tap;
use super::camera::Camera;
use super::scene::{Error, Nets};
use crate::clock::SharedClock;
use crate::config::SmoothingMode;
use crate::frame::Frame;
use crate::publish::{self, Poses, Publisher};
use crate::slot::{SlotId, Slots};
use crate::telemetry::progress::Beat;
use crate::telemetry::stats::{DropReason, Times};
use crate::track;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};

/// Cameras in service, by slot.
pub type Cameras = RwLock<BTreeMap<SlotId, Arc<Camera>>>;

/// What all workers share.
pub struct Shared {
    /// Where frames wait.
    pub slots: Arc<Slots<Frame>>,
    /// Whose they are.
    pub cameras: Cameras,
    /// Where poses go.
    pub publisher: Publisher,
    /// For ages.
    pub clock: SharedClock,
    /// Which keypoints are published.
    pub smoothing: SmoothingMode,
    /// Somebody who wants to see frames with their people (the demo).
    pub tap: Option<Arc<dyn Tap>>,
}

/// Works until the slots are closed.
pub fn run(shared: &Shared, mut nets: Nets, beat: &Beat) {
    let mut payload = Vec::with_capacity(16 * 1024);
    loop {
        beat.idle();
        let Some((id, frame)) = shared.slots.take() else { break };
        beat.busy();
        let camera = shared.cameras.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(camera) = camera {
            // A panic in a network must cost one frame, not the camera.
            let began = shared.clock.now();
            let work = AssertUnwindSafe(|| publish(shared, &camera, &frame, &mut nets, &mut payload));
            match std::panic::catch_unwind(work) {
                Ok(Ok(())) => {}
                Ok(Err(e)) => failed(&camera, &e.to_string()),
                Err(_) => failed(&camera, "the inference panicked"),
            }
            camera.worked(shared.clock.now().since(began));
        }
        // The buffer goes back to its decoder before the next frame is waited for.
        drop(frame);
        shared.slots.release(id);
    }
    beat.idle();
}

fn failed(camera: &Camera, reason: &str) {
    let Some(before) = camera.settle(|| camera.stats.dropped(DropReason::Inference)) else { return };
    // One line for the first failure and for each power of two after it, not one a frame.
    if (before + 1).is_power_of_two() {
        tracing::error!("{}: a frame gave no poses ({} so far): {reason}", camera.name, before + 1);
    }
}

fn publish(
    shared: &Shared,
    camera: &Camera,
    frame: &Frame,
    nets: &mut Nets,
    payload: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut scene = camera.scene();
    let view = scene.view(frame);
    scene.update(frame, nets)?;
    let (people, timing) = (scene.people(), scene.timing());
    let age = shared.clock.now().since(frame.stamp.mono);
    let message = Poses {
        session: shared.publisher.session(),
        seq: frame.seq,
        camera: &camera.name,
        stamp: frame.stamp,
        age,
        size: (view.width, view.height),
    };
    payload.clear();
    let written = message.write(people.iter().map(|person| published(person, shared.smoothing)), payload);
    let times = Times { age: Some(age), finder: timing.finder, pose: timing.pose };
    let said = camera.settle(|| {
        shared.publisher.poses(&camera.name, payload);
        camera.published(written, &times, scene.skipped());
    });
    if let (Some(()), Some(tap)) = (said, &shared.tap) {
        tap.people(&camera.name, frame, &view, people);
    }
    Ok(())
}

/// `person` as messages have them.
pub fn published(person: &track::Person, smoothing: SmoothingMode) -> publish::PersonMessage<'_> {
    publish::PersonMessage {
        id: person.id.0,
        bbox: person.bbox,
        score: person.score,
        keypoints: if smoothing == SmoothingMode::Raw { &person.keypoints } else { &person.smoothed },
        raw_keypoints: (smoothing == SmoothingMode::Both).then_some(&person.keypoints),
        age: person.age,
        track_age: person.track_age,
        velocity_px_s: person.velocity_px_s,
    }
}
