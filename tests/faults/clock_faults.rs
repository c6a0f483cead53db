//! The wall clock is stepped. libfaketime shifts the wall clock of the process and leaves its
//! monotonic clock alone.

use crate::common::{Mosquitto as Broker, posed};
use crate::rig::{Config, Connection::*, Rig, Wall::*, number};
use crate::{Trial, skipped};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

const HOUR_S: i64 = 3600;

/// Debian's package faketime.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|path| path.exists())
}

pub fn clock_forward(trial: &mut Trial) {
    stepped(trial, HOUR_S);
}

pub fn clock_back(trial: &mut Trial) {
    stepped(trial, -HOUR_S);
}

pub fn clock_in_1970(trial: &mut Trial) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    stepped(trial, 24 * HOUR_S - i64::try_from(now.as_secs()).unwrap());
}

fn stepped(trial: &mut Trial, by_s: i64) {
    let Some(library) = library() else { return skipped("libfaketime is not installed (package faketime)") };
    let dir = tempfile::tempdir().unwrap();
    let offset = dir.path().join("offset");
    std::fs::write(&offset, "+0\n").unwrap();
    let mut command = posed(&["run"]);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &offset);
    for name in ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_DONT_RESET"] {
        command.env(name, "1");
    }
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let rig = Rig::spawn(command, broker, config);
    trial.pause(0..1000);
    std::fs::write(&offset, format!("{by_s:+}\n")).unwrap();
    rig.flows();
    let captured = number(&rig.listen().json("posed/hall/poses", |_| true), "captured_ns");
    let captured = i128::from(captured) / 1_000_000_000;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let off = captured - i128::from(now.as_secs()) - i128::from(by_s);
    assert!(off.abs() < 60, "captured_at is {off} s off the stepped clock");
    trial.pause(0..2000);
    for message in rig.messages("hall") {
        assert!(message["age_ms"].as_f64().unwrap() < 10_000.0, "{message}");
    }
    rig.ends_well(Held, Stepped);
}
