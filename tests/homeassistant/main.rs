//! A real Home Assistant beside a real posed and a real broker: entities and states are right, also
//! after a restart of each of the three. `make test-homeassistant` installs Home Assistant.

#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reports what it measures, and fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;
mod core;

use crate::core::{Core, Installation};
use common::{Mosquitto, Posed, Subscriber, camera, clip, config, posed, root, wait_for};
use gstreamer::{self as gst, prelude::*};
use serde_json::{Value, json};
use std::path::Path;
use std::time::SystemTime;

const EXTRA: &str = "[[camera.zone]]\nname = \"floor\"\nby = \"body\"\n\
    polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\n\
    [[camera.line]]\nname = \"door\"\nfrom = [0.5, 1.0]\nto = [0.5, 0.0]\n";

/// A configuration with cameras of these names. People walk through their clip again and again.
fn cameras(broker: &Mosquitto, names: &[&str]) -> String {
    let clip = |name: &&str| camera(name, &format!("paced = true\nloop = true\n{EXTRA}"));
    let all: String = names.iter().map(clip).collect();
    // The client id names the state folder. By default it depends on the path of the configuration.
    let text = config(broker, &all).replace("[mqtt]\n", "[mqtt]\nclient_id = \"box\"\n");
    format!("{text}\n[homeassistant]\nenabled = true\n")
}

/// posed that keeps its state in `state` over restarts.
fn start(text: &str, state: &Path) -> Posed {
    let mut command = posed(&["run"]);
    command.env("XDG_STATE_HOME", state);
    Posed::spawn(command, text)
}

#[test]
#[ignore = "needs Home Assistant: make test-homeassistant"]
fn people_are_shown_also_after_a_restart_of_each_party() {
    let Some(installation) = Installation::new() else { return };
    let state = tempfile::tempdir().unwrap();
    let mut broker = Mosquitto::start();
    let text = cameras(&broker, &["hall", "door"]);
    let daemon = start(&text, state.path());
    let mut home = installation.start(&broker);

    home.until("binary_sensor.posed_hall_occupancy", "on");
    home.until("binary_sensor.posed_hall_fall", "off");
    home.until("binary_sensor.posed_hall_connection", "on");
    home.until("binary_sensor.posed_hall_zone_floor_occupancy", "on");
    home.until("binary_sensor.posed_connection", "on");
    home.until("switch.posed_hall_enabled_switch", "on");
    let dump = home.dump();
    assert_eq!(dump["warnings"], json!([]), "Home Assistant complains");
    assert_eq!(dump["devices"]["hall"]["via"], "posed", "{dump}");
    let entities = dump["entities"].as_object().unwrap();
    for (entity, class) in [
        ("binary_sensor.posed_hall_fall", json!("safety")),
        ("sensor.posed_hall_people", Value::Null),
        ("sensor.posed_hall_line_door_in_today", Value::Null),
        ("sensor.posed_hall_frame_rate", Value::Null),
        ("event.posed_hall_event", Value::Null),
        ("number.posed_hall_max_fps", Value::Null),
    ] {
        let found = entities.get(entity).unwrap_or_else(|| panic!("{entity} is not in {dump}"));
        assert_eq!(found["device_class"], class, "{entity}");
    }

    // Home Assistant restarts: retained states are there at once.
    home.stop();
    let mut home = installation.start(&broker);
    home.until("binary_sensor.posed_hall_occupancy", "on");

    // A switch switches, and the other camera goes on.
    home.call("switch.turn_off", "switch.posed_hall_enabled_switch", json!({}));
    home.until("switch.posed_hall_enabled_switch", "off");
    home.until("binary_sensor.posed_hall_occupancy", "unavailable");
    home.until("binary_sensor.posed_hall_connection", "off");
    home.until("binary_sensor.posed_door_occupancy", "on");

    // posed restarts: the switch is remembered. Then it is switched on again.
    daemon.stop();
    home.until("binary_sensor.posed_door_occupancy", "unavailable");
    let daemon = start(&text, state.path());
    home.until("binary_sensor.posed_door_occupancy", "on");
    home.until("switch.posed_hall_enabled_switch", "off");
    home.call("switch.turn_on", "switch.posed_hall_enabled_switch", json!({}));
    home.until("binary_sensor.posed_hall_occupancy", "on");

    // A camera that is removed disappears.
    std::fs::write(&daemon.config, cameras(&broker, &["hall"])).unwrap();
    daemon.signal("HUP");
    home.until("binary_sensor.posed_door_occupancy", "absent");
    home.until("binary_sensor.posed_hall_occupancy", "on");
    let dump = home.dump();
    assert_eq!(dump["devices"]["door"], Value::Null, "{dump}");

    // The broker restarts and has lost everything.
    broker.down();
    home.until("binary_sensor.posed_hall_occupancy", "unavailable");
    broker.up();
    home.until("binary_sensor.posed_hall_occupancy", "on");
    let (status, log) = daemon.stop();
    assert!(status.success(), "{log}");
}

/// Writes one picture of `source` as JPEG.
fn picture(source: &str, path: &Path) {
    gst::init().unwrap();
    let text = format!(
        "{source} ! videoconvert ! videoscale ! video/x-raw,width=640,height=360 ! jpegenc snapshot=true \
         ! filesink location={}",
        path.display()
    );
    let pipeline = gst::parse::launch(&text).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(None, &ends).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
}

#[test]
#[ignore = "needs Home Assistant: make test-homeassistant"]
fn a_person_is_shown_at_once() {
    let Some(installation) = Installation::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (seen, someone) = (dir.path().join("seen.jpg"), dir.path().join("someone.jpg"));
    picture("videotestsrc pattern=black", &seen);
    picture(&format!("filesrc location={} ! decodebin", clip().display()), &someone);
    let broker = Mosquitto::start();
    let source = format!(
        "[[camera]]\nname = \"hall\"\nsource = \"file://{}\"\nloop = true\npicture_interval_ms = 100\n",
        seen.display()
    );
    let finder = format!("[model]\nfinder = \"{}\"\n", root().join("models/person-320x192").display());
    let text = config(&broker, &source).replace("[model]\n", &finder);
    let text = format!("{text}\n[homeassistant]\nenabled = true\n");
    let daemon = start(&text, dir.path());
    let mut home = installation.start(&broker);
    home.until("binary_sensor.posed_hall_occupancy", "off");
    let appears = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    std::fs::rename(someone, seen).unwrap();
    home.until("binary_sensor.posed_hall_occupancy", "on");
    let shown = home.dump()["entities"]["binary_sensor.posed_hall_occupancy"]["changed_at"].as_f64().unwrap();
    // Printed and not asserted: it depends on the machine. The aim is 2 s.
    eprintln!("Home Assistant shows a person {:.2} s after they appear", shown - appears);
    let (status, log) = daemon.stop();
    assert!(status.success(), "{log}");
}

/// Waits until Home Assistant has no device of this name and no entity of it.
fn vanishes(home: &mut Core, device: &str) {
    wait_for("the end of a device in Home Assistant", || {
        let dump = home.dump();
        let ids = dump["entities"]
            .as_object()
            .unwrap()
            .values()
            .map(|entity| entity["unique_id"].as_str().unwrap());
        let left = ids.filter(|id| id.starts_with(&format!("posed_{device}_"))).count();
        (left == 0 && dump["devices"][device].is_null()).then_some(())
    });
}

#[test]
#[ignore = "needs Home Assistant: make test-homeassistant"]
fn what_goes_while_home_assistant_is_away_disappears_too() {
    let Some(installation) = Installation::new() else { return };
    let state = tempfile::tempdir().unwrap();
    let mut broker = Mosquitto::start();
    let (both, one) = (cameras(&broker, &["hall", "door"]), cameras(&broker, &["hall"]));
    let daemon = start(&both, state.path());
    let change = |text: &str| {
        std::fs::write(&daemon.config, text).unwrap();
        daemon.signal("HUP");
    };
    let mut home = installation.start(&broker);
    home.until("binary_sensor.posed_door_occupancy", "on");

    // The broker restarts. posed is back at once. Home Assistant takes ten seconds, and misses the
    // removal.
    broker.down();
    home.until("binary_sensor.posed_door_occupancy", "unavailable");
    broker.up();
    let subscriber = Subscriber::start(&broker);
    subscriber.wait("posed/door/people", |_| true);
    change(&one);
    vanishes(&mut home, "door");
    home.until("binary_sensor.posed_hall_occupancy", "on");

    // It comes back as new.
    change(&both);
    home.until("binary_sensor.posed_door_occupancy", "on");

    // Home Assistant restarts. Meanwhile a camera, and a zone of the other, are removed.
    home.stop();
    let zone = one.split_once("[[camera.zone]]").unwrap().1.split_once("[[camera.line]]").unwrap().0;
    let less = one.replace(&format!("[[camera.zone]]{zone}"), "");
    let subscriber = Subscriber::start(&broker);
    change(&less);
    subscriber.wait("homeassistant/device/posed_door/config", |message| message.payload.is_empty());
    let mut home = installation.start(&broker);
    vanishes(&mut home, "door");
    vanishes(&mut home, "hall_zone_floor");
    home.until("binary_sensor.posed_hall_occupancy", "on");
    assert_eq!(home.dump()["warnings"], json!([]), "Home Assistant complains");

    // Once is enough: after another restart they do not flicker.
    home.stop();
    let subscriber = Subscriber::start(&broker);
    let mut home = installation.start(&broker);
    home.until("binary_sensor.posed_hall_occupancy", "on");
    vanishes(&mut home, "door");
    let again = subscriber.messages().into_iter().find(|message| message.topic.contains("posed_door"));
    assert!(again.is_none(), "{again:?}");
    let (status, log) = daemon.stop();
    assert!(status.success(), "{log}");
}

#[test]
#[ignore = "needs Home Assistant: make test-homeassistant"]
fn switching_discovery_off_removes_all_devices() {
    let Some(installation) = Installation::new() else { return };
    let state = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start();
    let text = cameras(&broker, &["hall"]);
    let daemon = start(&text, state.path());
    let mut home = installation.start(&broker);
    home.until("binary_sensor.posed_hall_occupancy", "on");
    daemon.stop();
    let daemon = start(&text.replace("enabled = true", "enabled = false"), state.path());
    home.until("binary_sensor.posed_hall_occupancy", "absent");
    home.until("binary_sensor.posed_connection", "absent");
    daemon.stop();
    let late = Subscriber::start(&broker);
    late.wait("posed/hall/people", |_| true);
    let left: Vec<_> = late
        .messages()
        .into_iter()
        .filter(|m| m.topic.starts_with("homeassistant/") && !m.payload.is_empty())
        .map(|m| m.topic)
        .filter(|topic| topic != "homeassistant/status")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
