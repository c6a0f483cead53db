//! The network is cut, slow, late, small, or has no names.

use crate::cameras::{Camera, h264};
use crate::common::{Mosquitto as Broker, posed};
use crate::namespace::{inside, run};
use crate::proxy::Proxy;
use crate::rig::{Config, Connection::*, Rig, Wall::*, listen, number};
use crate::{Trial, skipped};
use std::process::Command;
use std::time::Duration;

/// A rig with the clip on "hall" and an RTSP camera on "door".
fn with_camera() -> (Camera, Rig) {
    let camera = Camera::start(&h264(320, 240, 15));
    let broker = Broker::start();
    let config = Config::for_port(broker.port).rtsp("door", camera.port);
    (camera, Rig::start(broker, config))
}

pub fn network_cut(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    let (_camera, rig) = with_camera();
    trial.pause(0..1000);
    run(&["ip", "link", "set", "lo", "down"]);
    trial.pause(3000..12_000);
    run(&["ip", "link", "set", "lo", "up"]);
    rig.ends_well(Lost, Steady);
}

/// Loopback passes 64 kbit/s in all. False if the kernel cannot do that.
fn slow_down() -> bool {
    run(&["ip", "link", "set", "lo", "mtu", "1500"]);
    let slow = [
        "tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "64kbit", "burst", "16kb", "latency", "2s",
    ];
    let works = Command::new(slow[0]).args(&slow[1..]).status().is_ok_and(|status| status.success());
    if !works {
        skipped("this kernel has no tbf");
    }
    works
}

/// Four cameras send more than that.
fn four_cameras() -> Rig {
    let broker = Broker::start();
    let config = Config::for_port(broker.port).clip("door0").clip("door1").clip("door2").with_events();
    Rig::start(broker, config)
}

pub fn broker_slow(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    let rig = four_cameras();
    if !slow_down() {
        return;
    }
    trial.pause(15_000..20_000);
    run(&["tc", "qdisc", "del", "dev", "lo", "root"]);
    rig.flows();
    let mut lost = 0;
    for name in rig.config.names() {
        let state = rig.listen().json(&format!("posed/{name}/state"), |_| true);
        assert_eq!(state["status"], "online", "{state}");
        lost += number(&state["unsent"], "overflow");
    }
    assert!(lost > 0, "no pose was dropped as overflow");
    for message in rig.messages("hall") {
        assert!(message["age_ms"].as_f64().unwrap() < 10_000.0, "{message}");
    }
    rig.ends_well(Held, Steady);
}

pub fn stopped_while_the_broker_is_slow(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    // With the subscriber's copies, two cameras are more than the link takes.
    let broker = Broker::start();
    let config = Config::for_port(broker.port).clip("door");
    let rig = Rig::start(broker, config);
    if !slow_down() {
        return;
    }
    trial.pause(8000..12_000);
    let Rig { posed, broker, config, .. } = rig;
    let (status, log) = posed.stop();
    run(&["tc", "qdisc", "del", "dev", "lo", "root"]);
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("out of time"), "{log}");
    let late = listen("127.0.0.1", broker.port);
    for name in config.names() {
        let topic = format!("posed/{name}/state");
        late.wait(&topic, |m| m.retained && m.text().contains("\"status\":\"stopped\""));
    }
    late.wait("posed/availability", |m| m.retained && m.text() == "offline");
    assert!(!log.contains("connection lost"), "{log}");
}

pub fn network_late(trial: &mut Trial) {
    let camera = Camera::start(&h264(320, 240, 15));
    let broker = Broker::start();
    let (to_broker, to_camera) = (Proxy::to(broker.port), Proxy::to(camera.port));
    let config = Config::for_port(to_broker.port).rtsp("door", to_camera.port);
    let rig = Rig::start(broker, config);
    let delay = Duration::from_millis(trial.rng.u64(400..800));
    [&to_broker, &to_camera].iter().for_each(|proxy| proxy.delay(delay));
    trial.pause(5000..8000);
    rig.flows();
    [&to_broker, &to_camera].iter().for_each(|proxy| proxy.delay(Duration::ZERO));
    rig.ends_well(Held, Steady);
}

pub fn connections_reset(trial: &mut Trial) {
    let camera = Camera::start(&h264(320, 240, 15));
    let broker = Broker::start();
    let (to_broker, to_camera) = (Proxy::to(broker.port), Proxy::to(camera.port));
    let config = Config::for_port(to_broker.port).rtsp("door", to_camera.port);
    let rig = Rig::start(broker, config);
    for _ in 0..10 {
        trial.pause(0..1500);
        if trial.rng.bool() { to_broker.reset() } else { to_camera.reset() }
    }
    rig.ends_well(Lost, Steady);
}

pub fn network_small_packets(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    run(&["ip", "link", "set", "lo", "mtu", "576"]);
    let (_camera, rig) = with_camera();
    trial.pause(0..2000);
    rig.ends_well(Held, Steady);
}

pub fn names_gone(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (hosts, resolver) = (dir.path().join("hosts"), dir.path().join("resolv.conf"));
    let known = "127.0.0.1 localhost broker.test\n";
    std::fs::write(&hosts, known).unwrap();
    // Nothing listens there: a look-up fails at once.
    std::fs::write(&resolver, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
    run(&["mount", "--bind", hosts.to_str().unwrap(), "/etc/hosts"]);
    run(&["mount", "--bind", resolver.to_str().unwrap(), "/etc/resolv.conf"]);
    let broker = Broker::start();
    let config = Config { host: "broker.test".into(), ..Config::for_port(broker.port) };
    let mut rig = Rig::start(broker, config);
    std::fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    rig.broker.down();
    rig.broker.up();
    trial.pause(3000..6000);
    std::fs::write(&hosts, known).unwrap();
    rig.ends_well(Lost, Steady);
}

pub fn ipv6_only(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    let broker = Broker::at("::1", "allow_anonymous true\n");
    run(&["ip", "address", "del", "127.0.0.1/8", "dev", "lo"]);
    let config = Config { host: "[::1]".into(), ..Config::for_port(broker.port) };
    let rig = Rig::on("[::1]", posed(&["run"]), broker, config);
    trial.pause(0..2000);
    rig.ends_well(Held, Steady);
}
