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
mod editor;
mod feed;
mod metrics;
mod page;
mod security;
mod zones;

use client::Client;
use posed::clock::SystemClock;
use posed::http::{
    BrokerCensus, CameraCensus, Census, CensusSource, Error, HistoryCensus, Hub, Options, Server, Shape,
    SpoolCensus, ZoneKeeper, ZoneRefusal, ZoneRequest, ZoneSheet,
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
        let history = Some(HistoryCensus {
            written: 7,
            dropped: [("overflow", 1), ("no_time", 0), ("failed", 0)],
            on_disk: true,
        });
        Census { cameras: vec![door, hall], broker, history }
    }
}

/// Answers with one sheet; it counts as saved whatever is sent.
impl ZoneKeeper for House {
    fn take(&self, request: ZoneRequest) -> bool {
        let known = request.camera == "hall";
        let sheet = ZoneSheet { file: "posed.toml".into(), version: "1".into(), ..ZoneSheet::default() };
        let camera = request.camera.clone();
        request.answer(if known { Ok(sheet) } else { Err(ZoneRefusal::NoCamera(camera)) });
        true
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
        Served::serve(options, dir)
    }

    fn serve(options: Options, dir: tempfile::TempDir) -> Served {
        let (hub, progress) = (Arc::new(Hub::default()), Arc::new(Progress::default()));
        let server = start(&options, hub.clone(), &progress).unwrap();
        let client = Client(server.address());
        Served { server: Some(server), hub, client, _dir: dir }
    }
}

fn start(options: &Options, hub: Arc<Hub>, progress: &Arc<Progress>) -> Result<Server, Error> {
    Server::start(options, hub, Arc::new(House), Arc::new(House), SystemClock::shared(), progress)
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop(common::PATIENCE);
        }
    }
}

/// Number of messages with poses so far.
fn pose_messages(messages: &common::Subscriber) -> usize {
    messages.messages().iter().filter(|message| message.topic.ends_with("/poses")).count()
}

fn options(dir: &tempfile::TempDir, listen: &str, token: Option<&str>) -> Options {
    let token_file: Option<PathBuf> = token.map(|token| {
        let path = dir.path().join("token");
        std::fs::write(&path, token).unwrap();
        path
    });
    let hosts = vec!["posed.lan".into()];
    Options { listen: listen.parse().unwrap(), token_file, hosts, snapshots: false, edit: false }
}
