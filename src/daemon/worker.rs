//! An inference worker: takes the newest frame of the camera that waits longest, finds its people,
//! publishes their poses and events, and gives the camera back.

use super::Shared;
use super::camera::Camera;
use super::ledger::Published;
use crate::config::SmoothingMode;
use crate::events::Posture;
use crate::frame::Frame;
use crate::publish::{self, Poses};
use crate::scene::{Error, Nets};
use crate::telemetry::progress::Beat;
use crate::telemetry::stats::FrameTimes;
use crate::track;
use std::panic::AssertUnwindSafe;

/// First capacity of the buffer for one message: some ten people.
const PAYLOAD_BYTES: usize = 16 * 1024;

/// Works until the slots are closed.
pub fn run(shared: &Shared, mut nets: Nets, beat: &Beat) {
    let mut payload = Vec::with_capacity(PAYLOAD_BYTES);
    while let Some(lease) = beat.rest(|| shared.slots.take()) {
        let camera = &lease.camera;
        let began = shared.clock.now();
        // A panic in a network costs one frame, not the camera.
        let work = AssertUnwindSafe(|| process(shared, camera, &lease.frame, &mut nets, &mut payload));
        match std::panic::catch_unwind(work) {
            Ok(Ok(())) => {}
            Ok(Err(e)) => failed(camera, &e.to_string()),
            Err(_) => failed(camera, "the inference panicked"),
        }
        camera.budget.spent(shared.clock.now().since(began));
    }
}

/// One frame's way: people, message, publisher, tap.
fn process(
    shared: &Shared,
    camera: &Camera,
    frame: &Frame,
    nets: &mut Nets,
    payload: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut scene = camera.scene();
    scene.update(frame, nets)?;
    let (view, people, timing) = (scene.view(frame), scene.people(), scene.timing());
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
    let written = message.write(
        people.iter().map(|person| published(person, shared.smoothing, scene.posture(person))),
        payload,
    );
    let frame_published = Published {
        people: written,
        times: FrameTimes { age: Some(age), finder: timing.finder, pose: timing.pose },
        skipped: scene.skipped(),
    };
    // Nothing follows the camera's last message: that would leave states of a removed camera.
    let sent = camera.ledger.publish(&frame_published, || {
        shared.publisher.poses(&camera.name, payload);
        if camera.happenings.publish(&shared.publisher, scene.events(), scene.snapshot()) {
            camera.ledger.wake();
        }
    });
    if let (true, Some(diary)) = (sent, &camera.diary) {
        diary.frame(frame, &view, &scene, &camera.happenings);
    }
    if let (true, Some(hub)) = (sent, &shared.hub) {
        hub.poses(&camera.name, payload, written, &frame_published.times);
        hub.frame(&camera.name, frame, &view);
    }
    if let (true, Some(tap)) = (sent, &shared.tap) {
        tap.people(&camera.name, frame, &view, people);
    }
    Ok(())
}

/// Counts a frame that gave no poses. Logs those with a power of two as their number, not one
/// line per frame.
fn failed(camera: &Camera, reason: &str) {
    let Some(so_far) = camera.ledger.fail() else { return };
    if so_far.is_power_of_two() {
        tracing::error!("{}: a frame gave no poses ({so_far} so far): {reason}", camera.name);
    }
}

/// `person` as messages show it. `posture`: what it is, and how certain.
pub fn published(
    person: &track::Person,
    smoothing: SmoothingMode,
    posture: (Posture, f32),
) -> publish::PersonMessage<'_> {
    publish::PersonMessage {
        id: person.id.0,
        bbox: person.bbox,
        score: person.score,
        keypoints: if smoothing == SmoothingMode::Raw { &person.keypoints } else { &person.smoothed },
        raw_keypoints: (smoothing == SmoothingMode::Both).then_some(&person.keypoints),
        age: person.age,
        track_age: person.track_age,
        velocity_px_s: person.velocity_px_s,
        posture: (posture.0.name(), posture.1),
    }
}
