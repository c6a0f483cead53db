//! The publisher against a real mosquitto, and against listeners that are no brokers.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests wait for other processes, and may panic and print"
)]

mod broker;
mod certificates;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod limits;
mod listeners;
mod messages;
mod restarts;
mod spool;
mod trust;
mod twins;

use common::{keep_log, wait_for};
use posed::backoff::Backoff;
use posed::clock::SystemClock;
use posed::publish::{CameraStatus, Latency, Options, Publisher, State};
use posed::telemetry::progress::Progress;
use std::time::{Duration, SystemTime};

const MS: Duration = Duration::from_millis(1);

/// With pauses short enough for a test.
fn options(port: u16) -> Options {
    Options {
        retry: Backoff::new(20 * MS, 200 * MS).unwrap(),
        refused: Backoff::new(20 * MS, 200 * MS).unwrap(),
        unstable: Backoff::new(20 * MS, 200 * MS).unwrap(),
        ..Options::new("127.0.0.1", port, "posed-test")
    }
}

/// With a stable connection after a second.
fn quick(port: u16) -> Options {
    Options { stable: Duration::from_secs(1), ..options(port) }
}

fn start(options: Options) -> Publisher {
    keep_log();
    Publisher::start(options, SystemClock::shared(), &Progress::default()).unwrap()
}

fn connected(publisher: &Publisher) {
    wait_for("a connection", || publisher.connected().then_some(()));
}

fn state(status: CameraStatus) -> State<'static> {
    State {
        status,
        reason: None,
        since: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_489_511_123),
        decoder: Some("avdec_h264"),
        caps: Some("video/x-raw, format=I420, width=1280, height=720"),
        attempts: 3,
        fps_in: 25.04,
        fps_out: 24.96,
        people: 2,
        decoded: 103,
        published: 100,
        dropped: [("overwritten", 3), ("rate", 0)].into(),
        unsent: [("offline", 7)].into(),
        skipped: [("max_people", 4)].into(),
        latency: Some(Latency { p50_ms: 18.34, p99_ms: 31.0 }),
        finder: Some(Latency { p50_ms: 4.02, p99_ms: 5.0 }),
        pose: Some(Latency { p50_ms: 14.16, p99_ms: 25.0 }),
    }
}
