//! What subscribers get, and when the broker goes away or the daemon does.

use super::{MS, connected, options, start, state};
use crate::common::{self, Mosquitto, Subscriber, log_lines, wait_for};
use posed::clock::Mono;
use posed::publish::{CameraStatus, Options, SCHEMA};
use std::time::Duration;

#[test]
fn a_subscriber_gets_poses_and_whoever_comes_later_what_is_retained() {
    let broker = Mosquitto::start();
    let early = Subscriber::start(&broker);
    let publisher = start(options(broker.port));
    publisher.state("door", &state(CameraStatus::Online));
    early.wait("posed/availability", |m| m.payload == b"online");
    // A crowd: more than rumqttc lets through by default.
    let crowd = vec![b'x'; 100_000];
    publisher.poses("door", &crowd);
    let got = early.wait("posed/door/poses", |_| true);
    assert_eq!((got.payload.len(), got.retained), (crowd.len(), false));

    let late = Subscriber::start(&broker);
    assert!(late.wait("posed/availability", |m| m.payload == b"online").retained);
    assert!(late.wait("posed/door/state", |_| true).retained);
    assert_eq!(late.wait("posed/schema", |m| m.retained).payload, SCHEMA.as_bytes());

    publisher.state("door", &state(CameraStatus::Stopped));
    publisher.retain("posed/old/state", b"");
    // A busy machine may need longer than the second that a stop takes at most.
    publisher.stop_by(Mono::default() + common::PATIENCE);
    let is_stopped = |m: &common::Message| String::from_utf8_lossy(&m.payload).contains("\"stopped\"");
    early.wait("posed/door/state", is_stopped);
    early.wait("posed/availability", |m| m.payload == b"offline");
    let order: Vec<_> = early.messages().into_iter().filter(|m| !m.retained).map(|m| m.topic).collect();
    assert_eq!(order.last().unwrap(), "posed/availability", "{order:?}");
    // A second offline would be the last will: then we had not said goodbye.
    let offline = early.messages().iter().filter(|m| m.payload == b"offline").count();
    assert_eq!(offline, 1);
    publisher.poses("door", b"late");
    assert_eq!(publisher.dropped("door").offline, 1);
    assert_eq!(publisher.stats().published, 1);
}

/// Run by `a_killed_daemon_is_announced_by_its_last_will` in a process of its own.
#[test]
fn publisher_to_be_killed() {
    let Ok(port) = std::env::var("POSED_TEST_PORT") else { return };
    let publisher = start(options(port.parse().unwrap()));
    connected(&publisher);
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn a_killed_daemon_is_announced_by_its_last_will() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "broker::publisher_to_be_killed"])
        .env("POSED_TEST_PORT", broker.port.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    subscriber.wait("posed/availability", |m| m.payload == b"online");
    child.kill().unwrap();
    child.wait().unwrap();
    subscriber.wait("posed/availability", |m| m.payload == b"offline");
    let late = Subscriber::start(&broker);
    assert!(late.wait("posed/availability", |m| m.payload == b"offline").retained);
}

#[test]
fn a_broker_that_comes_back_empty_gets_everything_again() {
    let mut broker = Mosquitto::start();
    let port = broker.port;
    let publisher = start(Options { retry: Options::new("", 0, "").retry, ..options(port) });
    publisher.state("door", &state(CameraStatus::Online));
    connected(&publisher);
    broker.down();
    wait_for("the loss", || (!publisher.connected()).then_some(()));
    for _ in 0..1000 {
        publisher.poses("door", b"unheard");
    }
    assert!(publisher.dropped("door").offline >= 1000);
    assert_eq!(publisher.stats().waiting, 0);
    // Long enough for the pauses to reach their cap.
    std::thread::sleep(5000 * MS);

    let back = std::time::Instant::now();
    broker.up();
    let subscriber = Subscriber::start(&broker);
    subscriber.wait("posed/availability", |m| m.payload == b"online");
    publisher.poses("door", b"heard");
    subscriber.wait("posed/door/poses", |m| m.payload == b"heard");
    println!("poses flow {:.2} s after the broker's return", back.elapsed().as_secs_f64());
    assert!(subscriber.messages().iter().all(|m| m.payload != b"unheard"), "stale poses");
    subscriber.wait("posed/schema", |_| true);
    subscriber.wait("posed/door/state", |_| true);
    assert_eq!(publisher.stats().reconnects, 1);
    let lines = log_lines(&format!(":{port}:"));
    assert!(lines.len() <= 4, "connected, lost, no connection, connected: {lines:#?}");
}
