//! Plain lines, from a real broker.

use super::scene::{fall, online, recording};
use crate::common::{Mosquitto, PATIENCE, posed, root, wait_for};
use rumqttc::{Client, MqttOptions, QoS};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Publishes at `broker` what the daemon would publish.
pub struct Publisher {
    client: Client,
    _thread: std::thread::JoinHandle<()>,
}

impl Publisher {
    pub fn start(broker: &Mosquitto) -> Publisher {
        Publisher::with(MqttOptions::new("publisher", "127.0.0.1", broker.port))
    }

    pub fn with(options: MqttOptions) -> Publisher {
        let (client, mut connection) = Client::new(options, 64);
        // It ends with the broker.
        let thread = std::thread::spawn(move || while let Some(Ok(_)) = connection.iter().next() {});
        Publisher { client, _thread: thread }
    }

    pub fn send(&self, topic: &str, payload: impl ToString, retain: bool) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload.to_string()).unwrap();
    }

    /// Publishes the recording frame by frame until `done`.
    pub fn replay(&self, mut done: impl FnMut() -> bool) {
        let (frames, start) = (recording(), Instant::now());
        for frame in frames.iter().skip(60).take(40).cycle() {
            if done() {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "the people are not shown");
            self.send("posed/hall/poses", frame, false);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A running `posed watch` whose lines are read.
struct Watch {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Watch {
    fn spawn(command: &mut Command) -> Watch {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
        Watch { child, lines, heard: Vec::new() }
    }

    /// Whether a line that holds `text` has been written.
    fn has(&mut self, text: &str) -> bool {
        self.heard.extend(self.lines.try_iter());
        self.heard.iter().any(|line| line.contains(text))
    }

    fn wait(&mut self, text: &str) {
        wait_for(text, || self.has(text).then_some(()));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url(broker: &Mosquitto) -> String {
    format!("mqtt://127.0.0.1:{}", broker.port)
}

#[test]
fn people_events_and_states_are_lines() {
    let broker = Mosquitto::start();
    let publisher = Publisher::start(&broker);
    publisher.send("posed/availability", "online", true);
    publisher.send("posed/hall/state", online(), true);
    let mut watch = Watch::spawn(&mut posed(&["watch", "--every", "1", "--broker", &url(&broker)]));
    watch.wait("connected");
    watch.wait("posed is online");
    watch.wait("hall is online");
    publisher.replay(|| watch.has("hall 2 people: 1 standing, 3 standing"));
    publisher.send("posed/hall/rug/occupancy", "OFF", true);
    publisher.send("posed/hall/rug/occupancy", "ON", true);
    publisher.send("posed/hall/events", fall(), false);
    watch.wait("hall fall confirmed: person 1 at rug");
    watch.wait("hall rug is occupied");
    watch.wait("44 dropped");
    let mut state = online();
    state["status"] = "stalled".into();
    state["reason"] = "no frame for 5 s".into();
    publisher.send("posed/hall/state", state, true);
    watch.wait("hall is stalled: no frame for 5 s");
    publisher.send("posed/availability", "offline", true);
    watch.wait("posed is offline");
    // Each line begins with the time of the day.
    let is_timed = |line: &String| line.as_bytes()[2] == b':' && line.as_bytes()[5] == b':';
    assert!(watch.heard.iter().all(is_timed), "{:?}", watch.heard);
}

#[test]
fn one_camera_of_the_configuration_is_watched_with_its_login() {
    let dir = tempfile::tempdir().unwrap();
    let passwords = dir.path().join("passwords");
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["me", "hunter2"]).status();
    assert!(made.unwrap().success());
    let broker = Mosquitto::with(&format!("allow_anonymous false\npassword_file {}\n", passwords.display()));
    let config = dir.path().join("posed.toml");
    let password = dir.path().join("password");
    std::fs::write(&password, "hunter2\n").unwrap();
    let camera = |name: &str| format!("[[camera]]\nname = \"{name}\"\nsource = \"test://\"\n");
    let login = "username = \"me\"\npassword_file = \"password\"\nprefix = \"site/posed\"\n";
    let text = format!("[mqtt]\nurl = \"{}\"\n{login}{}{}", url(&broker), camera("hall"), camera("yard"));
    std::fs::write(&config, text).unwrap();
    let mut options = MqttOptions::new("publisher", "127.0.0.1", broker.port);
    options.set_credentials("me", "hunter2");
    let publisher = Publisher::with(options);
    for camera in ["yard", "hall"] {
        publisher.send(&format!("site/posed/{camera}/state"), online(), true);
    }
    let args = ["watch", "--camera", "hall", "--config"];
    let mut watch = Watch::spawn(posed(&args).arg(&config));
    watch.wait("hall is online");
    assert!(!watch.has("yard"), "{:?}", watch.heard);
    // The same without a file.
    let url = url(&broker);
    let args = ["watch", "--broker", &url, "--prefix", "site/posed", "--username", "me", "--password-file"];
    let mut watch = Watch::spawn(posed(&args).arg(&password));
    watch.wait("hall is online");
    watch.wait("yard is online");
    let unknown = posed(&["watch", "--camera", "attic", "--config"]).arg(&config).output().unwrap();
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(!unknown.status.success() && said.contains("its cameras: hall, yard"), "{said}");
}

#[test]
fn the_broker_comes_and_goes() {
    let mut broker = Mosquitto::start();
    let mut watch = Watch::spawn(&mut posed(&["watch", "--broker", &url(&broker)]));
    watch.wait("connected");
    broker.down();
    watch.wait("away: ");
    watch.heard.clear();
    broker.up();
    watch.wait("connected");
    let publisher = Publisher::start(&broker);
    publisher.send("posed/hall/state", online(), true);
    watch.wait("hall is online");
}

#[test]
fn more_retained_messages_than_can_wait_arrive_all() {
    let broker = Mosquitto::start();
    let publisher = Publisher::start(&broker);
    for camera in 0..30 {
        publisher.send(&format!("posed/camera-{camera}/state"), online(), true);
        for zone in 0..20 {
            publisher.send(&format!("posed/camera-{camera}/zone-{zone}/people"), zone, true);
        }
    }
    publisher.send("posed/last/state", online(), true);
    let subscriber = crate::common::Subscriber::start(&broker);
    subscriber.wait("posed/last/state", |_| true);
    let mut watch = Watch::spawn(&mut posed(&["watch", "--every", "1", "--broker", &url(&broker)]));
    for camera in 0..30 {
        watch.wait(&format!("camera-{camera} is online, "));
    }
    let line = watch.heard.iter().find(|line| line.contains("camera-29 is online, ")).unwrap();
    assert!((0..20).all(|zone| line.contains(&format!(", zone-{zone} {zone}"))), "{line}");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let broker = Mosquitto::start();
    let mut command = posed(&["watch", "--every", "1", "--broker", &url(&broker)]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("broker mqtt://127.0.0.1"), "{first}");
    // The pipe is closed; the next line finds that out.
    let publisher = Publisher::start(&broker);
    publisher.send("posed/hall/state", online(), true);
    wait_for("the end of posed watch", || child.try_wait().unwrap());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("standard output") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_wrong_command_line_says_what_is_wrong() {
    let wild = posed(&["watch", "--broker", "mqtt://host", "--camera", "+"]).output().unwrap();
    assert!(String::from_utf8_lossy(&wild.stderr).contains("no camera's name"), "{wild:?}");
    for (args, want) in [
        (&["watch", "--broker", "http://host"][..], "http:// is not known"),
        (&["watch", "--broker", "mqtt://host", "--prefix", "a/#"], "unfit for a topic"),
        (&["watch", "--prefix", "posed"], "--broker"),
        (&["watch", "--broker", "mqtt://user:pw@host"], "use the keys username and password_file"),
    ] {
        let output = posed(args).current_dir(root()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(want), "{want} in {said}");
    }
}
