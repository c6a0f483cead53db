//! The golden replay: a recording of the demo clip, as a simulated network of FAIR quality sees it,
//! gives the same tracks as the golden file.
//!
//! `cargo test --test track make_the_recording -- --ignored` writes the recording. Keep the
//! committed one: the input must stay the same.
//!
//! After an intended change of tracking, run `POSED_BLESS=1 cargo test --test track golden` and
//! review the difference.

use crate::common::{Mosquitto, root, wait_for};
use crate::life::{Run, play_and};
use crate::scene::{SIZE, recorded};
use posed::clock::SystemClock;
use posed::keypoint::NAMES;
use posed::publish::{self, Publisher};
use posed::telemetry::progress::Progress;
use posed::tools::replay::{Comparison, Recording};
use posed::track::{Ids, Options, Person, Tracker};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

const RECORDING: &str = include_str!("golden/walk.jsonl");
const GOLDEN: &str = include_str!("golden/walk.replay.jsonl");

#[test]
#[ignore = "writes the input of the golden replay"]
fn make_the_recording() {
    let frames = recorded(include_str!("../../models/demo/walk.json"));
    let world = |t: f32| frames((t * 25.0).round() as usize);
    let round = |v: f32, unit: f64| (f64::from(v) * unit).round() / unit;
    let mut lines = String::new();
    play_and(&Run { world: &world, seconds: 14.9, fps: 8.0, ..Run::default() }, |at, people| {
        let person = |p: &Person| {
            let keypoint = |(name, k): (&&str, &posed::keypoint::Keypoint)| {
                ((*name).to_owned(), json!([round(k.x_px, 10.0), round(k.y_px, 10.0), round(k.score, 100.0)]))
            };
            let keypoints: serde_json::Map<String, Value> =
                NAMES.iter().zip(&p.keypoints).map(keypoint).collect();
            let bbox = [p.bbox.x, p.bbox.y, p.bbox.w, p.bbox.h].map(|v| round(v, 10.0));
            json!({"id": p.id, "box": bbox, "score": round(p.score, 100.0),
                "age_ms": p.age.as_millis() as u64, "keypoints": keypoints})
        };
        let people: Vec<Value> = people.iter().map(person).collect();
        let message = json!({"schema": 1, "camera": "demo", "captured_ns": 1_790_000_000_000_000_000 + at.0,
            "frame": {"width": SIZE.0, "height": SIZE.1}, "people": people});
        writeln!(lines, "{message}").unwrap();
    });
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/track/golden/walk.jsonl"), lines).unwrap();
}

/// Replays the recording. Returns a line for each message: time, and each person's id, box and
/// smoothed nose.
fn play() -> (String, Comparison) {
    let mut recording = Recording::new(RECORDING.as_bytes());
    let mut tracker = Tracker::new(Options::default(), Ids::default());
    let (mut told, mut comparison) = (String::new(), Comparison::default());
    while let Some(step) = recording.read().unwrap() {
        let people = tracker.update(step.at, step.size, &step.observations);
        comparison.count(&step.recorded, people);
        let person = |p: &Person| {
            let (b, nose) = (p.bbox, p.smoothed[0]);
            let numbers = [b.x, b.y, b.w, b.h, nose.x_px, nose.y_px];
            json!([p.id, numbers.map(|v| (f64::from(v) * 10.0).round() / 10.0)])
        };
        let people: Vec<Value> = people.iter().map(person).collect();
        writeln!(told, "{}", json!({"ms": step.at.0 / 1_000_000, "people": people})).unwrap();
    }
    (told, comparison)
}

#[test]
fn the_golden_replay_has_not_changed() {
    let (told, comparison) = play();
    if std::env::var_os("POSED_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/track/golden/walk.replay.jsonl");
        std::fs::write(path, &told).unwrap();
        return;
    }
    let parsed =
        |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let (now, golden) = (parsed(&told), parsed(GOLDEN));
    assert_eq!(now.len(), golden.len());
    for (line, (now, golden)) in now.iter().zip(&golden).enumerate() {
        assert!(same(now, golden), "message {}:\n   now {now}\ngolden {golden}", line + 1);
    }
    // The people are those of the recording, and their ids do not change.
    assert_eq!((comparison.id_changes, comparison.ids.0), (0, comparison.ids.1), "{comparison:?}");
    assert!(comparison.matched * 10 >= comparison.recorded * 9, "{comparison:?}");
}

fn posed_replay(args: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_posed")).arg("replay").args(args).output().unwrap()
}

#[test]
fn the_command_prints_messages_it_can_replay() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/track/golden/walk.jsonl");
    let untouched = posed_replay(&["--as-recorded", file]);
    assert_eq!(String::from_utf8(untouched.stdout).unwrap(), RECORDING);
    let again = posed_replay(&[file]);
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(told.contains("; 0 changed id"), "{told}");
    let mut recording = Recording::new(again.stdout.as_slice());
    let mut messages = 0;
    while let Some(step) = recording.read().unwrap() {
        messages += 1;
        assert!(step.recorded.iter().all(|(_, bbox)| bbox.is_valid()));
    }
    assert_eq!(messages, RECORDING.lines().count());
}

#[test]
fn the_command_names_the_file_and_line_of_an_invalid_message() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.jsonl");
    let first = RECORDING.lines().next().unwrap();
    std::fs::write(&file, format!("{first}\nposed/door/poses {first}\n")).unwrap();
    let out = posed_replay(&[file.to_str().unwrap()]);
    let told = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{told}");
    assert!(told.contains("bad.jsonl: line 2: not a pose message"), "{told}");
}

#[test]
fn messages_through_a_broker_are_recorded_and_can_be_replayed() {
    let broker = Mosquitto::start();
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = (dir.path().join("posed.toml"), dir.path().join("door.jsonl"));
    let clip = dir.path().join("door.mkv");
    let text = format!(
        "[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n[[camera]]\nname = \"door\"\nsource = \"test://\"\n",
        broker.port
    );
    std::fs::write(&config, text).unwrap();
    let mut recorder = std::process::Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["record", "door", "--messages", "5", "--config"])
        .args([&config, Path::new("--output"), &file, Path::new("--clip"), &clip])
        .spawn()
        .unwrap();
    let options = publish::Options::new("127.0.0.1", broker.port, "test");
    let publisher = Publisher::start(options, SystemClock::shared(), &Progress::default()).unwrap();
    // The test cannot know when the recorder has subscribed: publish until it has enough.
    let mut lines = RECORDING.lines().cycle();
    let status = wait_for("five messages", || {
        publisher.poses("door", lines.next().unwrap().as_bytes());
        recorder.try_wait().unwrap()
    });
    publisher.stop();
    assert!(status.success());
    let recorded = std::fs::read_to_string(&file).unwrap();
    assert_eq!(recorded.lines().count(), 5);
    assert!(recorded.lines().all(|line| RECORDING.lines().any(|sent| sent == line)));
    assert!(posed_replay(&[file.to_str().unwrap()]).status.success());
    assert!(std::fs::metadata(&clip).unwrap().len() > 0);
}

#[test]
fn the_command_tracks_a_clip_and_its_messages_can_be_replayed() {
    let models = root().join("models");
    let (clip, pose) = (models.join("demo/walk.mp4"), models.join("lpn50-128x96"));
    let finder = models.join("person-320x192");
    let [clip, pose, finder] = [&clip, &pose, &finder].map(|path| path.to_str().unwrap());
    let again =
        posed_replay(&["--clip", clip, "--max-fps", "5", "--model", pose, "--person-model", finder, "--raw"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let mut recording = Recording::new(again.stdout.as_slice());
    let (mut messages, mut people) = (0, 0);
    while let Some(step) = recording.read().unwrap() {
        assert_eq!(step.size, SIZE);
        messages += 1;
        people += step.observations.len();
    }
    // 15 s; the clip shows two people on average.
    assert_eq!(messages, 75);
    assert!(people > messages, "{people}");
}

/// Whether integers (ids, times) are equal and other numbers differ by less than half a px:
/// machines differ in the last bits of exp.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|other| same(v, other)))
        }
        (Value::Number(x), Value::Number(y)) if x.is_f64() && y.is_f64() => {
            x.as_f64().zip(y.as_f64()).is_some_and(|(x, y)| (x - y).abs() <= 0.5)
        }
        _ => a == b,
    }
}
