//! Cameras that the tests watch: real people of the demo clip, and what posed says of them.

use crate::common::root;
use posed::clock::{Clock as _, FakeClock};
use posed::publish::{Incoming, Link, Topics};
use posed::tools::watch::{Outline, Watched};
use serde_json::{Value, json};
use std::time::Duration;

/// Messages of the recorded demo clip, one a frame, with a posture for each person.
pub fn recording() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("tests/track/golden/walk.jsonl")).unwrap();
    let message = |line: &str| {
        let mut message: Value = serde_json::from_str(line).unwrap();
        message["age_ms"] = json!(42.0);
        for person in message["people"].as_array_mut().unwrap() {
            person["posture"] = json!("standing");
            person["posture_certainty"] = json!(0.93);
        }
        message.to_string()
    };
    text.lines().map(message).collect()
}

/// A frame of the recording with two people.
pub fn two_people() -> String {
    recording().swap_remove(72)
}

/// The first person of a message lies on the rug.
fn with_a_fall(message: &str) -> String {
    let mut message: Value = serde_json::from_str(message).unwrap();
    let person = &mut message["people"][0];
    let number = |value: &Value| value.as_f64().unwrap();
    let [x, y, w, h] = [0, 1, 2, 3].map(|i| number(&person["box"][i]));
    for keypoint in person["keypoints"].as_object_mut().unwrap().values_mut() {
        let (along, across) = (number(&keypoint[1]) - y, number(&keypoint[0]) - x);
        *keypoint = json!([100.0 + along, 640.0 - across, keypoint[2]]);
    }
    person["box"] = json!([100.0, 640.0 - w, h, w]);
    person["posture"] = json!("lying");
    message.to_string()
}

/// The state of a camera that works.
pub fn online() -> Value {
    json!({
        "schema": 1, "session": "x", "status": "online", "reason": null, "since": "2026-01-01T07:30:00.000Z",
        "decoder": "v4l2h264dec", "caps": null, "attempts": 1, "fps_in": 25.0, "fps_out": 24.8, "people": 2,
        "decoded": 12034, "published": 11990, "dropped": { "overwritten": 40, "rate": 4, "budget": 0 },
        "skipped": {}, "unsent": {}, "latency": { "p50_ms": 41.5, "p99_ms": 80.2 }, "finder": null, "pose": null,
    })
}

/// A fall as posed reports it.
pub fn fall() -> Value {
    json!({
        "schema": 1, "id": "01KDVDNDH9000000R000000007", "type": "fall", "state": "confirmed", "camera": "hall",
        "person": 1, "zone": "rug", "line": null, "direction": null, "posture": "lying",
        "started_at": "2026-01-01T07:59:30.000Z", "at": "2026-01-01T07:59:50.000Z", "ended_at": null,
        "certainty": 0.9, "box": null, "keypoints": null,
    })
}

pub fn message(topic: &str, payload: impl ToString) -> Incoming {
    Incoming { topic: topic.into(), payload: payload.to_string().into_bytes(), retained: false }
}

/// A watched that has heard nothing.
pub fn silence() -> (Watched, FakeClock) {
    let clock = FakeClock::default();
    clock.advance(Duration::from_secs(8 * 3600));
    (Watched::new(Topics::new("posed"), "mqtt://broker.lan:1883".into(), None), clock)
}

/// Four cameras: two with people, one that fails, one that is switched off.
pub fn house() -> (Watched, FakeClock) {
    let (mut watched, clock) = silence();
    watched.link = Link::Connected;
    let crossed = json!({ "in": 12, "out": 9, "in_today": 2, "out_today": 1 });
    let line = json!({ "type": "line", "state": "crossed", "direction": "in", "line": "door", "person": 2,
                       "at": "2026-01-01T07:58:00.000Z" });
    let failed = json!({ "status": "failed", "reason": "192.168.1.21 does not answer", "dropped": {} });
    let stopped = json!({ "status": "stopped", "reason": null, "dropped": {} });
    let hall = with_a_fall(&two_people());
    for (topic, payload) in [
        ("posed/availability", "online".to_owned()),
        ("posed/hall/rug/people", "1".into()),
        ("posed/hall/rug/occupancy", "ON".into()),
        ("posed/hall/door/counts", crossed.to_string()),
        ("posed/hall/state", online().to_string()),
        ("posed/hall/occupancy", "ON".into()),
        ("posed/hall/fall", "ON".into()),
        ("posed/hall/events_enabled", "ON".into()),
        ("posed/hall/events", line.to_string()),
        ("posed/hall/events", fall().to_string()),
        ("posed/stairs/state", online().to_string()),
        ("posed/yard/state", failed.to_string()),
        ("posed/attic/state", stopped.to_string()),
        ("posed/attic/enabled", "OFF".into()),
    ] {
        watched.hear(&message(topic, payload), clock.now());
    }
    let zone = vec![[0.02, 0.95], [0.04, 0.62], [0.3, 0.62], [0.36, 0.95]];
    let outline = |name: &str, points, closed| Outline { name: name.into(), points, closed };
    let ends = vec![[0.86, 0.95], [0.8, 0.45]];
    watched.outline("hall", vec![outline("rug", zone, true), outline("door", ends, false)]);
    let three = recording().swap_remove(30);
    // Frames of the last two seconds.
    for _ in 0..50 {
        watched.hear(&message("posed/hall/poses", &hall), clock.now());
        watched.hear(&message("posed/stairs/poses", &three), clock.now());
        clock.advance(Duration::from_millis(39));
    }
    assert_eq!(watched.refused, 0);
    (watched, clock)
}
