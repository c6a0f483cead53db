//! The messages of posed as they are on the wire: those parts that the live view shows.

use crate::events::Posture;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// A message on `<prefix>/<camera>/poses`.
#[derive(Deserialize)]
pub(super) struct PosesMessage {
    #[serde(default)]
    pub(super) age_ms: f64,
    pub(super) frame: FrameSize,
    pub(super) people: Vec<PersonMessage>,
}

/// Size of a frame in px.
#[derive(Deserialize)]
pub(super) struct FrameSize {
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A person of a frame.
#[derive(Deserialize)]
pub(super) struct PersonMessage {
    pub(super) id: u64,
    #[serde(rename = "box")]
    pub(super) bbox: [f32; 4],
    #[serde(default)]
    pub(super) posture: Posture,
    #[serde(default)]
    pub(super) posture_certainty: f32,
    pub(super) keypoints: HashMap<String, [f32; 3]>,
}

/// A message on `<prefix>/<camera>/state`.
#[derive(Deserialize)]
pub(super) struct StateMessage {
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) since: Option<String>,
    pub(super) decoder: Option<String>,
    #[serde(default)]
    pub(super) fps_in: f64,
    #[serde(default)]
    pub(super) fps_out: f64,
    #[serde(default)]
    pub(super) people: u64,
    #[serde(default)]
    pub(super) decoded: u64,
    #[serde(default)]
    pub(super) published: u64,
    #[serde(default)]
    pub(super) dropped: BTreeMap<String, u64>,
    pub(super) latency: Option<LatencyMessage>,
}

/// Percentiles of a time.
#[derive(Deserialize)]
pub(super) struct LatencyMessage {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// A message on `<prefix>/<camera>/events`.
#[derive(Deserialize)]
pub(super) struct EventMessage {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) person: Option<u64>,
    pub(super) zone: Option<String>,
    pub(super) line: Option<String>,
    pub(super) direction: Option<String>,
    pub(super) posture: Option<String>,
    pub(super) at: Option<String>,
}
