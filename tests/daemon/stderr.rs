//! The log is best effort: a standard error that takes no lines stops nothing.

use crate::common::{Mosquitto, Posed, Subscriber, camera, config, posed, posed_after};
use std::process::Command;

/// posed with the standard error that the shell command `redirect` gives it.
fn posed_with_stderr(redirect: &str) -> Command {
    let mut command = posed_after(redirect);
    command.env("POSED_LOG", "debug");
    command
}

/// Poses flow, and flow again after a restart of the broker, which is logged. The stop is normal.
fn runs_with_stderr(redirect: &str) {
    let mut broker = Mosquitto::start();
    let text = config(&broker, &camera("hall", "paced = true\nloop = true\n"));
    let posed = Posed::spawn(posed_with_stderr(redirect), &text);
    Subscriber::start(&broker).json("posed/hall/poses", |_| true);
    broker.down();
    broker.up();
    Subscriber::start(&broker).json("posed/hall/poses", |_| true);
    let (status, _) = posed.stop();
    assert!(status.success(), "{status}");
}

#[test]
fn a_full_disk_under_the_log_stops_nothing() {
    runs_with_stderr("exec 2>/dev/full");
}

#[test]
fn a_log_whose_reader_has_gone_stops_nothing() {
    // head reads one byte and ends.
    runs_with_stderr(
        "f=$(mktemp -u) && mkfifo $f && { head -c 1 $f >/dev/null & } && exec 2>$f && rm $f && printf x >&2 && wait",
    );
}

#[test]
fn a_log_whose_reader_does_not_read_stops_nothing() {
    // Opened for reading and writing, the FIFO has a reader that never reads: posed itself.
    runs_with_stderr("f=$(mktemp -u) && mkfifo $f && exec 2<>$f && rm $f && head -c 65536 /dev/zero >&2");
}

#[test]
fn a_bad_configuration_keeps_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.toml");
    std::fs::write(&path, "[mqtt]\nurll = 1\n").unwrap();
    let status = posed_with_stderr("exec 2>/dev/full").arg("--config").arg(&path).status().unwrap();
    assert_eq!(status.code(), Some(78));
    let mut missing = posed(&["run", "--config", "/nonexistent"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(missing.stderr(full).status().unwrap().code(), Some(78));
}
