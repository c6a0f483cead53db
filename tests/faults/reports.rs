//! Faults that users report of programs like this one, tried on the binary alone: set
//! `POSED_BINARY` to try another one. The other tests of these faults are beside the code.

use crate::Trial;
use crate::cameras::{Camera, h264};
use crate::common::{Mosquitto as Broker, Posed, clip, posed, wait_for};
use crate::rig::{Config, Connection::*, Rig, Wall::*, listen};
use crate::skew::skewed;
use crate::web::refusing;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// What `posed check` says to a configuration with this source, and its exit code.
fn check(source: &str, mqtt: &str) -> (Option<i32>, String) {
    let mut config = Config::for_port(1).mqtt(mqtt);
    config.cameras.clear();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    std::fs::write(&path, config.camera("door", source, "").text()).unwrap();
    let done = posed(&["check", "--config"]).arg(path).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8_lossy(&said).into_owned())
}

pub fn addresses_of_cheap_recorders(_: &mut Trial) {
    let source = "rtsp://host:554/user=admin&password=hunter2&channel=1&stream=0.sdp?";
    let (code, said) = check(source, "");
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

pub fn logins_with_unencoded_characters(_: &mut Trial) {
    let (code, said) = check("rtsp://ad min:p@ss:w/o#1@host/v", "");
    assert!(code == Some(78) && said.contains("percent-encode"), "{said}");
    assert!(!said.contains("p@ss") && !said.contains("can be run"), "{said}");
}

pub fn odd_password_files(_: &mut Trial) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    for (content, want) in [
        (&b"\xef\xbb\xbfsecret\n"[..], "byte order mark"),
        (b"secret\nsecond\n", "more than one line"),
        (b"", "is empty"),
        (b" secret\n", "blanks"),
    ] {
        std::fs::write(&file, content).unwrap();
        let (_, said) = check("test://ball", &format!("username = \"u\"\npassword_file = {file:?}\n"));
        assert!(said.contains(want), "{content:?}: {said}");
    }
}

/// The first reason that the camera "door" with this source gives, and the log.
fn failure(source: &str, after: Duration) -> (String, String) {
    let broker = Broker::start();
    let mut config = Config::for_port(broker.port);
    config.cameras.clear();
    let heard = listen("127.0.0.1", broker.port);
    let daemon = Posed::run(&config.camera("door", source, "").text());
    let state = heard.json("posed/door/state", |state| state["status"] == "failed");
    std::thread::sleep(after);
    let (_, log) = daemon.stop();
    (state["reason"].as_str().unwrap_or_default().to_owned(), log)
}

pub fn wrong_logins(_: &mut Trial) {
    let camera = refusing(&["Basic realm=\"cam\""]);
    let source = format!("rtsp://user:wrong@127.0.0.1:{}/v", camera.port);
    // Enough for further attempts, if there were any.
    let (reason, log) = failure(&source, Duration::from_secs(4));
    assert_eq!(camera.logins(), 1, "{log}");
    assert!(reason.contains("password_file"), "{reason}");
}

pub fn logins_that_gstreamer_lacks(_: &mut Trial) {
    let camera = refusing(&["Digest realm=\"cam\", nonce=\"77\", algorithm=SHA-256"]);
    let source = format!("rtsp://user:right@127.0.0.1:{}/v", camera.port);
    let (reason, _) = failure(&source, Duration::ZERO);
    assert!(reason.contains("SHA-256"), "{reason}");
}

/// A rig whose only camera, "hall", has this source.
fn with_source(source: &str, keys: &str) -> Rig {
    let broker = Broker::start();
    let mut config = Config::for_port(broker.port);
    config.cameras.clear();
    Rig::start(broker, config.camera("hall", source, keys))
}

pub fn looped_picture(trial: &mut Trial) {
    let dir = tempfile::tempdir().unwrap();
    let picture = dir.path().join("a.png");
    // 16x16 px of one grey.
    let bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\0\0\0\0\x3a\x98\xa0\xbd\0\0\0\x0fIDAT\x78\xdach@\x03\x0c#[\0\0\x05\x0c\x80\x01\xe33Y\x8a\0\0\0\0IEND\xaeB`\x82";
    std::fs::write(&picture, bytes).unwrap();
    let rig =
        with_source(&format!("file://{}", picture.display()), "loop = true\npicture_interval_ms = 200\n");
    trial.pause(2000..3000);
    let log = rig.ends_well(Held, Steady);
    assert!(log.lines().count() < 30, "{} lines of log", log.lines().count());
}

/// The demo clip with a turn by 90 degrees in its header, as telephones write it.
fn turned(dir: &Path) -> String {
    let mut bytes = std::fs::read(clip()).unwrap();
    let matrix = bytes.windows(4).position(|four| four == b"tkhd").unwrap() + 4 + 40;
    for (index, value) in [(0, 0), (1, 1), (3, -1), (4, 0)] {
        let fixed: i32 = value << 16;
        bytes[matrix + 4 * index..matrix + 4 * index + 4].copy_from_slice(&fixed.to_be_bytes());
    }
    let path = dir.join("turned.mp4");
    std::fs::write(&path, bytes).unwrap();
    format!("file://{}", path.display())
}

pub fn clip_on_its_side(_: &mut Trial) {
    let dir = tempfile::tempdir().unwrap();
    let rig = with_source(&turned(dir.path()), "paced = true\nloop = true\n");
    let frame = rig.listen().json("posed/hall/poses", |_| true)["frame"].clone();
    assert_eq!(frame, serde_json::json!({"width": 720, "height": 1280}));
    rig.ends_well(Held, Steady);
}

pub fn stream_joined_between_key_frames(_: &mut Trial) {
    // A key frame in eight seconds.
    let camera = Camera::start(&h264(320, 240, 15).replace("key-int-max=15", "key-int-max=120"));
    let broker = Broker::start();
    let other = Config::for_port(broker.port).mqtt("prefix = \"other\"\n").rtsp("door", camera.port);
    let heard = listen("127.0.0.1", broker.port);
    let first = Posed::run(&other.text());
    heard.json("other/door/poses", |_| true);
    let second = Posed::run(&Config::for_port(broker.port).rtsp("door", camera.port).text());
    let state = heard.json("posed/door/state", |state| state["decoded"].as_u64() > Some(0));
    assert_ne!(state["status"], "online", "people in grey pictures: {state}");
    let state = heard.json("posed/door/state", |state| state["status"] == "online");
    assert!(state["dropped"]["no_key_frame"].as_u64() > Some(0), "{state}");
    heard.json("posed/door/poses", |_| true);
    assert!(first.stop().0.success() && second.stop().0.success());
}

pub fn camera_that_was_removed(trial: &mut Trial) {
    let state = tempfile::tempdir().unwrap();
    let broker = Broker::start();
    let one = Config::for_port(broker.port).mqtt("client_id = \"same\"\n");
    let start = |config: &Config| {
        let mut command = posed(&["run"]);
        command.env("STATE_DIRECTORY", state.path());
        Posed::spawn(command, &config.text())
    };
    let heard = listen("127.0.0.1", broker.port);
    let both = start(&one.clone().clip("door"));
    heard.json("posed/door/state", |state| state["status"] == "online");
    // The list of topics is written with the messages.
    trial.pause(6000..7000);
    both.signal("KILL");
    both.ended();
    let alone = start(&one);
    heard.wait("posed/door/state", |m| m.payload.is_empty());
    assert!(alone.stop().0.success());
}

pub fn camera_whose_clock_is_slow(_: &mut Trial) {
    let camera = Camera::start(&h264(320, 240, 15));
    let broker = Broker::start();
    let config = Config::for_port(broker.port).rtsp("door", skewed(camera.port, -5));
    let rig = Rig::start(broker, config);
    // Beyond the first sender report.
    wait_for("a minute's frames", || (rig.messages("door").len() >= 60).then_some(()));
    let clocks: Vec<Value> = rig.messages("door").iter().map(|message| message["clock"].clone()).collect();
    let changes = clocks.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes <= 1, "the clock changes {changes} times");
    rig.ends_well(Held, Steady);
}

pub fn camera_with_a_frame_in_eight_seconds(_: &mut Trial) {
    let launch = h264(320, 240, 15)
        .replace("framerate=15/1", "framerate=1/8")
        .replace("key-int-max=15", "key-int-max=1");
    let camera = Camera::start(&launch);
    let source = format!("rtsp://127.0.0.1:{}/live", camera.port);
    let rig = with_source(&source, "connect_timeout_ms = 30000\n");
    let state = rig.listen().json("posed/hall/state", |_| true);
    assert!(state["status"] == "online" && state["attempts"] == 1, "it reconnects: {state}");
    rig.ends_well(Held, Steady);
}
