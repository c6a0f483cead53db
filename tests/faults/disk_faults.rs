//! The disk is full or gone, and files change under the daemon.

use crate::common::{Mosquitto as Broker, binary, posed, root};
use crate::namespace::{inside, run};
use crate::rig::{Config, Connection::*, Rig, Wall::*};
use crate::{Trial, skipped};
use std::path::Path;
use std::process::Command;

/// posed that keeps everything in `folder`.
fn living_in(folder: &Path) -> Command {
    let mut command = posed(&["run"]);
    for name in
        ["STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME", "TMPDIR"]
    {
        command.env(name, folder);
    }
    command
}

/// A broker that is killed and comes back gives the daemon something to keep.
fn outlives_an_outage(trial: &mut Trial, mut rig: Rig) {
    rig.flows();
    rig.restart(Broker::down, trial.duration(0..2000));
    rig.ends_well(Lost, Steady);
}

/// A small file system of its own. `options` are tmpfs's.
fn small_disk(options: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    run(&["mount", "-t", "tmpfs", "-o", options, "tmpfs", dir.path().to_str().unwrap()]);
    dir
}

/// The mount must go first, or the folder cannot.
fn unmount(dir: tempfile::TempDir) {
    run(&["umount", "--lazy", dir.path().to_str().unwrap()]);
}

pub fn disk_full(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    let disk = small_disk("size=64k");
    // Fails once the disk is full.
    assert!(std::fs::write(disk.path().join("big"), vec![0; 1 << 20]).is_err());
    let broker = Broker::start();
    let config = Config::for_port(broker.port).with_events();
    let rig = Rig::spawn(living_in(disk.path()), broker, config);
    outlives_an_outage(trial, rig);
    unmount(disk);
}

pub fn disk_read_only(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    let disk = small_disk("size=64m");
    let broker = Broker::start();
    let config = Config::for_port(broker.port).with_events();
    // A disk with files that are open for writing cannot become read-only.
    run(&["mount", "-o", "bind,remount,ro", disk.path().to_str().unwrap()]);
    let rig = Rig::spawn(living_in(disk.path()), broker, config);
    outlives_an_outage(trial, rig);
    unmount(disk);
}

pub fn disk_without_inodes(trial: &mut Trial) {
    if !inside(trial) {
        return;
    }
    let disk = small_disk("size=64m,nr_inodes=4");
    let filled =
        (0..10).map(|n| std::fs::write(disk.path().join(n.to_string()), "")).any(|done| done.is_err());
    assert!(filled, "the disk still has inodes");
    let broker = Broker::start();
    let config = Config::for_port(broker.port).with_events();
    let rig = Rig::spawn(living_in(disk.path()), broker, config);
    outlives_an_outage(trial, rig);
    unmount(disk);
}

pub fn state_directory_gone(trial: &mut Trial) {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("state");
    if trial.rng.bool() {
        std::fs::create_dir(&folder).unwrap();
    }
    let mut command = posed(&["run"]);
    command.env("STATE_DIRECTORY", &folder).env("RUNTIME_DIRECTORY", &folder);
    let broker = Broker::start();
    let config = Config::for_port(broker.port).with_events();
    let rig = Rig::spawn(command, broker, config);
    let _ = std::fs::remove_dir_all(&folder);
    outlives_an_outage(trial, rig);
}

pub fn model_replaced(trial: &mut Trial) {
    let dir = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(root().join("models/lpn50-128x96")).unwrap().flatten() {
        if file.path().is_file() {
            std::fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
        }
    }
    let broker = Broker::start();
    let config = Config { model: dir.path().to_owned(), ..Config::for_port(broker.port) };
    let rig = Rig::start(broker, config.clone());
    // In place: a file that is mapped into memory would be lost under the daemon's feet.
    let model = dir.path().join("model.onnx");
    std::fs::write(&model, "").unwrap();
    rig.flows();
    std::fs::write(&model, vec![trial.rng.u8(..); 1 << 20]).unwrap();
    rig.posed.signal("HUP");
    rig.flows();
    let check = posed(&["check", "--config"]).arg(&rig.posed.config).output().unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(78), "{said}");
    rig.ends_well(Held, Steady);
}

pub fn temporary_folder_gone(trial: &mut Trial) {
    let mut command = posed(&["run"]);
    command.env("TMPDIR", "/nonexistent").env("TMP", "/nonexistent").env("HOME", "/nonexistent");
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let rig = Rig::spawn(command, broker, config);
    outlives_an_outage(trial, rig);
}

pub fn temporary_folder_removed(trial: &mut Trial) {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("tmp");
    std::fs::create_dir(&folder).unwrap();
    let mut command = posed(&["run"]);
    command.env("TMPDIR", &folder).env("TMP", &folder);
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let mut rig = Rig::spawn(command, broker, config.clone());
    trial.pause(0..1000);
    std::fs::remove_dir_all(&folder).unwrap();
    // A new camera needs whatever a pipeline keeps there.
    rig.reload(config.clip("door"));
    outlives_an_outage(trial, rig);
}

pub fn disk_slow(trial: &mut Trial) {
    let delay_us = trial.rng.u64(300_000..1_000_000);
    let slow = "fsync,fdatasync,rename,unlink";
    // -D: the daemon is the child, and the tracer its grandchild.
    let tracer = || {
        let mut command = Command::new("strace");
        command
            .args(["-D", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", &format!("trace={slow}")])
            .args(["-e", &format!("inject={slow}:delay_enter={delay_us}")]);
        command
    };
    if !tracer().arg("true").status().is_ok_and(|status| status.success()) {
        return skipped("strace is not installed, or may not trace here");
    }
    let mut command = tracer();
    command.arg(binary()).arg("run").current_dir(root()).env_remove("POSED_LOG");
    let broker = Broker::start();
    let config = Config::for_port(broker.port).with_events();
    let mut rig = Rig::spawn(command, broker, config);
    rig.restart(Broker::down, trial.duration(0..2000));
    rig.flows();
    for message in rig.messages("hall") {
        assert!(message["age_ms"].as_f64().unwrap() < 10_000.0, "{message}");
    }
    rig.ends_well(Lost, Steady);
}

pub fn configuration_torn(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port).clip("door");
    let rig = Rig::start(broker, config);
    let whole = std::fs::read_to_string(&rig.posed.config).unwrap();
    // Without a camera, no beginning of the file is a configuration.
    let cameras = whole.find("[[camera]]").unwrap();
    for _ in 0..3 {
        let cut = trial.rng.usize(1..cameras);
        std::fs::write(&rig.posed.config, &whole[..cut]).unwrap();
        rig.posed.signal("HUP");
        trial.pause(0..200);
    }
    std::fs::remove_file(&rig.posed.config).unwrap();
    rig.posed.signal("HUP");
    rig.flows();
    std::fs::write(&rig.posed.config, &whole).unwrap();
    rig.posed.signal("HUP");
    rig.ends_well(Held, Steady);
}
