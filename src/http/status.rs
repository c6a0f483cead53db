//! The state of everything, as the page gets it once a second.

use super::census::{CameraCensus, Census, Shape};
use super::hub::Hub;
use crate::telemetry::stats::Percentiles;
use serde::Serialize;
use std::time::SystemTime;

/// JSON on one line.
pub(super) fn json(census: &Census, hub: &Hub) -> Vec<u8> {
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        broker: if census.broker.connected { "connected" } else { "away" },
        watchers: hub.watchers(),
        snapshots: hub.stills().allowed(),
        history: census.history.is_some(),
        cameras: census.cameras.iter().map(Tile::new).collect(),
    };
    // Maps with text keys and finite numbers always serialize.
    serde_json::to_vec(&status).unwrap_or_default()
}

#[derive(Serialize)]
struct Status<'a> {
    /// A page of another version loads itself anew.
    version: &'static str,
    broker: &'static str,
    watchers: usize,
    /// Whether the page may ask for pictures.
    snapshots: bool,
    /// Whether a day can be looked at.
    history: bool,
    cameras: Vec<Tile<'a>>,
}

#[derive(Serialize)]
struct Tile<'a> {
    name: &'a str,
    status: &'static str,
    reason: Option<&'a str>,
    /// Unix time in ms.
    since_ms: u64,
    decoder: Option<&'a str>,
    caps: Option<&'a str>,
    fps_in: f64,
    fps_out: f64,
    people: usize,
    age: Option<Percentiles>,
    dropped: u64,
    decoded: u64,
    shapes: &'a [Shape],
}

impl Tile<'_> {
    fn new(camera: &CameraCensus) -> Tile<'_> {
        let since = camera.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Tile {
            name: &camera.name,
            status: camera.status,
            reason: camera.reason.as_deref(),
            since_ms: u64::try_from(since.as_millis()).unwrap_or(0),
            decoder: camera.decoder.as_deref(),
            caps: camera.caps.as_deref(),
            fps_in: tenths(camera.decoded_fps),
            fps_out: tenths(camera.published_fps),
            people: camera.people,
            age: camera.age,
            dropped: camera.counts.dropped.total(),
            decoded: camera.counts.decoded,
            shapes: &camera.shapes,
        }
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
