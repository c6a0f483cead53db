//! Anybody may publish at a broker: what is heard is bounded, and no text controls the terminal.

use super::draw::{FULL, screen, text};
use super::scene::{fall, house, message, online, silence, two_people};
use posed::clock::Clock as _;
use posed::tools::watch::{Choice, Key};
use serde_json::json;

/// Escape sequences, bells, line breaks and changes of the direction of writing.
const BAD: &str = "a\u{1b}[2J\u{7}b\r\nc\u{9b}31m\u{202e}d\u{2066}e\u{feff}";

#[test]
fn no_control_character_reaches_the_screen() {
    let (mut watched, clock) = silence();
    let mut state = online();
    state["reason"] = json!(BAD);
    state["decoder"] = json!(BAD);
    state["dropped"] = json!({ BAD: 3 });
    let mut event = fall();
    event["zone"] = json!(BAD);
    event["type"] = json!(BAD);
    for (topic, payload) in [
        ("posed/hall/state", state.to_string()),
        ("posed/hall/events", event.to_string()),
        (&format!("posed/{BAD}/state"), online().to_string()),
        (&format!("posed/hall/{BAD}/people"), "3".into()),
    ] {
        watched.hear(&message(topic, payload), clock.now());
    }
    assert_eq!(watched.cameras().count(), 1, "a name with control characters is none");
    assert_eq!(watched.refused, 2);
    let mut choice = Choice::default();
    for keys in [&[][..], &[Key::Enter]] {
        keys.iter().for_each(|key| assert!(choice.press(*key, &["hall"])));
        let drawn = text(&screen(&watched, &mut choice, FULL, &clock, (140, 40)));
        assert!(drawn.contains("a?[2J?b"), "{drawn}");
        let is_bad = |c: char| c != '\n' && c.is_control() || "\u{202e}\u{2066}\u{feff}".contains(c);
        assert!(!drawn.contains(is_bad), "{drawn:?}");
    }
}

#[test]
fn what_is_no_message_of_posed_is_counted_and_changes_nothing() {
    let (mut watched, clock) = house();
    let far = two_people().replace("\"id\":1,", "\"id\":1,\"nonsense\":[[[]]],").replace("720", "720000");
    let huge = two_people().replacen("\"box\":[", "\"box\":[1e30,", 1);
    let bad = [
        ("posed/hall/poses", "{".to_owned()),
        ("posed/hall/poses", "[]".into()),
        ("posed/hall/poses", far),
        ("posed/hall/poses", huge),
        ("posed/hall/state", json!({ "status": "hacked" }).to_string()),
        ("posed/hall/people", "-1".into()),
        ("posed/hall/people", "1e99".into()),
        ("posed/hall/occupancy", "maybe".into()),
        ("posed/hall/rug/counts", "7".into()),
        ("posed/ghost/people", "many".into()),
        ("posed/availability", "perhaps".into()),
        ("other/hall/state", online().to_string()),
        ("posed/hall", "x".into()),
    ];
    let draw = |watched: &_| text(&screen(watched, &mut Choice::default(), FULL, &clock, (120, 36)));
    let before = draw(&watched);
    for (index, (topic, payload)) in bad.iter().enumerate() {
        watched.hear(&message(topic, payload), clock.now());
        assert_eq!(watched.refused, index as u64 + 1, "{topic} {payload}");
    }
    let after = draw(&watched);
    let picture = |screen: &str| screen.lines().take(35).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(picture(&after), picture(&before));
    assert!(after.contains("13 messages not understood"), "{after}");
}

#[test]
fn cameras_people_zones_events_and_texts_are_bounded() {
    let (mut watched, clock) = silence();
    for index in 0..1000 {
        watched.hear(&message(&format!("posed/camera-{index}/state"), online()), clock.now());
        watched.hear(&message(&format!("posed/camera-0/zone-{index}/people"), 1), clock.now());
        watched.hear(&message("posed/camera-0/events", fall()), clock.now());
    }
    let person: serde_json::Value = serde_json::from_str(&two_people()).unwrap();
    let mut crowd = person.clone();
    crowd["people"] = json!(vec![person["people"][0].clone(); 500]);
    watched.hear(&message("posed/camera-0/poses", crowd), clock.now());
    let mut state = online();
    state["reason"] = json!("x".repeat(100_000));
    watched.hear(&message("posed/camera-0/state", state), clock.now());
    assert_eq!(watched.cameras().count(), 64);
    let (_, camera) = watched.cameras().next().unwrap();
    let seen = camera.seen.as_ref().unwrap();
    assert_eq!((seen.people.len(), seen.count), (64, 500));
    assert_eq!((camera.parts.len(), camera.events.len()), (64, 50));
    assert!(camera.report.as_ref().unwrap().reason.as_ref().unwrap().len() < 200);
    let mut choice = Choice::default();
    choice.press(Key::Enter, &["camera-0"]);
    screen(&watched, &mut choice, FULL, &clock, (140, 40));
}

#[test]
fn skeletons_far_outside_of_the_picture_are_drawn_at_its_edge_or_not_at_all() {
    let (mut watched, clock) = silence();
    for far in ["-99999", "99999", "0"] {
        let mut seen: serde_json::Value = serde_json::from_str(&two_people()).unwrap();
        let far: f64 = far.parse().unwrap();
        seen["people"][0]["box"] = json!([far, far, 0.0, far]);
        let keypoints = seen["people"][0]["keypoints"].as_object_mut().unwrap();
        keypoints.values_mut().enumerate().for_each(|(i, k)| *k = json!([far * (i % 2) as f64, far, 1.0]));
        watched.hear(&message("posed/hall/poses", seen), clock.now());
        screen(&watched, &mut Choice::default(), FULL, &clock, (80, 24));
    }
    assert_eq!(watched.refused, 0);
}

#[test]
fn damaged_messages_never_panic() {
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut watched, clock) = silence();
    let counts = json!({ "in": 1, "out": 2 }).to_string();
    let good = [
        ("posed/hall/poses", two_people()),
        ("posed/hall/state", online().to_string()),
        ("posed/hall/events", fall().to_string()),
        ("posed/hall/rug/people", "12".into()),
        ("posed/hall/door/counts", counts),
        ("posed/hall/occupancy", "ON".into()),
        ("posed/availability", "online".into()),
    ];
    let mut choice = Choice::default();
    for round in 0..4000 {
        let (topic, payload) = &good[rng.usize(..good.len())];
        let (mut topic, mut payload) = (topic.as_bytes().to_vec(), payload.clone().into_bytes());
        for bytes in [&mut topic, &mut payload] {
            for _ in 0..rng.usize(..3) {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(..);
            }
        }
        payload.truncate(rng.usize(payload.len() / 2..=payload.len()));
        let topic = String::from_utf8_lossy(&topic).into_owned();
        watched.hear(&posed::publish::Incoming { topic, payload, retained: false }, clock.now());
        if round % 50 == 0 {
            let drawn = text(&screen(&watched, &mut choice, FULL, &clock, (100, 30)));
            assert!(drawn.chars().all(|c| c == '\n' || !c.is_control()), "{drawn:?}");
            choice.press([Key::Enter, Key::Next][rng.usize(..2)], &["hall"]);
        }
    }
    assert!(watched.refused > 100);
}
