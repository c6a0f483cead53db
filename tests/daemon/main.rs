//! Tests of the real binary with a real clip and a real broker.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests wait for processes, and may fail")]

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod panic;
mod stderr;
mod stop;

use common::{Mosquitto, Posed, Subscriber, camera, config, posed, wait_for};
use serde_json::Value;

#[test]
fn every_decoded_frame_is_published_or_counted() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let posed = Posed::run(&config(&broker, &camera("hall", "paced = false\nloop = false\n")));
    let ended = subscriber.json("posed/hall/state", |state| state["status"] == "ended");
    assert_eq!(ended["decoded"], 375, "{ended}");
    let (status, log) = posed.stop();
    assert!(status.success(), "{log}");
    // The camera's last state comes after its last frame.
    let accounted = |state: &Value| {
        let dropped: u64 = state["dropped"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        state["published"].as_u64().unwrap() + dropped == state["decoded"].as_u64().unwrap()
    };
    subscriber.json("posed/hall/state", |state| state["status"] == "stopped" && accounted(state));
}

#[test]
fn poses_carry_names_times_and_growing_sequence_numbers() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let _posed = Posed::run(&config(&broker, &camera("hall", "paced = true\nloop = true\n")));
    let mut before = None;
    for _ in 0..5 {
        let message = subscriber.json("posed/hall/poses", |_| true);
        assert_eq!(message["camera"], "hall");
        assert_eq!(message["frame"]["width"], 1280);
        assert!(message["age_ms"].as_f64().unwrap() >= 0.0);
        let seq = message["seq"].as_u64().unwrap();
        assert!(before.is_none_or(|b| seq > b));
        before = Some(seq);
    }
}

#[test]
fn a_broker_that_lost_its_memory_gets_everything_again() {
    let mut broker = Mosquitto::start();
    let posed = Posed::run(&config(&broker, &camera("hall", "paced = true\nloop = true\n")));
    Subscriber::start(&broker).json("posed/hall/poses", |_| true);
    broker.down();
    broker.up();
    let subscriber = Subscriber::start(&broker);
    assert_eq!(subscriber.until("posed/availability", |_| true), "online");
    subscriber.json("posed/hall/state", |state| state["status"] == "online");
    subscriber.json("posed/hall/poses", |_| true);
    let (status, log) = posed.stop();
    assert!(status.success(), "{log}");
    assert_eq!(subscriber.until("posed/availability", |_| true), "offline");
}

#[test]
fn a_reload_changes_what_changed_and_nothing_else() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let keep = camera("keep", "paced = true\nloop = true\n");
    let journal = "[log]\nformat = \"journal\"\n";
    let posed = Posed::run(&config(&broker, &format!("{keep}{journal}")));
    subscriber.json("posed/keep/poses", |_| true);

    std::fs::write(&posed.config, "[[camera]]\nname = 7\n").unwrap();
    posed.signal("HUP");
    let seq = subscriber.json("posed/keep/poses", |_| true)["seq"].as_u64().unwrap();

    let both = format!("{keep}{}{journal}", camera("more", "paced = true\nloop = true\n"));
    std::fs::write(&posed.config, config(&broker, &both)).unwrap();
    posed.signal("HUP");
    subscriber.json("posed/more/poses", |_| true);
    // A restarted camera would count from zero.
    assert!(subscriber.json("posed/keep/poses", |_| true)["seq"].as_u64().unwrap() > seq);

    std::fs::write(&posed.config, config(&broker, &format!("{keep}{journal}"))).unwrap();
    posed.signal("HUP");
    subscriber.json("posed/more/state", |state| state["status"] == "stopped");
    let (status, log) = posed.stop();
    assert!(status.success(), "{log}");
    // <3> and <6> are the journal's priorities for errors and information.
    assert!(log.contains("<3>SIGHUP: keeping the old configuration"), "{log}");
    assert!(log.contains("<6>SIGHUP: cameras added: more"), "{log}");
}

#[test]
fn a_bad_camera_does_not_affect_others() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let absent = "[[camera]]\nname = \"absent\"\nsource = \"rtsp://127.0.0.1:9/none\"\nfinder = \"none\"\n";
    let cameras = format!("{absent}{}", camera("hall", "paced = true\nloop = true\n"));
    let posed = Posed::run(&config(&broker, &cameras));
    let state = subscriber.json("posed/absent/state", |state| state["status"] == "failed");
    assert!(state["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{state}");
    subscriber.json("posed/hall/poses", |_| true);
    subscriber.json("posed/absent/state", |state| state["attempts"].as_u64().unwrap() >= 3);
    let (status, log) = posed.stop();
    assert!(status.success(), "{log}");
    // Several attempts, one log line.
    assert_eq!(log.lines().filter(|line| line.contains("next attempt")).count(), 1, "{log}");
    assert!(!log.contains("Could not connect to server"), "a line of GStreamer's: {log}");
}

#[test]
fn usage_and_configuration_have_their_exit_codes() {
    assert_eq!(posed(&["fly"]).output().unwrap().status.code(), Some(64));
    assert_eq!(posed(&["run", "--config", "/nonexistent"]).output().unwrap().status.code(), Some(78));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.toml");
    std::fs::write(&path, "[mqtt]\nurll = 1\n[[camera]]\nname = \"a b\"\n").unwrap();
    let out = posed(&["check", "--config", path.to_str().unwrap()]).output().unwrap();
    assert_eq!(out.status.code(), Some(78));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("urll") && said.contains("camera"), "all faults at once: {said}");
}

#[test]
fn check_prints_what_would_run() {
    let broker = Mosquitto::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("good.toml");
    std::fs::write(&path, config(&broker, &camera("hall", ""))).unwrap();
    let out = posed(&["check", "--config", path.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    for want in ["hall", "appsink", "posed/hall/poses", "lpn50-128x96"] {
        assert!(said.contains(want), "{want} in {said}");
    }
}

#[test]
fn stopped_is_the_last_message_of_a_camera() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let keep = camera("keep", "paced = true\nloop = true\n");
    let posed = Posed::run(&config(&broker, &keep));
    subscriber.json("posed/keep/poses", |_| true);
    for _ in 0..5 {
        // Unpaced: when the camera stops, a worker always holds one of its frames.
        let both = format!("{keep}{}", camera("more", "paced = false\nloop = true\n"));
        std::fs::write(&posed.config, config(&broker, &both)).unwrap();
        posed.signal("HUP");
        subscriber.json("posed/more/poses", |_| true);
        std::fs::write(&posed.config, config(&broker, &keep)).unwrap();
        posed.signal("HUP");
        let last = subscriber.json("posed/more/state", |state| state["status"] == "stopped");
        // These frames of the other camera come after the reload.
        (0..5).for_each(|_| assert!(subscriber.next("posed/more/poses", "posed/keep/poses").is_none()));
        let dropped: u64 = last["dropped"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(last["decoded"].as_u64(), last["published"].as_u64().map(|n| n + dropped), "{last}");
    }
}

#[test]
fn cameras_that_come_and_go_leave_no_threads_or_files() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let keep = camera("keep", "paced = true\nloop = true\n");
    let posed = Posed::run(&config(&broker, &keep));
    subscriber.json("posed/keep/poses", |_| true);
    let count = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", posed.pid())).unwrap().count();
    let round = |_| {
        let both = format!("{keep}{}", camera("more", "paced = true\nloop = true\n"));
        std::fs::write(&posed.config, config(&broker, &both)).unwrap();
        posed.signal("HUP");
        subscriber.json("posed/more/poses", |_| true);
        std::fs::write(&posed.config, config(&broker, &keep)).unwrap();
        posed.signal("HUP");
        subscriber.json("posed/more/state", |state| state["status"] == "stopped");
    };
    round(0);
    let (tasks, fds) = (count("task"), count("fd"));
    (0..4).for_each(round);
    // Decoder threads end shortly after their pipeline.
    wait_for("as many threads and files as before", || {
        (count("task") <= tasks && count("fd") <= fds).then_some(())
    });
}
