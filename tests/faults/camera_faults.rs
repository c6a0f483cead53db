//! A camera is away, frozen, or sends what it should not.

use crate::Trial;
use crate::cameras::{Camera, Harm, h264, mjpeg, sound_only, two_videos};
use crate::common::{Mosquitto as Broker, wait_for};
use crate::rig::{Config, Connection::*, Rig, Wall::*};
use serde_json::Value;

/// A rig with the clip on "hall", which must not notice anything, and `launch` on "door".
fn with_camera(launch: &str) -> (Camera, Rig) {
    let camera = Camera::start(launch);
    let broker = Broker::start();
    let config = Config::for_port(broker.port).rtsp("door", camera.port);
    (camera, Rig::start(broker, config))
}

/// Waits for `n` messages of "hall" while "door" is in trouble.
fn others_go_on(rig: &Rig, n: usize) {
    let subscriber = rig.listen();
    let poses = || subscriber.messages().iter().filter(|m| m.topic == "posed/hall/poses").count();
    wait_for("poses of the other camera", || {
        if let Some(how) = rig.posed.died() {
            panic!("{how}");
        }
        (poses() >= n).then_some(())
    });
}

fn state_says(rig: &Rig, words: &[&str]) -> Value {
    let says = |state: &Value| words.contains(&state["status"].as_str().unwrap());
    rig.listen().json("posed/door/state", says)
}

pub fn camera_killed(trial: &mut Trial) {
    let (camera, rig) = with_camera(&h264(320, 240, 15));
    let port = camera.port;
    trial.pause(0..1000);
    drop(camera);
    others_go_on(&rig, 5);
    state_says(&rig, &["failed", "stalled", "connecting"]);
    trial.pause(0..1000);
    let _camera = Camera::on(port, &h264(320, 240, 15));
    rig.ends_well(Held, Steady);
}

pub fn camera_frozen(trial: &mut Trial) {
    let (camera, rig) = with_camera(&h264(320, 240, 15));
    trial.pause(0..1000);
    camera.signal("STOP");
    state_says(&rig, &["failed", "stalled"]);
    trial.pause(0..6000);
    others_go_on(&rig, 5);
    camera.signal("CONT");
    rig.ends_well(Held, Steady);
}

/// "door" is harmed for some seconds and must be well afterwards.
fn harmed(trial: &mut Trial, harm: Harm, ms: std::ops::Range<u64>) -> String {
    let (mut camera, rig) = with_camera(&h264(320, 240, 15));
    camera.harm(harm);
    trial.pause(ms);
    others_go_on(&rig, 5);
    camera.harm(Harm::None);
    rig.ends_well(Held, Steady)
}

pub fn camera_sends_garbage(trial: &mut Trial) {
    harmed(trial, Harm::Garbage, 5000..9000);
}

/// "door" goes and comes back with `launch`.
fn returns_with(trial: &mut Trial, launch: &str, accept: impl Fn(&Value) -> bool) {
    let (camera, rig) = with_camera(&h264(320, 240, 15));
    let port = camera.port;
    drop(camera);
    trial.pause(0..2000);
    let other = Camera::on(port, launch);
    rig.listen().json("posed/door/poses", |message| accept(&message["frame"]));
    // Larger frames need more memory while they come.
    drop(other);
    let _camera = Camera::on(port, &h264(320, 240, 15));
    rig.listen().json("posed/door/poses", |message| message["frame"]["width"] == 320);
    rig.ends_well(Held, Steady);
}

pub fn camera_changes_codec(trial: &mut Trial) {
    returns_with(trial, &mjpeg(352, 288), |frame| frame["width"] == 352);
}

pub fn camera_changes_size(trial: &mut Trial) {
    returns_with(trial, &h264(3840, 2160, 2), |frame| frame["width"] == 3840);
}

pub fn camera_changes_rate(trial: &mut Trial) {
    let camera = Camera::start(&h264(320, 240, 15));
    let (broker, port) = (Broker::start(), camera.port);
    let source = format!("rtsp://127.0.0.1:{port}/live");
    let config = Config::for_port(broker.port).camera("door", &source, "stall_timeout_ms = 8000\n");
    let rig = Rig::start(broker, config);
    drop(camera);
    trial.pause(0..1000);
    let launch = h264(320, 240, 15)
        .replace("framerate=15/1", "framerate=1/2")
        .replace("key-int-max=15", "key-int-max=1");
    let _camera = Camera::on(port, &launch);
    let subscriber = rig.listen();
    state_says(&rig, &["failed", "stalled", "connecting"]);
    let attempts = |state: &Value| state["attempts"].as_u64().unwrap();
    let online = |state: &Value| state["status"] == "online";
    let first = subscriber.json("posed/door/state", |state| online(state) && attempts(state) > 1);
    (0..5).for_each(|_| drop(subscriber.json("posed/door/poses", |_| true)));
    let later = rig.listen().json("posed/door/state", |_| true);
    assert_eq!(attempts(&first), attempts(&later), "it reconnects: {later}");
    rig.ends_well(Held, Steady);
}

pub fn camera_time_goes_backwards(trial: &mut Trial) {
    let (mut camera, rig) = with_camera(&h264(320, 240, 15));
    for _ in 0..2 {
        camera.harm(Harm::Backwards);
        trial.pause(2000..5000);
        camera.harm(Harm::None);
        trial.pause(2000..5000);
    }
    let ages = rig.messages("door").into_iter().map(|m| m["age_ms"].as_f64().unwrap());
    let oldest = ages.fold(0.0, f64::max);
    assert!(oldest < 10_000.0, "a pose of {oldest} ms");
    rig.ends_well(Held, Steady);
}

pub fn camera_sends_sound_only(trial: &mut Trial) {
    let (camera, rig) = with_camera(&h264(320, 240, 15));
    let port = camera.port;
    drop(camera);
    let camera = Camera::on(port, &sound_only());
    let failed = |state: &Value| state["status"] == "failed" && state["attempts"].as_u64() >= Some(4);
    let state = rig.listen().json("posed/door/state", failed);
    let reason = state["reason"].as_str().unwrap_or_default().to_owned();
    assert!(!reason.is_empty(), "{state}");
    trial.pause(0..1000);
    others_go_on(&rig, 5);
    drop(camera);
    let _camera = Camera::on(port, &h264(320, 240, 15));
    let log = rig.ends_well(Held, Steady);
    let warnings: Vec<_> = log.lines().filter(|l| l.contains("WARN") && l.contains("door")).collect();
    assert!(warnings.len() <= 3, "the reason is logged at each attempt: {warnings:#?}");
}

pub fn camera_sends_no_key_frames(trial: &mut Trial) {
    let (mut camera, rig) = with_camera(&h264(320, 240, 15));
    camera.harm(Harm::NoKeyFrames);
    trial.pause(5000..10_000);
    others_go_on(&rig, 5);
    camera.harm(Harm::None);
    rig.ends_well(Held, Steady);
}

pub fn camera_sends_two_videos(trial: &mut Trial) {
    let (_camera, rig) = with_camera(&two_videos());
    trial.pause(0..3000);
    let sizes: Vec<_> = rig.messages("door").iter().map(|m| m["frame"]["width"].as_u64()).collect();
    assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]), "frames of both: {sizes:?}");
    rig.ends_well(Held, Steady);
}

pub fn camera_loses_packets(trial: &mut Trial) {
    harmed(trial, Harm::Loss, 5000..9000);
}

pub fn camera_reorders_packets(trial: &mut Trial) {
    harmed(trial, Harm::Disorder, 3000..6000);
}
