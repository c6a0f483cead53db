//! Every key, and what it is when it is not given.

use super::{MINIMAL, good, machine};
use posed::capture::{Source, Transport};
use posed::config::{self, SmoothingMode};
use posed::events::{FallOptions, Zone};
use posed::geometry::Rotate;
use std::path::Path;
use std::time::Duration;

#[test]
fn an_empty_file_with_one_camera_has_the_documented_defaults() {
    let config = good(MINIMAL);
    assert_eq!(config.mqtt.url.to_string(), "mqtt://localhost:1883");
    assert!(config.mqtt.client_id.starts_with("posed-kitchen-"), "{}", config.mqtt.client_id);
    assert_eq!(config.mqtt.prefix, "posed");
    assert_eq!(config.http, None);
    assert_eq!(config.history.days, 30);
    assert_eq!((config.mqtt.login, config.mqtt.keep_alive), (None, Duration::from_secs(10)));
    assert_eq!(config.model.pose, Path::new("/usr/share/posed/models/lpn50-256x192"));
    assert_eq!((config.inference.workers, config.inference.threads), (1, None));
    let camera = &config.cameras[0];
    assert_eq!((camera.name.as_str(), camera.rotate, camera.roi), ("door", Rotate::None, None));
    assert_eq!((camera.transport, camera.latency), (Transport::Tcp, Duration::from_millis(100)));
    assert!(camera.finder && camera.max_fps.is_none());
}

#[test]
fn broker_urls_have_their_usual_ports() {
    for (url, want) in [
        ("mqtt://broker", "mqtt://broker:1883"),
        ("mqtts://broker/", "mqtts://broker:8883"),
        ("MQTT://broker", "mqtt://broker:1883"),
        ("mqtt://[::1]", "mqtt://[::1]:1883"),
        ("mqtt://[2001:db8::1]:99", "mqtt://[2001:db8::1]:99"),
    ] {
        assert_eq!(good(&format!("[mqtt]\nurl = \"{url}\"\n{MINIMAL}")).mqtt.url.to_string(), want);
    }
}

#[test]
fn every_key_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["password", "ca.pem", "cert.pem", "key.pem"] {
        std::fs::write(dir.path().join(file), "hunter2\n").unwrap();
    }
    std::fs::write(dir.path().join("token"), "0123456789abcdef\n").unwrap();
    let text = r#"
        [mqtt]
        url = "mqtts://broker.example:8884/"
        client_id = "me"
        username = "posed"
        password_file = "password"
        prefix = "site/hall"
        tls_ca = "ca.pem"
        tls_cert = "cert.pem"
        tls_key = "key.pem"
        keep_alive_s = 30
        [model]
        pose = "models/p"
        finder = "/f"
        [inference]
        workers = 2
        threads = 3
        kernels = "generic"
        [pose]
        min_score = 0.3
        keypoint_score = 0
        min_keypoints = 3
        smoothing = "both"
        [log]
        level = "info,posed::capture=debug"
        format = "journal"
        [http]
        listen = "0.0.0.0:8750"
        token_file = "token"
        hosts = ["posed.lan", "posed.example"]
        snapshots = true
        edit = true
        [history]
        days = 0
        [[camera]]
        name = "clip"
        source = "file://clip.mp4"
        loop = true
        paced = false
        rotate = 270
        roi = [0.1, 0, 0.9, 1]
        max_fps = 7.5
        connect_timeout_ms = 4000
        stall_timeout_ms = 3000
        finder = "none"
        finder_interval_ms = 250
        max_people = 3
        cpu_budget = 0.25
        [[camera]]
        name = "yard"
        source = "rtsp://cam.example/main"
        username = "viewer"
        password_file = "password"
        transport = "udp"
        latency_ms = 250
    "#;
    let config = config::parse(text, &dir.path().join("posed.toml"), &machine())
        .unwrap_or_else(|faults| panic!("{faults}"))
        .config;
    assert_eq!(config.mqtt.url.to_string(), "mqtts://broker.example:8884");
    assert_eq!(config.mqtt.login.as_ref().unwrap().username, "posed");
    assert_eq!(config.mqtt.tls.ca, Some(dir.path().join("ca.pem")));
    assert!(config.mqtt.tls.identity.is_some());
    assert_eq!(config.model.pose, dir.path().join("models/p"));
    assert_eq!(config.inference.kernels.as_deref(), Some("generic"));
    assert_eq!((config.pose.min_score, config.pose.smoothing), (0.3, SmoothingMode::Both));
    let http = config.http.as_ref().unwrap();
    assert_eq!((http.listen, http.hosts.len()), (([0, 0, 0, 0], 8750).into(), 2));
    assert_eq!(http.token_file, Some(dir.path().join("token")));
    assert!(http.snapshots && http.edit);
    assert_eq!(config.history.keeper(Some(dir.path())), None);
    let [clip, yard] = config.cameras.as_slice() else { panic!("two cameras") };
    let path = dir.path().join("clip.mp4");
    assert_eq!(clip.source, Source::File { path, looped: true, paced: false });
    assert_eq!((clip.rotate, clip.roi), (Rotate::Cw270, Some([0.1, 0.0, 0.9, 1.0])));
    assert_eq!(
        (clip.max_fps, clip.finder, clip.max_people, clip.cpu_budget),
        (Some(7.5), false, 3, Some(0.25))
    );
    let Source::Rtsp { url, credentials: Some(login) } = &yard.source else { panic!("{:?}", yard.source) };
    assert_eq!((url.as_str(), login.password.as_str()), ("rtsp://cam.example/main", "hunter2"));
    assert_eq!((yard.transport, yard.latency), (Transport::Udp, Duration::from_millis(250)));
    assert!(!format!("{config:?}").contains("hunter2"), "a password in Debug output");
}

#[test]
fn delays_of_zones_and_falls_are_taken() {
    let zone = "[[camera.zone]]\nname = \"bed\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n";
    let events = |zone_keys: &str, fall_keys: &str| {
        let fall = format!("[[camera.event]]\ntype = \"fall\"\n{fall_keys}");
        let events = good(&format!("{MINIMAL}{zone}{zone_keys}{fall}")).cameras[0].events.clone();
        (events.zones[0].clone(), events.fall.unwrap())
    };
    let (zone, fall) = events("", "");
    assert_eq!(zone, Zone::new("bed", zone.polygon.clone()));
    assert_eq!(fall, FallOptions::default());
    let (zone, fall) = events("enter_s = 0\nleave_s = 2.5\ndwell_s = 60\nempty_s = 9\n", "clear_s = 4\n");
    assert_eq!((zone.enter_after, zone.leave_after), (Duration::ZERO, Duration::from_millis(2500)));
    assert_eq!((zone.dwell_after, zone.empty_after), (Some(Duration::from_secs(60)), Duration::from_secs(9)));
    assert_eq!((fall.confirm_after, fall.clear_after), (Duration::from_secs(20), Duration::from_secs(4)));
}
