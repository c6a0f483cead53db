//! Messages: as they were, and as the schema says, whatever the numbers are.

use super::state;
use crate::common;
use posed::clock::Mono;
use posed::frame::{ClockLabel, Stamp};
use posed::geometry::BBox;
use posed::keypoint::{KEYPOINTS, Keypoint, Keypoints};
use posed::publish::{CameraStatus, PersonMessage, Poses, SCHEMA, State};
use proptest::prelude::*;
use std::time::{Duration, SystemTime};

fn head() -> Poses<'static> {
    let stamp = Stamp {
        mono: Mono(5),
        wall: SystemTime::UNIX_EPOCH + Duration::new(1_795_489_511, 123_456_789),
        clock: ClockLabel::Receive,
        pts: None,
    };
    Poses {
        session: "0123456789abcdef",
        seq: 412,
        camera: "door",
        stamp,
        age: Duration::from_micros(21_449),
        size: (1280, 720),
    }
}

fn poses(people: &[PersonMessage<'_>]) -> String {
    let mut out = Vec::new();
    assert_eq!(head().write(people.iter().copied(), &mut out), people.iter().filter(|p| p.id != 13).count());
    String::from_utf8(out).unwrap()
}

/// Mostly numbers of a picture, and now and then anything that an f32 can be.
fn number() -> impl Strategy<Value = f32> {
    let odd = prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX)];
    prop_oneof![400 => -2000.0f32..2000.0, 1 => odd, 1 => any::<u32>().prop_map(f32::from_bits)]
}

proptest! {
    #[test]
    fn whatever_the_numbers_a_message_is_as_the_schema_says(
        people in prop::collection::vec(prop::collection::vec(number(), 7 + 3 * KEYPOINTS), 0..4),
    ) {
        let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let keypoint = |n: &[f32]| Keypoint { x_px: n[0], y_px: n[1], score: n[2] };
        let keypoints: Vec<Keypoints> =
            people.iter().map(|n| std::array::from_fn(|k| keypoint(&n[7 + 3 * k..]))).collect();
        let person = |(n, keypoints)| {
            let n: &Vec<f32> = n;
            PersonMessage {
                id: 1,
                bbox: BBox { x: n[0], y: n[1], w: n[2], h: n[3] },
                score: n[4],
                keypoints,
                raw_keypoints: Some(keypoints),
                age: Duration::ZERO,
                track_age: Duration::ZERO,
                velocity_px_s: [n[5], n[6]],
                posture: ("standing", 0.75),
            }
        };
        let mut message = Vec::new();
        let written = head().write(people.iter().zip(&keypoints).map(person), &mut message);
        let value: serde_json::Value = serde_json::from_slice(&message).unwrap();
        prop_assert_eq!(value["people"].as_array().map(Vec::len), Some(written));
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        prop_assert!(errors.is_empty(), "{:#?}", errors);
    }
}

#[test]
fn messages_are_as_they_were_and_as_the_schema_says() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut keypoints = [Keypoint::default(); KEYPOINTS];
    for (n, k) in keypoints.iter_mut().enumerate() {
        *k =
            Keypoint { x_px: 800.0 + 10.0 * n as f32, y_px: 190.26 + n as f32, score: 0.9 - 0.05 * n as f32 };
    }
    let person = PersonMessage {
        id: 7,
        bbox: BBox { x: 811.0, y: 190.24, w: 120.35, h: 300.9 },
        score: 0.8125,
        keypoints: &keypoints,
        raw_keypoints: None,
        age: Duration::from_millis(33),
        track_age: Duration::from_millis(12_345),
        velocity_px_s: [-3.25, 0.0],
        posture: ("standing", 0.75),
    };
    // A person with a number that JSON cannot hold is left out.
    let nobody = PersonMessage { id: 13, score: f32::NAN, ..person };
    let last = PersonMessage { id: 8, age: Duration::ZERO, raw_keypoints: Some(&keypoints), ..person };
    let many = poses(&[nobody, person, last]);
    let none = poses(&[]);
    let states = [
        state(CameraStatus::Online),
        State {
            status: CameraStatus::Failed,
            reason: Some("rtspsrc: \"no route\""),
            decoder: None,
            caps: None,
            latency: None,
            finder: None,
            pose: None,
            fps_in: f64::NAN,
            ..state(CameraStatus::Online)
        },
    ];
    let states = states.map(|state| String::from_utf8(state.to_json("0123456789abcdef")).unwrap());
    let mut said = String::new();
    for message in [&many, &none, &states[0], &states[1]] {
        let value: serde_json::Value = serde_json::from_str(message).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{message}\n{errors:#?}");
        said += message;
        said.push('\n');
    }
    common::assert_golden("tests/publish/messages.jsonl", &said);
    // The schema says no where it should.
    for (from, to) in
        [("\"id\":7", "\"id\":\"7\""), ("\"nose\"", "\"nase\""), ("\"score\":0.8", "\"score\":1.8")]
    {
        let wrong = many.replacen(from, to, 1);
        assert_ne!(wrong, many);
        assert!(!validator.is_valid(&serde_json::from_str(&wrong).unwrap()), "{to}");
    }
}
