//! The process is paused, killed, starved, or one of its stages fails.

use crate::cgroup::Group;
use crate::common::{Message, Mosquitto as Broker, PATIENCE, Posed, posed, posed_after};
use crate::rig::{Config, Connection::*, Rig, Wall::*, listen};
use crate::{Trial, skipped};
use serde_json::Value;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

pub fn process_paused(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let rig = Rig::start(broker, config);
    trial.pause(0..1000);
    let watcher = rig.listen();
    rig.posed.signal("STOP");
    watcher.until("posed/availability", |word| word == "offline");
    trial.pause(0..3000);
    rig.posed.signal("CONT");
    watcher.until("posed/availability", |word| word == "online");
    rig.ends_well(Lost, Steady);
}

pub fn fifty_reloads(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let rig = Rig::start(broker, config.clone());
    let both = config.clone().clip("door");
    // The first camera that comes loads what later ones share.
    rig.write(&both);
    rig.posed.signal("HUP");
    rig.listen().json("posed/door/poses", |_| true);
    for round in 0..50 {
        rig.write(if round % 2 == 0 { &config } else { &both });
        rig.posed.signal("HUP");
        trial.pause(0..40);
    }
    rig.listen().json("posed/door/poses", |_| true);
    rig.write(&config);
    rig.posed.signal("HUP");
    rig.listen().json("posed/door/state", |state| state["status"] == "stopped");
    rig.ends_well(Held, Steady);
}

pub fn process_killed(trial: &mut Trial) {
    killed(trial, 3);
}

pub fn process_killed_fifty_times(trial: &mut Trial) {
    killed(trial, 50);
}

fn killed(trial: &mut Trial, times: usize) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    for _ in 0..times {
        let posed = Posed::run(&config.text());
        trial.pause(0..1500);
        posed.signal("KILL");
        posed.ended();
    }
    let rig = Rig::start(broker, config);
    rig.listen().until("posed/availability", |word| word == "online");
    rig.ends_well(Held, Steady);
}

/// posed with a folder of faults in the variable `name`.
fn with_faults(name: &str, folder: &Path) -> Command {
    let mut command = posed(&["run"]);
    // The symbols of a debug build take 100 MB once a backtrace is printed.
    command.env(name, folder).env("RUST_BACKTRACE", "0");
    command
}

pub fn stages_panic(trial: &mut Trial) {
    let faults = tempfile::tempdir().unwrap();
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let mut stages = ["infer-0", "mqtt", "state", "cap-hall"];
    trial.rng.shuffle(&mut stages);
    for stage in stages {
        let heard = listen("127.0.0.1", broker.port);
        let posed = Posed::spawn(with_faults("POSED_PANIC", faults.path()), &config.text());
        heard.json("posed/hall/poses", |_| true);
        trial.pause(0..1000);
        std::fs::write(faults.path().join(stage), "").unwrap();
        let (status, log) = posed.ended();
        assert_eq!(status.code(), Some(70), "{stage}: {log}");
        heard.until("posed/availability", |word| word == "offline");
        std::fs::remove_file(faults.path().join(stage)).unwrap();
    }
    Rig::start(broker, config).ends_well(Held, Steady);
}

pub fn frames_panic(trial: &mut Trial) {
    let faults = tempfile::tempdir().unwrap();
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let rig = Rig::spawn(with_faults("POSED_PANIC", faults.path()), broker, config);
    let fault = faults.path().join("frames-hall");
    let attempts = trial.rng.u64(4..7);
    std::fs::write(&fault, "").unwrap();
    let failed = |state: &Value| state["status"] == "failed" && state["attempts"].as_u64() >= Some(attempts);
    rig.listen().json("posed/hall/state", failed);
    std::fs::remove_file(&fault).unwrap();
    rig.ends_well(Held, Steady);
}

pub fn stage_hangs(trial: &mut Trial) {
    let dir = tempfile::tempdir().unwrap();
    let notices = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    notices.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let faults = dir.path().join("faults");
    std::fs::create_dir(&faults).unwrap();
    let mut command = with_faults("POSED_HANG", &faults);
    command.env("NOTIFY_SOCKET", dir.path().join("notify")).env("WATCHDOG_USEC", "1000000");
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let heard = listen("127.0.0.1", broker.port);
    let daemon = Posed::spawn(command, &config.text());
    heard.json("posed/hall/poses", |_| true);
    let stages = ["infer-0", "mqtt", "state", "cap-hall"];
    let stage = stages[trial.rng.usize(..stages.len())];
    std::fs::write(faults.join(stage), "").unwrap();
    // As systemd: five seconds without a feed end the process.
    let (began, mut buffer) = (Instant::now(), [0; 4096]);
    let mut fed = Instant::now();
    while fed.elapsed() < Duration::from_secs(5) {
        assert!(began.elapsed() < 3 * PATIENCE, "{stage} hangs and the watchdog is fed");
        let Ok(n) = notices.recv(&mut buffer) else { continue };
        if String::from_utf8_lossy(&buffer[..n]).contains("WATCHDOG=1") {
            fed = Instant::now();
        }
    }
    daemon.signal("KILL");
    let (_, log) = daemon.ended();
    assert!(log.contains("has made no progress"), "{stage}: {log}");
    Rig::start(broker, config).ends_well(Held, Steady);
}

pub fn files_run_out(_: &mut Trial) {
    let broker = Broker::start();
    let mut config = Config::for_port(broker.port);
    for n in 0..8 {
        config = config.clip(&format!("door{n}"));
    }
    let heard = listen("127.0.0.1", broker.port);
    let posed = Posed::spawn(posed_after("ulimit -n 24"), &config.text());
    std::thread::sleep(Duration::from_secs(15));
    if !Path::new(&format!("/proc/{}/exe", posed.pid())).exists() {
        let (status, log) = posed.ended();
        assert!(status.code().is_some() && log.contains("file"), "{status}: {log}");
        return;
    }
    let all = heard.messages();
    let quiet = |name: &&(String, String)| {
        let works = |m: &Message| m.topic == format!("posed/{}/poses", name.0);
        let refused =
            |m: &Message| m.topic == format!("posed/{}/state", name.0) && m.text().contains("\"failed\"");
        !all.iter().any(|m| works(m) || refused(m))
    };
    let quiet: Vec<_> = config.cameras.iter().filter(quiet).map(|camera| &camera.0).collect();
    let (status, log) = posed.stop();
    assert!(
        quiet.is_empty() && status.code() == Some(0),
        "{status}, neither poses nor a reason: {quiet:?}\n{log}"
    );
}

pub fn memory_runs_out(trial: &mut Trial) {
    let Some(group) = Group::with_limit(trial.rng.u64(16..40) << 20) else {
        return skipped("no cgroup with a memory limit can be made (root)");
    };
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let join = format!("echo $$ > {}/cgroup.procs", group.folder().display());
    let (status, log) = Posed::spawn(posed_after(&join), &config.text()).ended();
    assert!(!status.success(), "{log}");
    drop(group);
    Rig::start(broker, config).ends_well(Held, Steady);
}

pub fn processor_is_taken(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port).clip("door");
    let rig = Rig::spawn(posed_after("taskset -pc 0 $$ >/dev/null"), broker, config);
    let busy = || {
        let mut command = Command::new("taskset");
        command.args(["-c", "0", "sh", "-c", "while :; do :; done"]).spawn().unwrap()
    };
    let mut loops = [busy(), busy()];
    trial.pause(5000..8000);
    for taker in &mut loops {
        taker.kill().unwrap();
        taker.wait().unwrap();
    }
    for camera in ["hall", "door"] {
        let ages = rig.messages(camera).into_iter().map(|m| m["age_ms"].as_f64().unwrap());
        let oldest = ages.fold(0.0, f64::max);
        assert!(oldest < 10_000.0, "{camera}: a pose of {oldest} ms");
    }
    rig.ends_well(Held, Steady);
}

pub fn log_reader_dies(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    // The FIFO's only reader ends after one byte.
    let reader = "f=$(mktemp -u) && mkfifo $f && { head -c 1 $f >/dev/null & } && exec 2>$f && rm $f";
    let mut rig = Rig::spawn(posed_after(reader), broker, config);
    trial.pause(0..1000);
    rig.broker.down();
    rig.broker.up();
    rig.ends_well(Lost, Steady);
}
