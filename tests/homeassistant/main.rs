//! A real Home Assistant beside a real posed and a real broker: entities and states are right, also
//! after a restart of each of the three. `make test-homeassistant` installs Home Assistant.

#[path = "../common/mod.rs"]
mod common;
mod core;

use crate::core::Installation;
use common::{Mosquitto, Posed, Subscriber, camera, config, posed};
use serde_json::{Value, json};
use std::path::Path;

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
