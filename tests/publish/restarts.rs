//! What is left at the broker by an earlier run.

use super::{connected, options, start, state};
use crate::common::{Mosquitto, client_id, wait_for};
use posed::publish::{CameraStatus, Options, Topics};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use std::path::Path;

/// The retained payload on `topic`; empty if there is none.
fn kept(broker: &Mosquitto, topic: &str) -> String {
    let (client, mut connection) = Client::new(MqttOptions::new(client_id(), "127.0.0.1", broker.port), 10);
    client.subscribe(topic, QoS::AtMostOnce).unwrap();
    // The broker sends what it has kept before it passes on this.
    client.subscribe("end", QoS::AtMostOnce).unwrap();
    client.publish("end", QoS::AtMostOnce, false, "").unwrap();
    for event in connection.iter() {
        match event.unwrap() {
            Event::Incoming(Packet::Publish(message)) if message.topic == "end" => break,
            Event::Incoming(Packet::Publish(message)) => {
                return String::from_utf8_lossy(&message.payload).into_owned();
            }
            _ => {}
        }
    }
    String::new()
}

/// Publishes the states of `cameras` like a daemon that is then killed.
fn run(port: u16, state_dir: &Path, prefix: &str, cameras: &[&str]) -> String {
    let options = Options {
        state_dir: Some(state_dir.to_owned()),
        topics: Topics::new(prefix),
        client_id: format!("run-{}", fastrand::u32(..)),
        ..options(port)
    };
    let publisher = start(options);
    publisher.clear_gone(|camera, _| cameras.contains(&camera));
    cameras.iter().for_each(|camera| publisher.state(camera, &state(CameraStatus::Online)));
    connected(&publisher);
    wait_for("the list", || {
        let list = std::fs::read_to_string(state_dir.join("retained.json")).unwrap_or_default();
        let known = list.matches("/state").count();
        (known == cameras.len()).then_some(())
    });
    publisher.session().to_owned()
}

#[test]
fn states_of_cameras_that_were_removed_are_cleared_at_the_next_start() {
    let broker = Mosquitto::start();
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("posed");
    let first = run(broker.port, &state_dir, "posed", &["a", "b"]);
    assert!(kept(&broker, "posed/b/state").contains(&format!("\"session\":\"{first}\"")));
    // Another box that shares the prefix.
    let other = start(Options { client_id: "other".into(), ..options(broker.port) });
    other.state("theirs", &state(CameraStatus::Online));
    connected(&other);

    let second = run(broker.port, &state_dir, "posed", &["a"]);
    wait_for("b to be cleared", || kept(&broker, "posed/b/state").is_empty().then_some(()));
    wait_for("the new session", || kept(&broker, "posed/a/state").contains(&second).then_some(()));
    assert!(!kept(&broker, "posed/theirs/state").is_empty(), "not ours to clear");

    run(broker.port, &state_dir, "house/posed", &["a"]);
    wait_for("the old prefix to be cleared", || kept(&broker, "posed/a/state").is_empty().then_some(()));
    assert!(!kept(&broker, "house/posed/a/state").is_empty());
}
