//! The page, the metrics and health: who may ask, what is answered, and that nobody slows a frame.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests wait for processes, may fail, and say why they skip"
)]

mod browser;
mod client;
#[path = "../common/mod.rs"]
mod common;
mod cost;
mod crowd;
mod daemon;
mod feed;
mod metrics;
mod page;
mod security;

use client::Client;
use posed::clock::SystemClock;
use posed::http::{
    BrokerCensus, CameraCensus, Census, CensusSource, Hub, Options, Server, Shape, SpoolCensus,
};
use posed::telemetry::progress::Progress;
use posed::telemetry::stats::{DropCounts, FrameCounts, Percentiles};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const TOKEN: &str = "a token of 24 characters";

/// A daemon with two cameras, of which one fails.
struct House;

impl CensusSource for House {
    fn census(&self) -> Census {
        let hall = CameraCensus {
            name: "hall".into(),
            status: "online",
            reason: None,
            since: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            decoder: Some("avdec_h264".into()),
            caps: Some("video/x-raw".into()),
            attempts: 1,
            decoded_fps: 25.04,
            published_fps: 24.96,
            people: 2,
            age: Some(Percentiles { p50_ms: 40.0, p99_ms: 80.0 }),
            counts: FrameCounts {
                decoded: 1000,
                published: 990,
                dropped: DropCounts { overwritten: 10, ..DropCounts::default() },
                ..FrameCounts::default()
            },
            shapes: Arc::new([Shape {
                name: "stairs".into(),
                points: vec![[0.1, 0.5], [0.4, 0.5], [0.4, 0.9]],
                closed: true,
            }]),
            unsent: [("offline", 3), ("overflow", 0), ("too_long", 0), ("stopped", 0)],
        };
        let reason = Some("connection \"refused\"".to_owned());
        let door =
            CameraCensus { name: "door".into(), status: "failed", reason, decoder: None, ..hall.clone() };
        let spool = Some(SpoolCensus { waiting: 1, bytes: 100, dropped: 0, on_disk: true });
        let broker = BrokerCensus { connected: true, reconnects: 2, published: 990, waiting: 1, spool };
        Census { cameras: vec![door, hall], broker }
    }
}

/// A server on a free port of this machine.
struct Served {
    server: Option<Server>,
    hub: Arc<Hub>,
    client: Client,
    _dir: tempfile::TempDir,
}

impl Served {
    /// Without a token, as on loopback.
    fn open() -> Served {
        Served::with(None)
    }

    fn with(token: Option<&str>) -> Served {
        let dir = tempfile::tempdir().unwrap();
        let options = options(&dir, "127.0.0.1:0", token);
        let (hub, progress) = (Arc::new(Hub::default()), Arc::new(Progress::default()));
        let server =
            Server::start(&options, hub.clone(), Arc::new(House), SystemClock::shared(), &progress).unwrap();
        let client = Client(server.address());
        Served { server: Some(server), hub, client, _dir: dir }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop(common::PATIENCE);
        }
    }
}

fn options(dir: &tempfile::TempDir, listen: &str, token: Option<&str>) -> Options {
    let token_file: Option<PathBuf> = token.map(|token| {
        let path = dir.path().join("token");
        std::fs::write(&path, token).unwrap();
        path
    });
    Options { listen: listen.parse().unwrap(), token_file, hosts: vec!["posed.lan".into()], snapshots: false }
}
