//! Commands, events and states of people, through the real binary and a real broker.

use crate::common::{Message, Mosquitto, Posed, Subscriber, camera, config, posed, root, wait_for};
use posed::publish::SCHEMA;
use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use serde_json::Value;
use std::path::Path;

const ZONE: &str = "[[camera.zone]]\nname = \"floor\"\nby = \"body\"\n\
    polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\n\
    [[camera.line]]\nname = \"door\"\nfrom = [0.5, 1.0]\nto = [0.5, 0.0]\nby = \"body\"\n";

/// posed with the camera "hall", which keeps its state in `state` over restarts.
fn start(broker: &Mosquitto, mqtt: &str, state: &Path) -> Posed {
    let hall = camera("hall", &format!("paced = true\nloop = true\n{ZONE}"));
    // The client id names the state folder. By default it depends on the path of the configuration.
    let text = config(broker, &hall).replace("[mqtt]\n", &format!("[mqtt]\nclient_id = \"box\"\n{mqtt}"));
    let mut command = posed(&["run"]);
    command.env("XDG_STATE_HOME", state);
    Posed::spawn(command, &text)
}

/// Publishes one message and waits until the broker has it.
fn send(broker: &Mosquitto, topic: &str, payload: &str, retain: bool) {
    let (client, mut connection): (Client, Connection) =
        Client::new(MqttOptions::new(format!("sender-{topic}"), "127.0.0.1", broker.port), 10);
    client.publish(topic, QoS::AtLeastOnce, retain, payload).unwrap();
    let acknowledged = |event| matches!(event, Ok(Event::Incoming(Packet::PubAck(_))));
    assert!(connection.iter().any(acknowledged), "the broker takes {topic}");
}

/// Waits for a retained state.
fn state(subscriber: &Subscriber, leaf: &str, want: &str) {
    subscriber.until(&format!("posed/hall/{leaf}"), |payload| payload == want);
}

#[test]
fn commands_are_obeyed_and_remembered_and_bad_ones_are_answered() {
    let state_home = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let daemon = start(&broker, "", state_home.path());
    state(&subscriber, "enabled", "ON");
    subscriber.json("posed/hall/poses", |_| true);

    for (topic, payload, retain, reason) in [
        ("posed/hall/enabled/set", "maybe", false, "must be ON or OFF"),
        ("posed/hall/max_fps/set", "fast", false, "must be a number"),
        ("posed/cellar/enabled/set", "OFF", false, "there is no camera"),
        ("posed/hall/enabled/set", "OFF", true, "must not be retained"),
    ] {
        send(&broker, topic, payload, retain);
        if retain {
            // A command that arrives live is obeyed, retained or not: only a subscription tells.
            state(&subscriber, "enabled", "OFF");
            send(&broker, topic, "", true);
            send(&broker, topic, "ON", false);
            state(&subscriber, "enabled", "ON");
            continue;
        }
        let camera = topic.split('/').nth(1).unwrap();
        let answer = subscriber.json(&format!("posed/{camera}/error"), |_| true);
        assert_eq!(answer["topic"], topic);
        assert!(answer["error"].as_str().unwrap().contains(reason), "{answer}");
    }

    send(&broker, "posed/hall/max_fps/set", "5", false);
    state(&subscriber, "max_fps", "5");
    send(&broker, "posed/hall/enabled/set", "OFF", false);
    // The state "stopped" would not do: that of the first OFF may come as late as this.
    state(&subscriber, "enabled", "OFF");
    assert!(daemon.stop().0.success());

    let daemon = start(&broker, "", state_home.path());
    subscriber.until("posed/availability", |payload| payload == "online");
    let late = Subscriber::start(&broker);
    for (leaf, want) in [("enabled", "OFF"), ("max_fps", "5"), ("events_enabled", "ON")] {
        late.wait(&format!("posed/hall/{leaf}"), |m| m.text() == want);
    }
    send(&broker, "posed/hall/enabled/set", "ON", false);
    subscriber.json("posed/hall/state", |state| state["status"] == "online");
    assert!(daemon.stop().0.success());
}

#[test]
fn without_commands_nothing_is_obeyed() {
    let state_home = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let daemon = start(&broker, "commands = false\n", state_home.path());
    subscriber.json("posed/hall/poses", |_| true);
    send(&broker, "posed/hall/enabled/set", "OFF", false);
    (0..20).for_each(|_| drop(subscriber.json("posed/hall/poses", |_| true)));
    let is_state = |m: &Message| m.topic == "posed/hall/enabled" || m.topic == "posed/hall/error";
    assert!(!subscriber.messages().iter().any(is_state));
    assert!(daemon.stop().0.success());
}

/// Addresses of docs/asyncapi.yaml, as lists of levels; `{...}` stands for any.
fn addresses() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("docs/asyncapi.yaml")).unwrap();
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("address: "));
    lines.map(|address| address.split('/').map(str::to_owned).collect()).collect()
}

#[test]
fn events_and_states_are_as_the_documents_say() {
    let state_home = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let daemon = start(&broker, "", state_home.path());
    let entered = subscriber.json("posed/hall/events", |event| event["type"] == "zone");
    assert_eq!((&entered["zone"], &entered["state"]), (&"floor".into(), &"entered".into()));
    subscriber.wait("posed/hall/occupancy", |m| m.text() == "ON");
    subscriber.wait("posed/hall/floor/occupancy", |m| m.text() == "ON");
    subscriber.wait("posed/hall/fall", |m| m.text() == "OFF");
    wait_for("a second person", || {
        subscriber.messages().into_iter().find(|m| m.topic == "posed/hall/people")
    });
    assert!(daemon.stop().0.success());

    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let addresses = addresses();
    assert!(addresses.len() > 15, "the addresses are not found any more");
    for message in subscriber.messages() {
        let levels: Vec<&str> = message.topic.split('/').collect();
        let fits = |address: &Vec<String>| {
            let same = |(want, level): (&String, &&str)| want.starts_with('{') || want == level;
            address.len() == levels.len() && address.iter().zip(&levels).all(same)
        };
        assert!(addresses.iter().any(fits), "{} is not in docs/asyncapi.yaml", message.topic);
        if ["poses", "state", "events"].contains(levels.last().unwrap()) && levels.len() == 3 {
            let payload = serde_json::from_slice(&message.payload).unwrap();
            let faults: Vec<String> = validator.iter_errors(&payload).map(|e| e.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:?}", message.text());
        }
        if levels.last() == Some(&"counts") {
            let counts: Value = serde_json::from_slice(&message.payload).unwrap();
            assert!(counts["in_today"].is_u64() && counts["out"].is_u64(), "{counts}");
        }
    }
}
