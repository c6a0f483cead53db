//! A stop ends even if a stage hangs. The hangs in these tests last until they are released, so no
//! test measures time: a stop that waited for one would never end.

use crate::common::{Mosquitto, PATIENCE, Posed, Subscriber, camera, config, posed};
use posed::clock::SystemClock;
use posed::config::{self, Machine};
use posed::daemon::{Daemon, Tap};
use posed::frame::Frame;
use posed::geometry::View;
use posed::track::Person;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

/// Blocks the worker that calls it until the other end of `release` is dropped.
struct Stuck {
    entered: SyncSender<()>,
    release: Mutex<Receiver<()>>,
}

impl Tap for Stuck {
    fn people(&self, _: &str, _: &Frame, _: &View, _: &[Person]) {
        let _ = self.entered.try_send(());
        let _ = self.release.lock().unwrap().recv();
    }
}

#[test]
fn a_worker_that_hangs_is_left_behind_and_the_rest_stops() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let (entered, is_in) = sync_channel(1);
    let (release, released) = sync_channel(0);
    let stuck = Arc::new(Stuck { entered, release: Mutex::new(released) });
    let text = config(&broker, &camera("hall", "paced = true\nloop = true\n"));
    let loaded = config::parse(&text, Path::new("test.toml"), &Machine::here()).unwrap();
    let daemon = Daemon::start(loaded.config, SystemClock::shared(), Some(stuck)).unwrap();
    is_in.recv_timeout(PATIENCE).expect("a frame with its people");
    let (stopped, is_stopped) = sync_channel(1);
    std::thread::spawn(move || {
        daemon.stop();
        let _ = stopped.send(());
    });
    is_stopped.recv_timeout(PATIENCE).expect("a stop that does not wait for the worker");
    subscriber.json("posed/hall/state", |state| state["status"] == "stopped");
    subscriber.until("posed/availability", |word| word == "offline");
    drop(release);
}

#[test]
fn a_signal_during_the_start_ends_the_process_at_once() {
    let broker = Mosquitto::start();
    let models = tempfile::tempdir().unwrap();
    // Opening a FIFO waits for its other end: posed hangs on its model until the test opens it too.
    let manifest = models.path().join("model.toml");
    assert!(Command::new("mkfifo").arg(&manifest).status().unwrap().success());
    let other = format!("pose = \"{}\"", models.path().display());
    let text = config(&broker, &camera("hall", ""));
    let pose = text.lines().find(|line| line.starts_with("pose = ")).unwrap();
    let starting = Posed::spawn(posed(&["run"]), &text.replace(pose, &other));
    let writer = std::fs::OpenOptions::new().write(true).open(&manifest).unwrap();
    let (status, log) = starting.stop();
    assert!(status.success(), "{status}: {log}");
    drop(writer);
}

#[test]
fn a_second_daemon_does_not_use_the_first_ones_state() {
    let (broker, state) = (Mosquitto::start(), tempfile::tempdir().unwrap());
    let start = |name| {
        let mut command = posed(&["run"]);
        command.env("STATE_DIRECTORY", state.path());
        Posed::spawn(command, &config(&broker, &camera(name, "paced = true\nloop = true")))
    };
    let subscriber = Subscriber::start(&broker);
    let first = start("hall");
    subscriber.json("posed/hall/poses", |_| true);

    let (status, log) = start("cellar").ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains(&format!("in use by another posed (process {})", first.pid())), "{log}");

    let (status, log) = first.stop();
    assert!(status.success(), "{log}");
    // The lock goes with its process.
    let next = start("cellar");
    subscriber.json("posed/cellar/poses", |_| true);
    assert!(next.stop().0.success());
}
