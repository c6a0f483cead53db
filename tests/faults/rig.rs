//! The daemon under test, what it holds, and what its messages must add up to.

use crate::common::{
    Mosquitto as Broker, PATIENCE, Posed, Subscriber, client_id, clip, posed, root, wait_for,
};
use crate::ledger::{events, is_complete};
use crate::proxy::Proxy;
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
    /// Clips have a zone and a line, and somebody's presence is an event: one event a second or so.
    pub events: bool,
}

/// In the demo clip two people walk to and fro.
const EVENTS: &str = "[[camera.zone]]\nname = \"left\"\nby = \"body\"\npolygon = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
[[camera.line]]\nname = \"middle\"\nby = \"body\"\nfrom = [0.5, 1.0]\nto = [0.5, 0.0]
[[camera.event]]\ntype = \"presence\"\nafter_s = 0.2
";

impl Config {
    /// One camera, "hall", that plays the demo clip at five frames a second.
    pub fn for_port(port: u16) -> Config {
        let (host, mqtt) = ("127.0.0.1".to_owned(), "keep_alive_s = 5\n".to_owned());
        let model = root().join("models/lpn50-128x96");
        Config { port, host, mqtt, model, cameras: Vec::new(), events: false }.clip("hall")
    }

    pub fn mqtt(mut self, lines: &str) -> Config {
        self.mqtt += lines;
        self
    }

    /// Events of the clips, which none may miss.
    pub fn with_events(self) -> Config {
        Config { events: true, ..self }
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
        let Config { host, port, mqtt, model, cameras, events } = self;
        let mut text = format!(
            "[mqtt]\nurl = \"mqtt://{host}:{port}\"\n{mqtt}[model]\npose = \"{}\"\n",
            model.display()
        );
        for (name, keys) in cameras {
            writeln!(text, "[[camera]]\nname = \"{name}\"\n{keys}").unwrap();
            if *events && keys.contains("file://") {
                text += EVENTS;
            }
        }
        text
    }

    pub fn names(&self) -> Vec<String> {
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
    pub heard: Vec<Subscriber>,
    host: &'static str,
    begun: Held,
    /// Between the daemon and the broker, if events are on: a new broker's subscriber must be there
    /// before the daemon is.
    gate: Option<Proxy>,
}

impl Rig {
    pub fn start(broker: Broker, config: Config) -> Rig {
        Rig::spawn(posed(&["run"]), broker, config)
    }

    pub fn spawn(command: Command, broker: Broker, config: Config) -> Rig {
        Rig::on("127.0.0.1", command, broker, config)
    }

    pub fn on(host: &'static str, command: Command, broker: Broker, mut config: Config) -> Rig {
        let heard = vec![listen(host, broker.port)];
        let gate = config.events.then(|| Proxy::to(broker.port));
        config.port = gate.as_ref().map_or(config.port, |gate| gate.port);
        let posed = Posed::spawn(command, &config.text());
        let mut rig = Rig { broker, posed, heard, config, host, begun: Held::by(0), gate };
        rig.flows();
        rig.begun = Held::by(rig.posed.pid());
        rig
    }

    pub fn listen(&self) -> Subscriber {
        listen(self.host, self.broker.port)
    }

    /// Ends the broker by `end`, and starts it again after `pause`. The first to come back is a
    /// subscriber.
    pub fn restart(&mut self, end: impl FnOnce(&mut Broker), pause: Duration) {
        if let Some(gate) = &self.gate {
            gate.refuse(true);
            // What the broker has acknowledged must reach the subscriber before the broker dies.
            gate.swallow(true);
            std::thread::sleep(Duration::from_millis(200));
        }
        end(&mut self.broker);
        std::thread::sleep(pause);
        self.broker.up();
        self.heard.push(self.listen());
        if let Some(gate) = &self.gate {
            gate.swallow(false);
            gate.refuse(false);
        }
    }

    /// Pose messages of a camera that any subscriber heard.
    pub fn messages(&self, camera: &str) -> Vec<Value> {
        messages(&self.heard, camera)
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

    /// Takes a new configuration, and what the daemon holds with it as its start.
    pub fn reload(&mut self, config: Config) {
        self.write(&config);
        self.posed.signal("HUP");
        self.config = config;
        self.flows();
        self.begun = Held::by(self.posed.pid());
    }

    /// Waits until the daemon holds no more than after its start.
    pub fn holds_no_more(&self) {
        let begun = self.begun;
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let now = Held::by(self.posed.pid());
            let fine = now.threads <= begun.threads
                // The spool opens a file at the first event.
                && now.files <= begun.files + 1
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
        if self.config.events {
            // On a busy machine few frames are seen, and few of them show something new.
            wait_for("an event", || (!events(&self.heard).is_empty()).then_some(()));
        }
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
        if config.events {
            let heard = events(&heard);
            is_complete(&heard).unwrap_or_else(|fault| panic!("{fault}\nof {heard:#?}\n{log}"));
        }
        drop(broker);
        log
    }
}

pub fn listen(host: &str, port: u16) -> Subscriber {
    Subscriber::with(rumqttc::MqttOptions::new(client_id(), host, port))
}

/// Pose messages of a camera, in the order in which they came.
fn messages(heard: &[Subscriber], camera: &str) -> Vec<Value> {
    let topic = format!("posed/{camera}/poses");
    let of_camera = heard.iter().flat_map(Subscriber::messages).filter(|m| m.topic == topic);
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
