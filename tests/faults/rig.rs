//! The daemon under test, what it holds, and what its messages must add up to.

use crate::broker::Broker;
use crate::common::{Posed, Subscriber, clip, posed, root, wait_for};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

/// Memory that may stay: caches fill, and the allocator keeps pages.
const SLACK_KB: usize = 48 * 1024;

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    threads: usize,
    files: usize,
    resident_kb: usize,
}

impl Held {
    pub fn by(pid: u32) -> Held {
        let count = |what| std::fs::read_dir(format!("/proc/{pid}/{what}")).map_or(0, Iterator::count);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        let resident_kb = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Held { threads: count("task"), files: count("fd"), resident_kb }
    }
}

/// A configuration in parts.
#[derive(Clone)]
pub struct Config {
    pub port: u16,
    pub host: String,
    /// Further lines of `[mqtt]`.
    pub mqtt: String,
    pub model: std::path::PathBuf,
    pub cameras: Vec<(String, String)>,
}

impl Config {
    /// One camera, "hall", that plays the demo clip at five frames a second.
    pub fn for_port(port: u16) -> Config {
        let (host, mqtt) = ("127.0.0.1".to_owned(), "keep_alive_s = 5\n".to_owned());
        let model = root().join("models/lpn50-128x96");
        Config { port, host, mqtt, model, cameras: Vec::new() }.clip("hall")
    }

    pub fn mqtt(mut self, lines: &str) -> Config {
        self.mqtt += lines;
        self
    }

    pub fn clip(self, name: &str) -> Config {
        let source = format!("file://{}", clip().display());
        self.camera(name, &source, "paced = true\nloop = true\n")
    }

    /// An RTSP camera with short time-outs.
    pub fn rtsp(self, name: &str, port: u16) -> Config {
        let keys = "connect_timeout_ms = 5000\nstall_timeout_ms = 2000\n";
        self.camera(name, &format!("rtsp://127.0.0.1:{port}/live"), keys)
    }

    pub fn camera(mut self, name: &str, source: &str, keys: &str) -> Config {
        let text = format!("source = \"{source}\"\nfinder = \"none\"\nmax_fps = 5.0\n{keys}");
        self.cameras.push((name.to_owned(), text));
        self
    }

    pub fn without(mut self, name: &str) -> Config {
        self.cameras.retain(|camera| camera.0 != name);
        self
    }

    pub fn text(&self) -> String {
        let Config { host, port, mqtt, model, cameras } = self;
        let mut text = format!(
            "[mqtt]\nurl = \"mqtt://{host}:{port}\"\n{mqtt}[model]\npose = \"{}\"\n",
            model.display()
        );
        for (name, keys) in cameras {
            writeln!(text, "[[camera]]\nname = \"{name}\"\n{keys}").unwrap();
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.cameras.iter().map(|camera| camera.0.clone()).collect()
    }
}

/// Whether every message that was sent must have arrived.
#[derive(Clone, Copy, PartialEq)]
pub enum Connection {
    /// The connection to the broker held.
    Held,
    /// It was lost: what was on the way then may be gone.
    Lost,
}

/// Whether capture times may go back.
#[derive(Clone, Copy, PartialEq)]
pub enum Wall {
    Steady,
    Stepped,
}

/// A broker, a subscriber that hears everything, and a daemon with all of its cameras online.
pub struct Rig {
    pub broker: Broker,
    pub config: Config,
    pub posed: Posed,
    pub heard: Subscriber,
    host: &'static str,
    begun: Held,
}

impl Rig {
    pub fn start(broker: Broker, config: Config) -> Rig {
        Rig::spawn(posed(&["run"]), broker, config)
    }

    pub fn spawn(command: Command, broker: Broker, config: Config) -> Rig {
        Rig::on("127.0.0.1", command, broker, config)
    }

    pub fn on(host: &'static str, command: Command, broker: Broker, config: Config) -> Rig {
        let heard = listen(host, broker.port);
        let posed = Posed::spawn(command, &config.text());
        let mut rig = Rig { broker, posed, heard, config, host, begun: Held::by(0) };
        rig.flows();
        rig.begun = Held::by(rig.posed.pid());
        rig
    }

    pub fn listen(&self) -> Subscriber {
        listen(self.host, self.broker.port)
    }

    /// Waits until each camera gives three more messages.
    pub fn flows(&self) {
        let subscriber = self.listen();
        for name in self.config.names() {
            let topic = format!("posed/{name}/poses");
            (0..3).for_each(|_| drop(subscriber.json(&topic, |_| true)));
        }
    }

    /// Replaces the configuration file in one step.
    pub fn write(&self, config: &Config) {
        let new = self.posed.config.with_extension("new");
        std::fs::write(&new, config.text()).unwrap();
        std::fs::rename(&new, &self.posed.config).unwrap();
    }

    /// Waits until the daemon holds no more than after its start.
    pub fn holds_no_more(&self) {
        let begun = self.begun;
        let end = std::time::Instant::now() + crate::common::PATIENCE;
        loop {
            let now = Held::by(self.posed.pid());
            let fine = now.threads <= begun.threads
                && now.files <= begun.files
                && now.resident_kb <= begun.resident_kb + SLACK_KB;
            if fine {
                return;
            }
            assert!(std::time::Instant::now() < end, "it held {begun:?} and holds {now:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The daemon works as before the fault, holds no more, stops with 0, and its books add up.
    /// Returns its log.
    pub fn ends_well(self, connection: Connection, wall: Wall) -> String {
        self.flows();
        self.holds_no_more();
        let last = self.listen();
        let Rig { posed, config, heard, broker, .. } = self;
        let (status, log) = posed.stop();
        assert_eq!(status.code(), Some(0), "{log}");
        for name in config.names() {
            let topic = format!("posed/{name}/state");
            let state = last.wait(&topic, |m| m.text().contains("\"status\":\"stopped\""));
            let state: Value = serde_json::from_slice(&state.payload).unwrap();
            balances(&state);
            let sent = number(&state, "published") - sum(&state["unsent"]);
            let got = messages(&heard, &name);
            in_order(&name, &got, wall);
            assert!(got.len() as u64 <= sent, "{name}: {} of {sent} messages arrived: some twice", got.len());
            if connection == Connection::Held {
                // The subscriber's thread may be behind.
                wait_for("every message that was sent", || {
                    (messages(&heard, &name).len() as u64 == sent).then_some(())
                });
            }
        }
        last.wait("posed/availability", |m| m.text() == "offline");
        drop(broker);
        log
    }
}

pub fn listen(host: &str, port: u16) -> Subscriber {
    let id = format!("test-{:x}", fastrand::u64(..));
    Subscriber::with(rumqttc::MqttOptions::new(id, host, port))
}

/// Pose messages of a camera, in the order in which they came.
pub fn messages(heard: &Subscriber, camera: &str) -> Vec<Value> {
    let topic = format!("posed/{camera}/poses");
    let of_camera = heard.messages().into_iter().filter(|m| m.topic == topic);
    of_camera.map(|m| serde_json::from_slice(&m.payload).expect("payloads are JSON")).collect()
}

/// Every decoded frame is published or counted as dropped.
pub fn balances(state: &Value) {
    let dropped = sum(&state["dropped"]);
    assert_eq!(number(state, "decoded"), number(state, "published") + dropped, "{state}");
}

/// Within a session, numbers and capture times grow, and no message comes twice.
pub fn in_order(camera: &str, messages: &[Value], wall: Wall) {
    let mut last: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for message in messages {
        let session = message["session"].as_str().unwrap().to_owned();
        let (seq, captured) = (number(message, "seq"), number(message, "captured_ns"));
        assert!(seen.insert((session.clone(), seq)), "twice: {message}");
        if let Some((seq_before, captured_before)) = last.insert(session, (seq, captured)) {
            assert!(seq > seq_before, "{seq} after {seq_before}");
            assert!(
                wall == Wall::Stepped || captured >= captured_before,
                "{camera}: captured_ns goes back by {} ms at seq {seq}, clock {}",
                captured_before.saturating_sub(captured) / 1_000_000,
                message["clock"]
            );
        }
    }
}

pub fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("{key} in {value}"))
}

fn sum(map: &Value) -> u64 {
    map.as_object().unwrap().values().filter_map(Value::as_u64).sum()
}
