//! The JSON of events, their ids, and the JSON of states.

use crate::engine;
use crate::film::moment;
use posed::events::{By, EventId, EventIds, Kind, Line, Options, Person, State, Zone};
use posed::keypoint::{Keypoint, bounding_box};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Somebody who stands with their feet at (400, 500), in the order of COCO's keypoints.
const STANDING: [[f32; 2]; 17] = [
    [400.0, 180.0],
    [406.0, 174.0],
    [394.0, 174.0],
    [412.0, 178.0],
    [388.0, 178.0],
    [436.0, 220.0],
    [364.0, 220.0],
    [442.0, 275.0],
    [358.0, 275.0],
    [444.0, 325.0],
    [356.0, 325.0],
    [418.0, 330.0],
    [382.0, 330.0],
    [418.0, 415.0],
    [382.0, 415.0],
    [418.0, 500.0],
    [382.0, 500.0],
];

/// The same person, upright or on their side.
fn person(lies: bool) -> Person {
    let place = |[x, y]: [f32; 2]| if lies { [y, 480.0 + (x - 400.0) / 4.0] } else { [x, y] };
    let keypoints = STANDING.map(|point| {
        let [x_px, y_px] = place(point);
        Keypoint { x_px, y_px, score: 0.875 }
    });
    Person { id: 3, bbox: bounding_box(&keypoints, 0.2).unwrap(), keypoints, age: Duration::ZERO }
}

#[test]
fn the_messages_are_as_in_the_golden_file() {
    let mut engine = engine(|options| {
        options.zones = vec![Zone::new("hall floor", vec![[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]])];
        options.lines = vec![Line { name: "door".into(), from: [0.9, 1.0], to: [0.9, 0.0], by: By::Feet }];
        options.presence_events = true;
    });
    let mut got = String::new();
    for i in 0..250u8 {
        let moment = moment(f32::from(i) / 8.0, (1280, 720));
        for event in engine.update(&moment, &[person(i > 24)]) {
            got += std::str::from_utf8(&event.to_json()).unwrap();
            got.push('\n');
        }
    }
    got += &(serde_json::to_string(engine.snapshot()).unwrap() + "\n");
    got += &(serde_json::to_string(&engine.kept()).unwrap() + "\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events/golden.jsonl");
    if std::env::var_os("POSED_BLESS").is_some() {
        std::fs::write(&path, &got).unwrap();
    }
    assert_eq!(got, std::fs::read_to_string(&path).unwrap(), "POSED_BLESS=1 rewrites the golden file");
}

#[test]
fn ids_sort_by_time_and_are_never_given_twice() {
    let ids = EventIds::new(0xfeed_beef_cafe);
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let mut given: Vec<EventId> =
        (0..1000).map(|i| ids.fresh(wall + Duration::from_millis(i / 10))).collect();
    // The wall clock jumps back.
    given.push(ids.clone().fresh(wall - Duration::from_secs(60)));
    let texts: Vec<String> = given.iter().map(ToString::to_string).collect();
    assert!(given.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(texts.windows(2).all(|pair| pair[0] < pair[1]) && texts.iter().all(|text| text.len() == 26));
    assert_ne!(EventIds::new(1).fresh(wall), EventIds::new(2).fresh(wall));
    for (id, text) in given.iter().zip(texts) {
        assert_eq!(EventId::try_from(text).as_ref(), Ok(id));
    }
    for wrong in ["", "01", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "0000000000000000000000000u"] {
        assert!(EventId::try_from(wrong.to_string()).is_err(), "{wrong:?}");
    }
}

#[test]
fn names_are_those_of_the_json() {
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        for state in kind.states() {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
    let types = Options::new("hall").event_types();
    assert_eq!(types, ["fall_suspected", "fall_confirmed", "fall_cleared", "fall_ended"]);
    assert!(Kind::Zone.states().contains(&State::Dwelling));
}

#[test]
fn an_empty_picture_makes_no_events() {
    let mut engine = engine(|options| options.presence_events = true);
    for i in 0..100 {
        assert!(engine.update(&moment(i as f32, (640, 360)), &[]).is_empty());
    }
}
